//! Rows of transactions.

mod amounts;
mod kinds;
mod originals;
mod refunds;
mod reversals;

use std::borrow::Cow;

use clap::Args;

use self::amounts::AmountColumns;
use self::originals::{OriginalArgs, OriginalColumns};
use self::refunds::RefundColumns;
use super::amount::{LIMIT_MINOR, parse_amount};
use super::args::{FileArgs, Formats};
use super::columns::Header;
use super::currency::{RowCurrency, parse_currency};
use super::identity::{Content, DerivedIds};
use super::meaning::View;
use super::pick::{Choice, Pair, parse_choice};
use super::pipeline::reading::Mapping;
use super::row::Row;
use super::send::{Batch, Terms};
use super::when::When;
use super::who::{CustomerColumn, NamedArgs, subject_of, whose};
use crate::cli::error::CliError;
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
    #[command(flatten)]
    /// Whose facts they are.
    named: NamedArgs,
    /// Column of the day or time [default: date, time, occurred_at, timestamp]
    #[arg(long, value_name = "COLUMN")]
    time_column: Option<String>,
    /// Column of the amount in major units; negative amounts are refunds [default: amount, total]
    #[arg(long, value_name = "COLUMN", conflicts_with = "price_column")]
    amount_column: Option<String>,
    /// Column of the quantity, which is multiplied by --price-column; a negative quantity is a refund
    #[arg(long, value_name = "COLUMN", requires = "price_column")]
    quantity_column: Option<String>,
    /// Column of the price of one piece, instead of an amount
    #[arg(long, value_name = "COLUMN", requires = "quantity_column")]
    price_column: Option<String>,
    /// Column of the order's id, where each row is a line of an order: amounts of one order are added to one transaction. Its other cells
    /// are the first that are not empty
    #[arg(long, value_name = "COLUMN")]
    pub order_column: Option<String>,
    /// Column of what was paid back of the order so far. It becomes a refund of the order, and a further one when it grows
    #[arg(long, value_name = "COLUMN")]
    refunded_column: Option<String>,
    /// Values of a column that mean that the whole amount was paid back (repeatable)
    #[arg(long, value_name = "COLUMN=VALUE|VALUE", value_parser = parse_choice)]
    refunded_if: Vec<Pair>,
    /// Values of a column that mean that the order is no sale, or none any more (repeatable): if an earlier import recorded it, it is
    /// reversed, otherwise the row is skipped. --only and --skip of the same column do not apply to such rows
    #[arg(long, value_name = "COLUMN=VALUE|VALUE", value_parser = parse_choice)]
    reversed_if: Vec<Pair>,
    /// Column of the cost of goods, in major units [default: cost]
    #[arg(long, value_name = "COLUMN")]
    cost_column: Option<String>,
    /// Column of the product category; an order of several has none [default: category]
    #[arg(long, value_name = "COLUMN")]
    category_column: Option<String>,
    /// Column of the sales channel [default: channel]
    #[arg(long, value_name = "COLUMN")]
    channel_column: Option<String>,
    /// Column of the kind: purchase, refund or reversal [default: kind]
    #[arg(long, value_name = "COLUMN")]
    kind_column: Option<String>,
    #[command(flatten)]
    /// What a refund or reversal takes back.
    original: OriginalArgs,
    /// Column of the transaction id [default: transaction_id, or --order-column; otherwise derived from the row]
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// Currency of all amounts, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    currency: Option<String>,
    /// Column of the currency; empty cells use --currency [default: currency, unless --currency is given]
    #[arg(long, value_name = "COLUMN")]
    currency_column: Option<String>,
    /// Amounts state their currency by code or sign: 12.50 EUR, £5
    #[arg(long)]
    currency_in_cells: bool,
}

/// Where a transaction stands in a row.
#[derive(Debug)]
pub struct TransactionMapping {
    customer: CustomerColumn,
    time: usize,
    amounts: AmountColumns,
    order: Option<usize>,
    refunds: RefundColumns,
    cost: Option<usize>,
    category: Option<usize>,
    channel: Option<usize>,
    kind: Option<usize>,
    original: OriginalColumns,
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
    /// Wrong usage: a column that is not there, no currency, or refunds of orders without ids.
    pub fn new(args: &TransactionsArgs, header: &Header) -> Result<Self, CliError> {
        let optional = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.optional(option, named.as_deref(), defaults)
        };
        let customer = CustomerColumn::new(&args.file, header)?.named_by(&args.named, header)?;
        let order = optional("--order-column", &args.order_column, &[])?;
        let id = optional("--id-column", &args.id_column, &["transaction_id"])?.or(order);
        let refunds = RefundColumns::new(args, header)?;
        if refunds.are_read() && id.is_none() {
            return Err(CliError::Usage {
                message: "refunds and reversals of an order need the order's id".to_owned(),
                hint: "set --id-column or --order-column".to_owned(),
            });
        }
        let amounts = AmountColumns::new(args, header)?;
        let cells = Some(amounts.cell()).filter(|_| args.currency_in_cells);
        Ok(Self {
            customer,
            time: header.required("--time-column", args.time_column.as_deref(), &TIME_COLUMNS)?,
            amounts,
            order,
            refunds,
            cost: optional("--cost-column", &args.cost_column, &["cost"])?,
            category: optional("--category-column", &args.category_column, &["category"])?,
            channel: optional("--channel-column", &args.channel_column, &["channel"])?,
            kind: optional("--kind-column", &args.kind_column, &["kind"])?,
            original: OriginalColumns::new(&args.original, header)?,
            id,
            currency: RowCurrency::new(
                args.currency.as_deref(),
                args.currency_column.as_deref(),
                header,
            )?
            .or_in_cells(cells)
            .required()?,
            formats: args.file.input.formats()?,
            source: args.file.source.clone(),
            customer_kind: args.file.kind(),
            ids: DerivedIds::default(),
        })
    }

    /// The cost of the row's goods. A refund may state it with the sign of its amount.
    fn cost(&self, row: &mut Row<'_>, currency: &str, kind: Kind) -> Option<i64> {
        let numbers = self.formats.numbers;
        let mut sum: Option<i64> = None;
        for text in row.texts(self.cost).filter(|text| !text.is_empty()) {
            let cost = row.parse(self.cost, |_| {
                match parse_amount(text, currency, numbers)?.signed() {
                    cost @ 0..=LIMIT_MINOR => Ok(cost),
                    cost if kind != Kind::Purchase => Ok(cost.abs()),
                    _ => Err("the cost of a purchase cannot be negative".to_owned()),
                }
            });
            sum = Some(sum.unwrap_or(0) + cost?);
        }
        sum
    }

    /// The category of a row; lines of one order with different ones have none.
    fn category(&self, row: &mut Row<'_>) -> String {
        let category = row.free_text(self.category, 64);
        let mut texts = row.texts(self.category).filter(|text| !text.is_empty());
        let first = texts.next();
        if texts.any(|text| Some(text) != first) {
            return String::new();
        }
        category
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
        let cost = fact.cost_minor.map(|cost| cost.to_string());
        let content = Content::default()
            .with(
                "customer",
                &whose(&fact.customer_id, fact.customer.as_ref()),
            )
            .with("when", &when.normalised())
            .with("kind", fact.kind().as_str_name())
            .with("amount", &amount.amount_minor.to_string())
            .with("currency", &amount.currency)
            .with("cost", &cost.unwrap_or_default())
            .with("category", &fact.category)
            .with("channel", &fact.channel)
            .with("original", &fact.original_transaction_id)
            .with("original source", &fact.original_source)
            .with("original customer", &fact.original_customer_id);
        Some(self.ids.next(&content))
    }

    /// Whether the lines of an order agree on what an order has one of.
    fn agree(&self, row: &mut Row<'_>) {
        if self.order.is_some() {
            for column in self.customer.columns().chain(self.currency.column()) {
                row.is_same(column);
            }
        }
    }
}

impl Mapping for TransactionMapping {
    type Fact = pb::Transaction;
    const LANES: usize = 4;

    fn subject(fact: &Self::Fact) -> Option<pb::Subject> {
        Some(subject_of(&fact.customer_id, fact.customer.as_ref()))
    }

    fn customer(fact: &Self::Fact) -> Option<Cow<'_, str>> {
        // The refund is recorded for the customer of its original.
        if !fact.original_customer_id.is_empty() {
            return Some(fact.original_customer_id.as_str().into());
        }
        Some(whose(&fact.customer_id, fact.customer.as_ref()))
    }

    fn order_column(&self) -> Option<usize> {
        self.order
    }

    fn unknown_customer(&self) -> pb::UnknownCustomer {
        self.customer.unknown()
    }

    fn formats(&mut self) -> &mut Formats {
        &mut self.formats
    }

    fn decided_by(&self, row: &Row<'_>) -> Option<usize> {
        self.refunds.reversed(row).map(Choice::column)
    }

    fn read(&mut self, row: &mut Row<'_>) -> Option<Vec<pb::Transaction>> {
        if let Some(reason) = self.refunds.reversed(row).map(|choice| choice.shown(row)) {
            return self.read_reversal(row, reason);
        }
        self.agree(row);
        let named = self.customer.read(row);
        let dates = &self.formats.dates;
        let when = row.parse_required(self.time, |text| dates.when(text));
        let currency = self.currency.in_row(row);
        let numbers = self.formats.numbers;
        let amount = currency
            .as_deref()
            .and_then(|currency| self.amounts.read(row, currency, numbers));
        let kind = amount.and_then(|amount| self.kind(row, amount));
        let cost_minor = currency
            .as_deref()
            .and_then(|currency| self.cost(row, currency, kind.unwrap_or(Kind::Purchase)));
        let category = self.category(row);
        let channel = row.short_text(self.channel, 64);
        let original = self.original.read(row, kind);
        if amount.is_some_and(|amount| amount.negative && amount.minor == 0) {
            row.leave_out("a refund of 0");
        }
        if !row.is_sound() || row.left_out().is_some() {
            return None;
        }
        let (named, when, amount) = (named?, when?, amount?);
        let mut fact = pb::Transaction {
            customer_id: named.customer_id,
            customer: named.customer,
            source: self.source.clone(),
            kind: kind?.into(),
            when: Some(when_of(&when)),
            amount: Some(pb::Money {
                amount_minor: amount.minor,
                currency: currency?,
            }),
            cost_minor,
            category,
            channel,
            original_transaction_id: original.transaction_id,
            original_source: original.source,
            original_customer_id: original.customer_id,
            customer_kind: self.customer_kind,
            transaction_id: String::new(),
        };
        fact.transaction_id = self.identity(row, &fact, &when)?;
        let refund = self.refunds.read(row, &fact, numbers);
        if !row.is_sound() {
            return None;
        }
        Some(std::iter::once(fact).chain(refund).collect())
    }

    fn view<'a>(&self, fact: &'a pb::Transaction) -> View<'a> {
        let zone = self.formats.dates.zone();
        View {
            kind: match fact.kind() {
                Kind::Unspecified | Kind::Purchase => "Purchases",
                Kind::Refund | Kind::RefundTotal => "Refunds",
                Kind::Reversal | Kind::ReversalIfRecorded => "Reversals",
            },
            customer: Some(whose(&fact.customer_id, fact.customer.as_ref())),
            day: match &fact.when {
                Some(pb::transaction::When::OccurredTime(time)) => day_in(time, &zone),
                Some(pb::transaction::When::OccurredOn(day)) => day.parse().ok(),
                None => None,
            },
            money: fact.amount.as_ref(),
        }
    }

    fn details(&self, fact: &pb::Transaction) -> Vec<(&'static str, String)> {
        vec![
            ("id", fact.transaction_id.clone()),
            ("of", fact.original_transaction_id.clone()),
            ("of source", fact.original_source.clone()),
            ("of customer", fact.original_customer_id.clone()),
            ("category", fact.category.clone()),
            ("channel", fact.channel.clone()),
        ]
    }

    fn batch(transactions: Vec<pb::Transaction>, terms: &Terms) -> Batch {
        Batch::Transactions(pb::IngestTransactionsRequest {
            transactions,
            unknown_customer: terms.unknown_customer.into(),
            import_id: terms.import_id.clone(),
        })
    }
}

/// An instant, or a day.
fn when_of(when: &When) -> pb::transaction::When {
    match when.instant() {
        Some(instant) => pb::transaction::When::OccurredTime(instant),
        None => pb::transaction::When::OccurredOn(when.day(&jiff::tz::TimeZone::UTC).to_string()),
    }
}

/// Default columns of a day or time.
pub const TIME_COLUMNS: [&str; 4] = ["date", "time", "occurred_at", "timestamp"];

/// The day of an instant in a zone.
#[must_use]
pub fn day_in(
    time: &prost_types::Timestamp,
    zone: &jiff::tz::TimeZone,
) -> Option<jiff::civil::Date> {
    let instant = jiff::Timestamp::new(time.seconds, time.nanos).ok()?;
    Some(zone.to_datetime(instant).date())
}

#[cfg(test)]
mod tests;
