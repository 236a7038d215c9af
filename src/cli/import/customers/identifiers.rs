//! Where the identifiers of a customer stand in a row, and how they are written.

use clap::ValueEnum;

use super::CustomersArgs;
use crate::cli::error::CliError;
use crate::cli::import::columns::Header;
use crate::cli::import::row::{Row, is_shortened, parse_id, short_text};
use crate::cli::import::who::parse_email;
use crate::domain::telephony::plan::{NumberError, NumberPlan, NumberPlanError, NumberReading};
use crate::pb;
use crate::pb::identifier::Identifier as Known;

/// What the summary states of numbers with an extension: a caller shows the number alone, so that one behind it would never be found.
const EXTENSION: &str = "extensions of phone numbers are not stored: callers show the number alone";

/// The columns of identifiers.
#[derive(Debug)]
pub(super) struct IdentifierColumns {
    phones: Vec<usize>,
    phone_numbers: NumberPlan,
    emails: Vec<usize>,
    externals: Vec<(String, usize)>,
    /// Of which a row has all that the source knows.
    replaced: Vec<ReplacedKind>,
}

/// A kind of identifiers that each row states in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReplacedKind {
    /// Phone numbers
    Phones,
    /// E-mail addresses
    Emails,
    /// External ids
    External,
}

impl From<ReplacedKind> for pb::IdentifierKind {
    fn from(kind: ReplacedKind) -> Self {
        match kind {
            ReplacedKind::Phones => Self::PhoneNumber,
            ReplacedKind::Emails => Self::Email,
            ReplacedKind::External => Self::ExternalId,
        }
    }
}

/// Reads the identifiers of a kind.
type ReadKind = fn(&IdentifierColumns, &mut Row<'_>) -> Vec<Known>;

/// The identifiers of a row.
#[derive(Debug, Default)]
pub(super) struct StatedIdentifiers {
    /// Those that the customer has.
    pub(super) added: Vec<pb::Identifier>,
    /// The kinds of which the customer has no others, by this source.
    pub(super) replaced: Vec<i32>,
}

/// How a file writes phone numbers.
pub(super) fn parse_number_plan(text: &str) -> Result<NumberPlan, NumberPlanError> {
    text.parse()
}

impl IdentifierColumns {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, a system without a proper name.
    pub(super) fn new(args: &CustomersArgs, header: &Header) -> Result<Self, CliError> {
        let mut externals = Vec::new();
        for pair in &args.external_column {
            let system = short_text(&pair.left, 64)
                .map_err(|reason| CliError::usage(format!("--external-column: {reason}")))?;
            let column = header.find("--external-column", &pair.right)?;
            externals.push((system.unwrap_or_default().to_owned(), column));
        }
        let columns = Self {
            phones: several(
                header,
                "--phone-column",
                &args.phone_column,
                &["phone", "phone_number"],
            )?,
            phone_numbers: args.phone_numbers.clone(),
            emails: several(header, "--email-column", &args.email_column, &["email"])?,
            externals,
            replaced: args.replace.clone(),
        };
        for (kind, is_absent, option) in [
            (
                ReplacedKind::Phones,
                columns.phones.is_empty(),
                "--phone-column",
            ),
            (
                ReplacedKind::Emails,
                columns.emails.is_empty(),
                "--email-column",
            ),
            (
                ReplacedKind::External,
                columns.externals.is_empty(),
                "--external-column",
            ),
        ] {
            if is_absent && columns.replaced.contains(&kind) {
                return Err(CliError::usage(format!(
                    "--replace would end all of a kind of which the file has no column: name it with {option}"
                )));
            }
        }
        Ok(columns)
    }

    /// The identifiers of a row; what cannot be read is noted. A kind with a cell that cannot be read is not known in full, so nothing of it is
    /// replaced.
    pub(super) fn read(&self, row: &mut Row<'_>) -> StatedIdentifiers {
        let mut stated = StatedIdentifiers::default();
        let kinds: [(ReplacedKind, ReadKind); 3] = [
            (ReplacedKind::Phones, Self::phones),
            (ReplacedKind::Emails, Self::emails),
            (ReplacedKind::External, Self::externals),
        ];
        for (kind, read) in kinds {
            let wrong = row.wrong_cells().len();
            let known = read(self, row).into_iter();
            stated.added.extend(known.map(|one| pb::Identifier {
                identifier: Some(one),
            }));
            if self.replaced.contains(&kind) && row.wrong_cells().len() == wrong {
                stated.replaced.push(pb::IdentifierKind::from(kind).into());
            }
        }
        stated
    }

    fn phones(&self, row: &mut Row<'_>) -> Vec<Known> {
        let mut known = Vec::new();
        for column in &self.phones {
            let read = row.parse_cell(*column, |text| self.phone(text)).flatten();
            if read.as_ref().is_some_and(|it| it.extension.is_some()) {
                row.remark(EXTENSION);
            }
            known.extend(read.map(|it| Known::PhoneNumber(it.number.as_str().to_owned())));
        }
        known
    }

    fn emails(&self, row: &mut Row<'_>) -> Vec<Known> {
        let mut known = Vec::new();
        for column in &self.emails {
            let addresses = row.parse_cell(*column, parse_emails).unwrap_or_default();
            known.extend(addresses.into_iter().map(Known::Email));
        }
        known
    }

    fn externals(&self, row: &mut Row<'_>) -> Vec<Known> {
        let mut known = Vec::new();
        for (system, column) in &self.externals {
            let id = row.parse_cell(*column, parse_id).unwrap_or_default();
            if !id.is_empty() {
                let system = system.clone();
                known.push(Known::ExternalId(pb::ExternalId { system, id }));
            }
        }
        known
    }

    /// The number of a cell; none if the cell states that none is known.
    fn phone(&self, text: &str) -> Result<Option<NumberReading>, String> {
        // Spreadsheets write a quote before what would otherwise become a formula.
        let text = text.trim_start_matches('\'').trim();
        if is_shortened(text) {
            return Err(format!(
                "{text:?} is a number that a spreadsheet shortened, its last digits are lost: export the column as text"
            ));
        }
        // "(0)30" is dialled as "030", where no country code stands before it.
        let dialled = text.strip_prefix("(0)").map(|rest| format!("0{rest}"));
        let dialled = dialled.as_deref().unwrap_or(text);
        match self.phone_numbers.read_one(dialled) {
            Ok(reading) => Ok(Some(reading)),
            Err(NumberError::Withheld) => Ok(None),
            Err(error) => Err(format!(
                "{text:?} {error} (--phone-numbers states how the file writes them)"
            )),
        }
    }
}

/// An identifier as the file states it.
pub(super) fn text(known: &Known) -> String {
    match known {
        Known::PhoneNumber(text) | Known::Email(text) => text.clone(),
        Known::ExternalId(external) => format!("{}/{}", external.system, external.id),
    }
}

/// The columns named, else the one with a default name.
pub(super) fn several(
    header: &Header,
    option: &str,
    named: &[String],
    defaults: &[&str],
) -> Result<Vec<usize>, CliError> {
    if named.is_empty() {
        return Ok(header.one_of(option, defaults)?.into_iter().collect());
    }
    named
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| header.find(option, name))
        .collect()
}

/// The addresses of a cell, with `;` between several.
fn parse_emails(text: &str) -> Result<Vec<String>, String> {
    let addresses = text
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    addresses.map(parse_email).collect()
}
