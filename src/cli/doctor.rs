//! `patron doctor`: whether what is stored is consistent.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::text::{self, Align};
use crate::pb;

/// Options of `patron doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Fold the facts of every customer again and compare the result with the stored profile
    #[arg(long, required = true)]
    profiles: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What was found, as JSON.
#[derive(Debug, Serialize)]
struct FoundJson {
    checked: u64,
    differences: Vec<DifferenceJson>,
    older_numbers: Vec<OlderNumbersJson>,
}

/// Phone numbers that an earlier version stored as they were sent, as JSON.
#[derive(Debug, Serialize)]
struct OlderNumbersJson {
    source: String,
    count: u64,
}

/// A profile that differs, as JSON.
#[derive(Debug, Serialize)]
struct DifferenceJson {
    customer_id: String,
    profile_version: i64,
    parts: Vec<String>,
}

impl From<pb::ProfileDifference> for DifferenceJson {
    fn from(difference: pb::ProfileDifference) -> Self {
        let parts = difference.parts();
        let word = |part: pb::profile_difference::Part| {
            let name = part.as_str_name();
            name.trim_start_matches("PART_").to_ascii_lowercase()
        };
        Self {
            parts: parts.map(word).collect(),
            customer_id: difference.customer_id,
            profile_version: difference.profile_version,
        }
    }
}

/// Checks every profile and prints those that differ.
///
/// # Errors
///
/// A profile differs, no server, an error of the server, or no reader.
pub async fn run(args: &DoctorArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let found = check(&connection).await?;
    let differing = found.differences.len();
    if args.json {
        output.json(&found)?;
    } else {
        output.line(&page(&found))?;
    }
    match differing {
        0 => Ok(()),
        1 => Err(CliError::failed("1 profile is not what its facts make")),
        many => {
            let message = format!("{many} profiles are not what their facts make");
            Err(CliError::failed(message))
        }
    }
}

/// All pages.
async fn check(connection: &Connection) -> Result<FoundJson, CliError> {
    let mut client = connection.customers();
    let (mut checked, mut differences, mut page_token) = (0, vec![], String::new());
    let mut older_numbers = BTreeMap::<String, u64>::new();
    loop {
        let request = connection.request(pb::CheckProfilesRequest {
            page_size: 0,
            page_token,
        });
        let page = client.check_profiles(request).await?.into_inner();
        checked += u64::try_from(page.checked_count).unwrap_or(0);
        differences.extend(page.differences.into_iter().map(DifferenceJson::from));
        for older in page.older_numbers {
            *older_numbers.entry(older.source).or_default() +=
                u64::try_from(older.count).unwrap_or(0);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            let of_source = |(source, count)| OlderNumbersJson { source, count };
            return Ok(FoundJson {
                checked,
                differences,
                older_numbers: older_numbers.into_iter().map(of_source).collect(),
            });
        }
    }
}

fn page(found: &FoundJson) -> String {
    let checked = match found.checked {
        1 => "1 profile checked".to_owned(),
        many => format!("{many} profiles checked"),
    };
    let older = older_numbers(&found.older_numbers);
    if found.differences.is_empty() {
        return format!("{checked}: all are what their facts make.{older}");
    }
    let header = [
        ("customer", Align::Left),
        ("version", Align::Right),
        ("differs in", Align::Left),
    ];
    let rows = found.differences.iter().map(|it| {
        vec![
            it.customer_id.clone(),
            it.profile_version.to_string(),
            it.parts.join(", "),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    format!("{checked}\n\n{}{older}", text::table(&header, &rows))
}

/// A paragraph about numbers that calls may not find, if there are any.
fn older_numbers(older: &[OlderNumbersJson]) -> String {
    let total: u64 = older.iter().map(|it| it.count).sum();
    if total == 0 {
        return String::new();
    }
    let of_source = |it: &OlderNumbersJson| match &*it.source {
        "" => format!("{} of unknown source", it.count),
        source => format!("{} of {source}", it.count),
    };
    let sources: Vec<String> = older.iter().map(of_source).collect();
    format!(
        "\n\nAn earlier version stored {total} phone numbers as they were sent ({}); calls from them may not find their customer.\n\
         Import each source again with `--replace phones`.",
        sources.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_every_profile_that_differs() {
        let mut found = FoundJson {
            checked: 1,
            differences: vec![],
            older_numbers: vec![],
        };
        assert_eq!(
            page(&found),
            "1 profile checked: all are what their facts make."
        );
        let parts = [
            pb::profile_difference::Part::Purchases,
            pb::profile_difference::Part::LastDay,
        ];
        found.checked = 2_000;
        found.differences = vec![DifferenceJson::from(pb::ProfileDifference {
            customer_id: "ada".to_owned(),
            profile_version: 7,
            parts: parts.into_iter().map(i32::from).collect(),
        })];
        let said = page(&found);
        assert!(said.starts_with("2000 profiles checked\n"), "{said}");
        assert!(said.contains("purchases, last_day"), "{said}");
        assert!(!said.contains("phone numbers"), "{said}");
        let older = [("", 1), ("shop", 2)].map(|(source, count)| OlderNumbersJson {
            source: source.to_owned(),
            count,
        });
        found.older_numbers = older.into();
        let said = page(&found);
        assert!(
            said.contains("3 phone numbers as they were sent (1 of unknown source, 2 of shop)"),
            "{said}"
        );
    }
}
