//! `patron model newcomers`: what a customer is worth before anything is known of them.

use clap::Args;

use crate::cli::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text::{self, Align};
use crate::pb;

/// Options of `patron model newcomers`.
#[derive(Debug, Args)]
pub struct NewcomersArgs {
    /// Number of the version (default: the active one)
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
    /// Horizon in months of 30.4375 days (default: by the active definitions)
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(i32).range(1..=120))]
    horizon_months: Option<i32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Asks and prints.
///
/// # Errors
///
/// No server, an error of the server (no such version, none active), or no reader.
pub async fn run(args: &NewcomersArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::ScoreNewcomersRequest {
        version: args.version.unwrap_or_default(),
        horizon_months: args.horizon_months.unwrap_or_default(),
    });
    let mut client = connection.models();
    let answer = client.score_newcomers(request).await?.into_inner();
    if args.json {
        output.response("ModelService/ScoreNewcomers", &answer)
    } else {
        output.line(&page(&answer))
    }
}

fn page(answer: &pb::ScoreNewcomersResponse) -> String {
    let header = [
        ("newcomer", Align::Left),
        ("active", Align::Right),
        ("further orders", Align::Right),
        ("per order", Align::Right),
        ("lifetime value", Align::Right),
    ];
    let rows: Vec<Vec<String>> = answer
        .newcomers
        .iter()
        .map(|one| {
            let kind = if one.kind == 0 {
                "any"
            } else {
                text::kind_name(one.kind)
            };
            let spend = one.expected_spend_per_order;
            let value = one.lifetime_value.as_ref();
            vec![
                kind.to_owned(),
                format!("{:.1} %", one.probability_alive * 100.0),
                format!("{:.3}", one.expected_orders),
                spend.map_or_else(|| "none".to_owned(), |spend| text::fixed(spend, 2)),
                value.map_or_else(
                    || format!("none: {}", text::unrated_sentence(one.unrated_reason)),
                    text::money_text,
                ),
            ]
        })
        .collect();
    format!(
        "{}\nThe first order on {}, plus further orders over {} months, discounted by {:.2} % per month; based on {}.",
        text::table(&header, &rows),
        answer.as_of,
        answer.horizon_months,
        answer.monthly_discount_rate * 100.0,
        answer.basis_id
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_of_any_kind_come_first_and_a_missing_value_has_its_reason() {
        let answer = pb::ScoreNewcomersResponse {
            newcomers: vec![
                pb::NewcomerScore {
                    probability_alive: 0.644,
                    expected_orders: 1.4227,
                    expected_spend_per_order: Some(35.219),
                    lifetime_value: Some(pb::Money {
                        amount_minor: 8_274,
                        currency: "EUR".into(),
                    }),
                    ..Default::default()
                },
                pb::NewcomerScore {
                    kind: pb::CustomerKind::Company.into(),
                    unrated_reason: pb::UnratedReason::NoModel.into(),
                    ..Default::default()
                },
            ],
            horizon_months: 12,
            monthly_discount_rate: 0.01,
            basis_id: "r0-m1-EUR".into(),
            as_of: "2026-07-01".into(),
        };
        let page = page(&answer);
        for part in [
            "any",
            "64.4 %",
            "1.423",
            "35.22",
            "82.74 EUR",
            "COMPANY",
            "none: ",
            "12 months",
            "on 2026-07-01",
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
    }
}
