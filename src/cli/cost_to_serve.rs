//! `patron cost-to-serve`: what the contacts of a customer or a group cost, next to what they bring.

use clap::{ArgGroup, Args};

use super::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::service::{GroupArgs, amount, missing_lines, part};
use super::subject::{SUBJECT_HELP, parse_subject};
use super::text::{self, Align, fixed};
use crate::pb;
use crate::pb::get_cost_to_serve_request::Whose;

/// Options of `patron cost-to-serve`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["subject", "segment", "tier", "all"]))]
pub struct CostToServeArgs {
    #[arg(help = SUBJECT_HELP, value_name = "CUSTOMER", value_parser = parse_subject)]
    subject: Option<pb::Subject>,
    #[command(flatten)]
    group: GroupArgs,
    /// All customers
    #[arg(long)]
    all: bool,
    /// Length of the window in calendar months
    #[arg(long, default_value = "12", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=120))]
    months: i32,
    /// Last day, YYYY-MM-DD (default: today in the server's time zone)
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Asks and prints the costs.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub async fn run(args: &CostToServeArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let whose = match &args.subject {
        Some(subject) => Whose::Subject(subject.clone()),
        None => Whose::Group(args.group.message()),
    };
    let request = connection.request(pb::GetCostToServeRequest {
        whose: Some(whose),
        months: args.months,
        as_of: args.as_of.clone().unwrap_or_default(),
    });
    let answer = connection.desk().get_cost_to_serve(request).await?;
    let answer = answer.into_inner();
    if args.json {
        output.response("ServiceDeskService/GetCostToServe", &answer)
    } else {
        output.line(&page(&answer))
    }
}

fn page(answer: &pb::GetCostToServeResponse) -> String {
    let total = answer.total.clone().unwrap_or_default();
    let income = answer.income.clone().unwrap_or_default();
    let header = [
        ("", Align::Left),
        ("in all", Align::Right),
        ("a month", Align::Right),
    ];
    let (first, last) = (&answer.first_day, &answer.last_day);
    let customers = match (answer.customer_count, answer.contacting_customer_count) {
        (1, _) => String::new(),
        (all, contacting) => format!(", {all} customers, {contacting} with contacts"),
    };
    let mut missing = missing_lines(&total.missing);
    missing.extend(income.missing.iter().map(|one| {
        let (count, currency) = (one.customer_count, &one.currency);
        format!("income in {currency} of {count} customers: no rate; run `patron import rates FILE.csv --from {currency} --to ...`")
    }));
    format!(
        "From {first} to {last} ({}{customers})\n\n{}{}{}{}",
        match answer.months {
            1 => "1 month".to_owned(),
            months => format!("{months} months"),
        },
        text::table(&header, &rows(answer)),
        part(
            "By channel",
            &costs(
                answer
                    .channels
                    .iter()
                    .map(|it| (it.channel.clone(), it.cost.as_ref()))
            )
        ),
        part(
            "By topic",
            &costs(answer.topics.iter().map(|it| {
                let topic = if it.topic.is_empty() {
                    "(unknown)"
                } else {
                    &it.topic
                };
                (format!("{topic}, {}", it.channel), it.cost.as_ref())
            }))
        ),
        part("Not in these amounts", &missing),
    )
}

/// Contacts, income, cost and contribution, in all and a month.
fn rows(answer: &pb::GetCostToServeResponse) -> Vec<Vec<String>> {
    let total = answer.total.clone().unwrap_or_default();
    let income = answer.income.clone().unwrap_or_default();
    let per_month = answer.per_month.clone().unwrap_or_default();
    let counted = match income.basis() {
        pb::IncomeBasis::Margin => "Margin",
        pb::IncomeBasis::Revenue | pb::IncomeBasis::Unspecified => "Revenue",
    };
    let row = |label: &str, whole: String, month: String| vec![label.to_owned(), whole, month];
    vec![
        row(
            "Contacts",
            total.contact_count.to_string(),
            fixed(per_month.contact_count, 2),
        ),
        row(
            counted,
            amount(income.total.as_ref()),
            amount(per_month.income.as_ref()),
        ),
        row(
            "Cost of contacts",
            amount(total.cost.as_ref()),
            amount(per_month.cost.as_ref()),
        ),
        row(
            "Contribution",
            amount(answer.contribution.as_ref()),
            amount(per_month.contribution.as_ref()),
        ),
    ]
}

/// A table of costs, as lines; none without a row.
fn costs<'a>(costs: impl Iterator<Item = (String, Option<&'a pb::ContactCost>)>) -> Vec<String> {
    let header = [
        ("", Align::Left),
        ("contacts", Align::Right),
        ("cost", Align::Right),
        ("each", Align::Right),
    ];
    let rows: Vec<Vec<String>> = costs
        .map(|(name, cost)| {
            let cost = cost.cloned().unwrap_or_default();
            vec![
                name,
                cost.contact_count.to_string(),
                amount(cost.cost.as_ref()),
                amount(cost.mean_cost.as_ref()),
            ]
        })
        .collect();
    if rows.is_empty() {
        return vec![];
    }
    text::table(&header, &rows)
        .lines()
        .map(str::to_owned)
        .collect()
}
