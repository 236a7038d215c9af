//! Rows of customers.

mod attributes;
mod identifiers;

use std::borrow::Cow;

use clap::Args;

use self::attributes::{AttributeColumns, value_text};
use self::identifiers::{IdentifierColumns, ReplacedKind, several};
use super::args::{FileArgs, Formats};
use super::columns::Header;
use super::currency::parse_currency;
use super::meaning::View;
use super::pick::Pair;
use super::pipeline::reading::Mapping;
use super::row::{Row, free_text};
use super::send::{Batch, Terms};
use super::who::{CustomerColumn, subject_of};
use crate::cli::error::CliError;
use crate::domain::definitions::Definitions;
use crate::domain::telephony::plan::NumberPlan;
use crate::pb;

/// Options of `patron import customers`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct CustomersArgs {
    #[command(flatten)]
    /// What all imports share.
    pub file: FileArgs,
    /// Column of the display name, or of a part of it (repeatable); empty cells change nothing [default: display_name, name]
    #[arg(long, value_name = "COLUMN")]
    name_column: Vec<String>,
    /// Column of a phone number (repeatable) [default: phone, phone_number]
    #[arg(long, value_name = "COLUMN")]
    phone_column: Vec<String>,
    /// How the file writes phone numbers: e164 (+49 30 ...), e164_no_plus (4930...), national:DE (030 ...), international_prefix:00,
    /// auto or auto:DE. A number that could be several with auto is rejected
    #[arg(long, value_name = "PLAN", default_value_t, value_parser = identifiers::parse_number_plan)]
    phone_numbers: NumberPlan,
    /// Column of e-mail addresses, with ; between several (repeatable) [default: email]
    #[arg(long, value_name = "COLUMN")]
    email_column: Vec<String>,
    /// System and column of an external id (repeatable), for example crm=crm_id
    #[arg(long, value_name = "SYSTEM=COLUMN", value_parser = parse_pair)]
    external_column: Vec<Pair>,
    /// Kinds of identifiers of which each row has all that the source knows of its customer: those that it stated before and that are not
    /// in the row end. An empty cell ends them too, a wrong one ends none
    #[arg(long, value_name = "KIND,KIND", value_delimiter = ',', value_enum)]
    replace: Vec<ReplacedKind>,
    /// Name and column of an attribute (repeatable), for example points=loyalty_points:int; types: bool, int, number, text, day,
    /// money, tags (separated by ; or |) [default type: that of the definitions, otherwise text]. Empty cells change nothing
    #[arg(long, value_name = "NAME=COLUMN[:TYPE]", value_parser = parse_pair)]
    attribute: Vec<Pair>,
    /// Column of the observation day of the attributes and identifiers [default: observed_on, otherwise today]
    #[arg(long, value_name = "COLUMN")]
    observed_column: Option<String>,
    /// Column of the customer kind: person, company or employee; empty cells use --kind [default: kind]
    #[arg(long, value_name = "COLUMN")]
    kind_column: Option<String>,
    /// Currency of money attributes without a currency in the cell ("12.50" instead of "12.50 EUR")
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    currency: Option<String>,
    /// Column of that currency [default: currency, unless --currency is given]
    #[arg(long, value_name = "COLUMN")]
    currency_column: Option<String>,
    /// Refuse a whole row for one wrong name, phone number, e-mail address, external id or attribute. Without it the row is read without
    /// that cell
    #[arg(long)]
    pub strict: bool,
}

fn parse_pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok(Pair {
            left: left.to_owned(),
            right: right.to_owned(),
        }),
        _ => Err("write NAME=COLUMN".to_owned()),
    }
}

/// Where a customer stands in a row.
#[derive(Debug)]
pub struct CustomerMapping {
    customer: CustomerColumn,
    names: Vec<usize>,
    identifiers: IdentifierColumns,
    attributes: AttributeColumns,
    observed: Option<usize>,
    kind: Option<usize>,
    default_kind: i32,
    formats: Formats,
    source: String,
}

impl CustomerMapping {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, an attribute without a proper name or type.
    pub fn new(args: &CustomersArgs, header: &Header) -> Result<Self, CliError> {
        let optional = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.optional(option, named.as_deref(), defaults)
        };
        Ok(Self {
            customer: CustomerColumn::new(&args.file, header)?,
            names: several(
                header,
                "--name-column",
                &args.name_column,
                &["display_name", "name"],
            )?,
            identifiers: IdentifierColumns::new(args, header)?,
            attributes: AttributeColumns::new(args, header)?,
            observed: optional("--observed-column", &args.observed_column, &["observed_on"])?,
            kind: optional("--kind-column", &args.kind_column, &["kind"])?,
            default_kind: args.file.kind(),
            formats: args.file.input.formats()?,
            source: args.file.source.clone(),
        })
    }
}

impl Mapping for CustomerMapping {
    type Fact = pb::CustomerPatch;
    // One after the other: when a file has several rows of one customer, the last name is to stay.
    const LANES: usize = 1;
    const STATES_VALUES: bool = true;

    fn formats(&mut self) -> &mut Formats {
        &mut self.formats
    }

    fn hold_against(&mut self, definitions: Box<Definitions>) {
        self.attributes.hold_against(definitions);
    }

    fn subject(fact: &Self::Fact) -> Option<pb::Subject> {
        Some(subject_of(&fact.customer_id, None))
    }

    fn view<'a>(&self, fact: &'a pb::CustomerPatch) -> View<'a> {
        View {
            kind: "Updates",
            customer: Some(Cow::Borrowed(&fact.customer_id)),
            day: None,
            money: None,
        }
    }

    fn details(&self, fact: &pb::CustomerPatch) -> Vec<(&'static str, String)> {
        let identifiers = fact
            .add_identifiers
            .iter()
            .filter_map(|it| it.identifier.as_ref());
        let identifiers = identifiers.map(identifiers::text);
        let values = fact.attributes.iter().filter_map(|attribute| {
            let value = value_text(attribute.value.as_ref()?);
            Some(format!("{} {value}", attribute.name))
        });
        vec![
            ("name", fact.display_name.clone().unwrap_or_default()),
            ("identifiers", identifiers.collect::<Vec<_>>().join(" ")),
            ("attributes", values.collect::<Vec<_>>().join(", ")),
        ]
    }

    fn read(&mut self, row: &mut Row<'_>) -> Option<Vec<pb::CustomerPatch>> {
        let customer_id = self.customer.id(row);
        let mut names: Vec<String> = Vec::new();
        for column in &self.names {
            names.extend(row.parse_cell(*column, |text| free_text(text, 256)));
        }
        let name = names.join(" ");
        let kind = row.parse(self.kind, parse_customer_kind);
        let dates = &self.formats.dates;
        let observed = row.parse(self.observed, |text| dates.day(text));
        let observed_on = observed.map(|day| day.to_string()).unwrap_or_default();
        let identifiers = self.identifiers.read(row);
        let attributes = self.attributes.read(row, &self.formats, &observed_on);
        if !row.is_sound() {
            return None;
        }
        Some(vec![pb::CustomerPatch {
            customer_id: customer_id?,
            kind: kind.map_or(self.default_kind, i32::from),
            display_name: Some(name).filter(|name| !name.is_empty()),
            add_identifiers: identifiers.added,
            replace_identifiers: identifiers.replaced,
            identifiers_source: self.source.clone(),
            identifiers_observed_on: observed_on,
            attributes,
            ..pb::CustomerPatch::default()
        }])
    }

    fn batch(customers: Vec<pb::CustomerPatch>, terms: &Terms) -> Batch {
        Batch::Customers(pb::IngestCustomersRequest {
            customers,
            import_id: terms.import_id.clone(),
        })
    }
}

fn parse_customer_kind(text: &str) -> Result<pb::CustomerKind, String> {
    match text.to_ascii_lowercase().as_str() {
        "person" => Ok(pb::CustomerKind::Person),
        "company" => Ok(pb::CustomerKind::Company),
        "employee" => Ok(pb::CustomerKind::Employee),
        _ => Err(format!(
            "{text:?} is not a kind of customer: write person, company or employee"
        )),
    }
}

#[cfg(test)]
mod tests;
