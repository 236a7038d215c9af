//! Rows of transactions.

use clap::Args;

use super::amount::{LIMIT_MINOR, parse_minor};
use super::columns::{Header, Row};
use super::currency::{RowCurrency, parse_currency};
use super::identity::{Content, DerivedIds};
use super::pipeline::Mapping;
use super::send::Batch;
use super::when::{When, parse_when};
use super::{FileArgs, Formats};
use crate::cli::error::CliError;
use crate::cli::text::currency_exponent;
use crate::pb;
use crate::pb::transaction::Kind;

/// Options of `patron import transactions`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct TransactionsArgs {
    #[command(flatten)]
    /// What all imports share.
    pub file: FileArgs,
    /// Column of the day or time [default: date, time, occurred_at, timestamp]
    #[arg(long, value_name = "COLUMN")]
    time_column: Option<String>,
    /// Column of the amount in major units; negative amounts are refunds [default: amount, total, price]
    #[arg(long, value_name = "COLUMN")]
    amount_column: Option<String>,
    /// Column of the cost of goods, in major units [default: cost]
    #[arg(long, value_name = "COLUMN")]
    cost_column: Option<String>,
    /// Column of the product category [default: category]
    #[arg(long, value_name = "COLUMN")]
    category_column: Option<String>,
    /// Column of the sales channel [default: channel]
    #[arg(long, value_name = "COLUMN")]
    channel_column: Option<String>,
    /// Column of the kind: purchase, refund or reversal [default: kind]
    #[arg(long, value_name = "COLUMN")]
    kind_column: Option<String>,
    /// Column of the original transaction of a refund or reversal [default: original_transaction_id]
    #[arg(long, value_name = "COLUMN")]
    original_column: Option<String>,
    /// Column of the transaction id [default: transaction_id; otherwise derived from the row]
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// Currency of all amounts, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    currency: Option<String>,
    /// Column of the currency; empty cells use --currency [default: currency, unless --currency is given]
    #[arg(long, value_name = "COLUMN")]
    currency_column: Option<String>,
}

/// Where a transaction stands in a row.
#[derive(Debug)]
pub struct TransactionMapping {
    customer: usize,
    time: usize,
    amount: usize,
    cost: Option<usize>,
    category: Option<usize>,
    channel: Option<usize>,
    kind: Option<usize>,
    original: Option<usize>,
    id: Option<usize>,
    currency: RowCurrency,
    formats: Formats,
    source: String,
    customer_kind: i32,
    ids: DerivedIds,
}

impl TransactionMapping {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, or no currency.
    pub fn new(args: &TransactionsArgs, header: &Header) -> Result<Self, CliError> {
        let optional = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.optional(option, named.as_deref(), defaults)
        };
        let required = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.required(option, named.as_deref(), defaults)
        };
        Ok(Self {
            customer: customer_column(&args.file, header)?,
            time: required("--time-column", &args.time_column, &TIME_COLUMNS)?,
            amount: required(
                "--amount-column",
                &args.amount_column,
                &["amount", "total", "price"],
            )?,
            cost: optional("--cost-column", &args.cost_column, &["cost"])?,
            category: optional("--category-column", &args.category_column, &["category"])?,
            channel: optional("--channel-column", &args.channel_column, &["channel"])?,
            kind: optional("--kind-column", &args.kind_column, &["kind"])?,
            original: optional(
                "--original-column",
                &args.original_column,
                &["original_transaction_id"],
            )?,
            id: optional("--id-column", &args.id_column, &["transaction_id"])?,
            currency: RowCurrency::new(
                args.currency.as_deref(),
                args.currency_column.as_deref(),
                header,
            )?
            .required()?,
            formats: args.file.formats(),
            source: args.file.source.clone(),
            customer_kind: args.file.kind(),
            ids: DerivedIds::default(),
        })
    }

    /// The amount of the row with what kind of transaction its sign and its kind column make it.
    fn amount(&self, row: &mut Row<'_>, currency: &str) -> Option<(i64, Kind)> {
        let stated = row.parse(self.kind, parse_kind);
        let exponent = currency_exponent(currency)?;
        let comma = self.formats.decimal_comma;
        let signed = row.parse_required(self.amount, |text| parse_minor(text, exponent, comma))?;
        let kind = match (stated, signed < 0) {
            (Some(Kind::Purchase), true) => {
                row.refuse("a purchase cannot have a negative amount: is it a refund?");
                return None;
            }
            (Some(kind), _) => kind,
            (None, true) => Kind::Refund,
            (None, false) => Kind::Purchase,
        };
        Some((signed.abs(), kind))
    }

    /// The cost of the row's goods. A refund may state it with the sign of its amount.
    fn cost(&self, row: &mut Row<'_>, currency: &str, kind: Kind) -> Option<i64> {
        let exponent = currency_exponent(currency)?;
        let comma = self.formats.decimal_comma;
        row.parse(self.cost, |text| {
            match parse_minor(text, exponent, comma)? {
                cost @ 0..=LIMIT_MINOR => Ok(cost),
                cost if kind != Kind::Purchase => Ok(cost.abs()),
                _ => Err("the cost of a purchase cannot be negative".to_owned()),
            }
        })
    }

    /// The id of the row, or one derived from what was read of it.
    fn identity(
        &mut self,
        row: &mut Row<'_>,
        fact: &pb::Transaction,
        when: &When,
    ) -> Option<String> {
        if let Some(column) = self.id {
            return row.id(column);
        }
        let amount = fact.amount.clone().unwrap_or_default();
        let content = Content::default()
            .with("customer", &fact.customer_id)
            .with("when", &when.normalised())
            .with("kind", fact.kind().as_str_name())
            .with("amount", &amount.amount_minor.to_string())
            .with("currency", &amount.currency)
            .with(
                "cost",
                &fact
                    .cost_minor
                    .map(|cost| cost.to_string())
                    .unwrap_or_default(),
            )
            .with("category", &fact.category)
            .with("channel", &fact.channel)
            .with("original", &fact.original_transaction_id);
        Some(self.ids.next(&content))
    }
}

impl Mapping for TransactionMapping {
    type Fact = pb::Transaction;
    const IN_FLIGHT: usize = 4;

    fn customer(fact: &Self::Fact) -> Option<&str> {
        Some(&fact.customer_id)
    }

    fn read(&mut self, row: &mut Row<'_>) -> Option<pb::Transaction> {
        let customer_id = row.id(self.customer);
        let format = self.formats.date.clone();
        let when = row.parse_required(self.time, |text| parse_when(text, format.as_deref()));
        let currency = self.currency.in_row(row);
        let amount = currency
            .as_deref()
            .and_then(|currency| self.amount(row, currency));
        let kind = amount.map_or(Kind::Purchase, |(_, kind)| kind);
        let cost_minor = currency
            .as_deref()
            .and_then(|currency| self.cost(row, currency, kind));
        let category = row.short_text(self.category, 64);
        let channel = row.short_text(self.channel, 64);
        let original_transaction_id = row.short_text(self.original, 128);
        if !original_transaction_id.is_empty() && kind == Kind::Purchase && amount.is_some() {
            row.refuse("a purchase has no original transaction");
        }
        if !row.is_sound() {
            return None;
        }
        let (customer_id, when, (amount_minor, _)) = (customer_id?, when?, amount?);
        let mut fact = pb::Transaction {
            customer_id,
            source: self.source.clone(),
            transaction_id: String::new(),
            kind: kind.into(),
            when: Some(match when.instant() {
                Some(instant) => pb::transaction::When::OccurredTime(instant),
                None => pb::transaction::When::OccurredOn(when.day().to_string()),
            }),
            amount: Some(pb::Money {
                amount_minor,
                currency: currency?,
            }),
            cost_minor,
            category,
            channel,
            original_transaction_id,
            customer_kind: self.customer_kind,
            ..Default::default()
        };
        fact.transaction_id = self.identity(row, &fact, &when)?;
        Some(fact)
    }

    fn batch(facts: Vec<pb::Transaction>) -> Batch {
        Batch::Transactions(facts)
    }
}

/// Default columns of a day or time.
pub const TIME_COLUMNS: [&str; 4] = ["date", "time", "occurred_at", "timestamp"];

/// The column of the customer's id.
///
/// # Errors
///
/// Wrong usage when it is not there.
pub fn customer_column(file: &FileArgs, header: &Header) -> Result<usize, CliError> {
    header.required(
        "--customer-column",
        file.customer_column.as_deref(),
        &["customer_id", "customer", "cust"],
    )
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    match text.to_ascii_lowercase().as_str() {
        "purchase" | "sale" | "order" => Ok(Kind::Purchase),
        "refund" | "return" => Ok(Kind::Refund),
        "reversal" | "cancellation" => Ok(Kind::Reversal),
        _ => Err(format!(
            "{text:?} is not a kind of transaction: write purchase, refund or reversal"
        )),
    }
}

#[cfg(test)]
mod tests;
