//! Where the identifiers of a customer stand in a row, and how they are written.

use super::CustomersArgs;
use crate::cli::error::CliError;
use crate::cli::import::columns::{Header, Row, short_text};
use crate::domain::telephony::plan::{NumberError, NumberPlan, NumberPlanError};
use crate::pb;
use crate::pb::identifier::Identifier as Known;

/// The columns of identifiers.
#[derive(Debug)]
pub(super) struct IdentifierColumns {
    phones: Vec<usize>,
    phone_numbers: NumberPlan,
    emails: Vec<usize>,
    externals: Vec<(String, usize)>,
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
        Ok(Self {
            phones: several(
                header,
                "--phone-column",
                &args.phone_column,
                &["phone", "phone_number"],
            )?,
            phone_numbers: args.phone_numbers.clone(),
            emails: several(header, "--email-column", &args.email_column, &["email"])?,
            externals,
        })
    }

    /// The identifiers of a row; what cannot be read is noted.
    pub(super) fn read(&self, row: &mut Row<'_>) -> Vec<pb::Identifier> {
        let mut known = Vec::new();
        let phone = |text: &str| match self.phone_numbers.number(text) {
            Ok(number) => Ok(Some(number.as_str().to_owned())),
            // The cell says that no number is known.
            Err(NumberError::Withheld) => Ok(None),
            Err(error) => Err(format!(
                "{text:?} {error} (--phone-numbers states how the file writes them)"
            )),
        };
        for column in &self.phones {
            let number = row.parse(Some(*column), phone).flatten();
            known.extend(number.map(Known::PhoneNumber));
        }
        for column in &self.emails {
            known.extend(row.parse(Some(*column), parse_email).map(Known::Email));
        }
        for (system, column) in &self.externals {
            let id = row.short_text(Some(*column), 128);
            if !id.is_empty() {
                let system = system.clone();
                known.push(Known::ExternalId(pb::ExternalId { system, id }));
            }
        }
        known
            .into_iter()
            .map(|one| pb::Identifier {
                identifier: Some(one),
            })
            .collect()
    }
}

/// The columns named, else the first of the defaults.
fn several(
    header: &Header,
    option: &str,
    named: &[String],
    defaults: &[&str],
) -> Result<Vec<usize>, CliError> {
    if named.is_empty() {
        return Ok(header.first_of(defaults).into_iter().collect());
    }
    named
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| header.find(option, name))
        .collect()
}

fn parse_email(text: &str) -> Result<String, String> {
    let proper = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !proper || text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("{text:?} is not an e-mail address"));
    }
    Ok(text.to_owned())
}
