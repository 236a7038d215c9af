//! Rows of contracts.

use std::borrow::Cow;

use clap::Args;
use jiff::civil::Date;

use super::amount::parse_amount;
use super::args::{FileArgs, Formats};
use super::columns::Header;
use super::currency::{RowCurrency, parse_currency};
use super::meaning::View;
use super::pipeline::reading::Mapping;
use super::row::Row;
use super::send::{Batch, Terms};
use super::who::{CustomerColumn, NamedArgs, subject_of, whose};
use crate::cli::error::CliError;
use crate::pb;

/// Longest period that Patron takes, in months.
const PERIOD_LIMIT: i32 = 120;

/// Options of `patron import contracts`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct ContractsArgs {
    #[command(flatten)]
    /// What all imports share.
    pub file: FileArgs,
    #[command(flatten)]
    /// Whose facts they are.
    named: NamedArgs,
    /// Column of the contract id [default: contract_id, contract]
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// Column of the first day [default: started_on, start]
    #[arg(long, value_name = "COLUMN")]
    start_column: Option<String>,
    /// Months between renewals, for all contracts: 1 is monthly, 12 yearly
    #[arg(long, value_name = "MONTHS", value_parser = parse_period)]
    period: Option<i32>,
    /// Column of the months between renewals; empty cells use --period [default: period_months, period]
    #[arg(long, value_name = "COLUMN")]
    period_column: Option<String>,
    /// Column of the price per period, in major units [default: price, amount]
    #[arg(long, value_name = "COLUMN")]
    price_column: Option<String>,
    /// Column of the cost per period to the company, in major units [default: cost]
    #[arg(long, value_name = "COLUMN")]
    cost_column: Option<String>,
    /// Column of the product category [default: category]
    #[arg(long, value_name = "COLUMN")]
    category_column: Option<String>,
    /// Column of the first day after the contract; empty: no end [default: ended_on, end]
    #[arg(long, value_name = "COLUMN")]
    ended_column: Option<String>,
    /// Column of the day from which the row applies, for example of a price change or notice [default: effective_on]
    #[arg(long, value_name = "COLUMN")]
    effective_column: Option<String>,
    /// Currency of all prices, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    currency: Option<String>,
    /// Column of the currency; empty cells use --currency [default: currency, unless --currency is given]
    #[arg(long, value_name = "COLUMN")]
    currency_column: Option<String>,
}

/// Where a contract stands in a row.
#[derive(Debug)]
pub struct ContractMapping {
    customer: CustomerColumn,
    id: usize,
    start: usize,
    period: Option<usize>,
    fixed_period: Option<i32>,
    price: usize,
    cost: Option<usize>,
    category: Option<usize>,
    ended: Option<usize>,
    effective: Option<usize>,
    currency: RowCurrency,
    formats: Formats,
    source: String,
    customer_kind: i32,
}

impl ContractMapping {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, no period, no currency.
    pub fn new(args: &ContractsArgs, header: &Header) -> Result<Self, CliError> {
        let optional = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.optional(option, named.as_deref(), defaults)
        };
        let required = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.required(option, named.as_deref(), defaults)
        };
        let period = optional(
            "--period-column",
            &args.period_column,
            &["period_months", "period"],
        )?;
        if period.is_none() && args.period.is_none() {
            return Err(CliError::Usage {
                message: "the renewal period of the contracts is missing".to_owned(),
                hint: "set --period, for example --period 12 for yearly, or --period-column"
                    .to_owned(),
            });
        }
        Ok(Self {
            customer: CustomerColumn::new(&args.file, header)?.named_by(&args.named, header)?,
            id: required("--id-column", &args.id_column, &["contract_id", "contract"])?,
            start: required(
                "--start-column",
                &args.start_column,
                &["started_on", "start"],
            )?,
            period,
            fixed_period: args.period,
            price: required("--price-column", &args.price_column, &["price", "amount"])?,
            cost: optional("--cost-column", &args.cost_column, &["cost"])?,
            category: optional("--category-column", &args.category_column, &["category"])?,
            ended: optional("--ended-column", &args.ended_column, &["ended_on", "end"])?,
            effective: optional(
                "--effective-column",
                &args.effective_column,
                &["effective_on"],
            )?,
            currency: RowCurrency::new(
                args.currency.as_deref(),
                args.currency_column.as_deref(),
                header,
            )?
            .required()?,
            formats: args.file.input.formats()?,
            source: args.file.source.clone(),
            customer_kind: args.file.kind(),
        })
    }

    fn period(&self, row: &mut Row<'_>) -> Option<i32> {
        if row.text(self.period).is_empty() {
            if self.fixed_period.is_none() {
                row.refuse("the period is empty");
            }
            return self.fixed_period;
        }
        row.parse(self.period, parse_period)
    }

    /// An amount that is not negative, in minor units.
    fn amount(&self, column: Option<usize>, row: &mut Row<'_>, currency: &str) -> Option<i64> {
        let numbers = self.formats.numbers;
        row.parse(column, |text| {
            match parse_amount(text, currency, numbers)?.signed() {
                amount @ 0.. => Ok(amount),
                _ => Err("the price and the cost of a contract cannot be negative".to_owned()),
            }
        })
    }

    fn day(&self, column: Option<usize>, row: &mut Row<'_>) -> Option<Date> {
        row.parse(column, |text| self.formats.dates.day(text))
    }
}

impl Mapping for ContractMapping {
    type Fact = pb::Contract;
    /// One batch after the other: a row that changes a contract follows the row that it changes.
    const LANES: usize = 1;

    fn unknown_customer(&self) -> pb::UnknownCustomer {
        self.customer.unknown()
    }

    fn formats(&mut self) -> &mut Formats {
        &mut self.formats
    }

    fn subject(fact: &Self::Fact) -> Option<pb::Subject> {
        Some(subject_of(&fact.customer_id, fact.customer.as_ref()))
    }

    fn view<'a>(&self, fact: &'a pb::Contract) -> View<'a> {
        View {
            kind: "Contracts",
            customer: Some(whose(&fact.customer_id, fact.customer.as_ref())),
            day: fact.started_on.parse().ok(),
            money: fact.price.as_ref(),
        }
    }

    fn details(&self, fact: &pb::Contract) -> Vec<(&'static str, String)> {
        vec![
            ("id", fact.contract_id.clone()),
            ("months", fact.period_months.to_string()),
            ("end", fact.ended_on.clone()),
            ("from", fact.effective_on.clone()),
        ]
    }

    fn read(&mut self, row: &mut Row<'_>) -> Option<Vec<pb::Contract>> {
        let named = self.customer.read(row);
        let contract_id = row.id(self.id);
        if row.text(Some(self.start)).is_empty() {
            row.refuse("the first day is empty");
        }
        let started_on = self.day(Some(self.start), row);
        let period_months = self.period(row);
        let currency = self.currency.in_row(row);
        if row.text(Some(self.price)).is_empty() {
            row.refuse("the price is empty");
        }
        let price = currency
            .as_deref()
            .and_then(|currency| self.amount(Some(self.price), row, currency));
        let cost_minor = currency
            .as_deref()
            .and_then(|currency| self.amount(self.cost, row, currency));
        let category = row.short_text(self.category, 64);
        let ended_on = self.day(self.ended, row);
        let effective_on = self.day(self.effective, row);
        for (name, day) in [("end", ended_on), ("day it applies from", effective_on)] {
            if let (Some(start), Some(day)) = (started_on, day)
                && day < start
            {
                row.refuse(format!(
                    "the {name}, {day}, is before the first day, {start}"
                ));
            }
        }
        if !row.is_sound() {
            return None;
        }
        let text = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let named = named?;
        Some(vec![pb::Contract {
            customer_id: named.customer_id,
            customer: named.customer,
            source: self.source.clone(),
            contract_id: contract_id?,
            started_on: started_on?.to_string(),
            period_months: period_months?,
            price: Some(pb::Money {
                amount_minor: price?,
                currency: currency?,
            }),
            cost_minor,
            category,
            ended_on: text(ended_on),
            effective_on: text(effective_on),
            customer_kind: self.customer_kind,
        }])
    }

    fn batch(contracts: Vec<pb::Contract>, terms: &Terms) -> Batch {
        Batch::Contracts(pb::IngestContractsRequest {
            contracts,
            unknown_customer: terms.unknown_customer.into(),
            import_id: terms.import_id.clone(),
        })
    }

    /// The last row of a contract is how it stands, those before it how it came to that: the server has to see them side by side.
    const TOGETHER: bool = true;

    fn key(fact: &pb::Contract) -> Option<(Cow<'_, str>, &str)> {
        let customer = whose(&fact.customer_id, fact.customer.as_ref());
        Some((customer, &fact.contract_id))
    }
}

/// Whole months, or the words for the usual periods.
fn parse_period(text: &str) -> Result<i32, String> {
    let months = match text.trim().to_ascii_lowercase().as_str() {
        "monthly" | "month" => Some(1),
        "quarterly" | "quarter" => Some(3),
        "yearly" | "annual" | "annually" | "year" => Some(12),
        number => number.parse().ok(),
    };
    months
        .filter(|months| (1..=PERIOD_LIMIT).contains(months))
        .ok_or_else(|| {
            format!(
                "{text:?} is not a period: write whole months, 1 to {PERIOD_LIMIT}, or monthly, quarterly, yearly"
            )
        })
}

#[cfg(test)]
mod tests;
