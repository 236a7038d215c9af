//! `patron model newcomers`: what a customer is worth of whom nothing is known yet.

use clap::Args;
use serde::Serialize;

use crate::cli::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::json::MoneyJson;
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
        output.json(&NewcomersJson::from(&answer))
    } else {
        output.line(&page(&answer))
    }
}

#[derive(Debug, Serialize)]
struct NewcomersJson {
    newcomers: Vec<NewcomerJson>,
    horizon_months: i32,
    monthly_discount_rate: f64,
    basis_id: String,
    as_of: String,
}

#[derive(Debug, Serialize)]
struct NewcomerJson {
    /// Null: any.
    kind: Option<&'static str>,
    probability_alive: f64,
    expected_orders: f64,
    expected_spend_per_order: Option<f64>,
    expected_margin_per_order: Option<f64>,
    lifetime_value: Option<MoneyJson>,
    unrated_reason: Option<&'static str>,
}

impl From<&pb::ScoreNewcomersResponse> for NewcomersJson {
    fn from(answer: &pb::ScoreNewcomersResponse) -> Self {
        Self {
            newcomers: answer.newcomers.iter().map(NewcomerJson::from).collect(),
            horizon_months: answer.horizon_months,
            monthly_discount_rate: answer.monthly_discount_rate,
            basis_id: answer.basis_id.clone(),
            as_of: answer.as_of.clone(),
        }
    }
}

impl From<&pb::NewcomerScore> for NewcomerJson {
    fn from(one: &pb::NewcomerScore) -> Self {
        Self {
            kind: (one.kind != 0).then(|| text::kind_name(one.kind)),
            probability_alive: one.probability_alive,
            expected_orders: one.expected_orders,
            expected_spend_per_order: one.expected_spend_per_order,
            expected_margin_per_order: one.expected_margin_per_order,
            lifetime_value: one.lifetime_value.as_ref().map(MoneyJson::from),
            unrated_reason: text::unrated_name(one.unrated_reason),
        }
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
        let json = serde_json::to_value(NewcomersJson::from(&answer)).unwrap();
        assert_eq!(json["newcomers"][0]["kind"], serde_json::Value::Null);
        assert_eq!(json["newcomers"][1]["unrated_reason"], "NO_MODEL");
    }
}
