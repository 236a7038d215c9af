//! `patron channel-policy`: keep, limit or redirect a channel of a customer, known or given by numbers.

use clap::{ArgGroup, Args};

use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::explain::language::Language;
use super::import::amount::parse_amount;
use super::import::number::Numbers;
use super::output::Output;
use super::service::{amount, missing_lines, part, short};
use super::subject::{SUBJECT_HELP, parse_subject};
use super::text::{self, Align, fixed};
use crate::pb;
use crate::pb::evaluate_channel_policy_request::Whose;

/// Options of `patron channel-policy`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["subject", "income"]))]
pub struct ChannelPolicyArgs {
    #[arg(help = SUBJECT_HELP, value_name = "CUSTOMER", value_parser = parse_subject)]
    subject: Option<pb::Subject>,
    /// The channel (default: the most costly one of the customer)
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Length of the window in calendar months (default: 6)
    #[arg(long, value_name = "N", conflicts_with = "income", value_parser = clap::value_parser!(i32).range(1..=120))]
    months: Option<i32>,
    /// Last day, YYYY-MM-DD (default: today in the server's time zone)
    #[arg(long, value_name = "DATE", conflicts_with = "income")]
    as_of: Option<String>,
    /// In place of a customer: income a month before the cost of contacts, for example 15EUR
    #[arg(long, value_name = "AMOUNT", value_parser = parse_money, requires = "contacts", requires = "channel")]
    income: Option<pb::Money>,
    /// With --income: contacts a month on the channel
    #[arg(long, value_name = "NUMBER", requires = "income")]
    contacts: Option<f64>,
    /// With --income: cost of a contact (default: that of the definitions)
    #[arg(long, value_name = "AMOUNT", value_parser = parse_money, requires = "income")]
    cost: Option<pb::Money>,
    /// With --income: cost of contacts on other channels a month
    #[arg(long, value_name = "AMOUNT", value_parser = parse_money, requires = "income")]
    other_cost: Option<pb::Money>,
    /// Language of the reasons
    #[arg(long, alias = "language", value_enum, default_value = "en")]
    lang: Language,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// An amount with its currency.
fn parse_money(written: &str) -> Result<pb::Money, String> {
    let written = written.trim();
    let digits = written.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (amount, currency) = (digits.trim_end(), &written[digits.len()..]);
    if currency.is_empty() {
        return Err(format!("{written:?} has no currency: write it as 15EUR"));
    }
    text::currency_exponent(currency)
        .ok_or_else(|| format!("{currency:?} is not an ISO 4217 currency code, for example EUR"))?;
    Ok(pb::Money {
        amount_minor: parse_amount(amount, currency, Numbers::default())?.signed(),
        currency: currency.to_owned(),
    })
}

/// Asks and prints the decision.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub async fn run(args: &ChannelPolicyArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let whose = match &args.subject {
        Some(subject) => Whose::Subject(subject.clone()),
        None => Whose::Hypothetical(pb::HypotheticalCustomer {
            income_per_month: args.income.clone(),
            contacts_per_month: args.contacts.unwrap_or_default(),
            cost_per_contact: args.cost.clone(),
            other_cost_per_month: args.other_cost.clone(),
        }),
    };
    let request = connection.request(pb::EvaluateChannelPolicyRequest {
        whose: Some(whose),
        channel: args.channel.clone().unwrap_or_default(),
        months: args.months.unwrap_or_default(),
        as_of: args.as_of.clone().unwrap_or_default(),
    });
    let answer = connection.desk().evaluate_channel_policy(request).await?;
    let answer = answer.into_inner();
    if args.json {
        output.response("ServiceDeskService/EvaluateChannelPolicy", &answer)
    } else {
        output.line(&page(&answer, args.lang))
    }
}

fn verdict(answer: &pb::EvaluateChannelPolicyResponse) -> &'static str {
    short(answer.verdict().as_str_name(), "CHANNEL_VERDICT_")
}

fn page(answer: &pb::EvaluateChannelPolicyResponse, language: Language) -> String {
    let mut rows = vec![("Verdict", verdict(answer).to_owned())];
    if !answer.channel.is_empty() {
        rows.push(("Channel", answer.channel.clone()));
    }
    if !answer.suggested_channel.is_empty() {
        rows.push(("Offer", answer.suggested_channel.clone()));
    }
    if !answer.first_day.is_empty() {
        rows.push((
            "Based on",
            format!("{} to {}", answer.first_day, answer.last_day),
        ));
    }
    let each = answer.cost_per_contact.as_ref();
    rows.extend([
        ("Income a month", amount(answer.income.as_ref())),
        (
            "Contacts a month",
            format!("{} at {}", fixed(answer.contact_count, 2), amount(each)),
        ),
        ("Cost on other channels", amount(answer.other_cost.as_ref())),
        ("Contribution a month", amount(answer.contribution.as_ref())),
    ]);
    let reasons = answer.reasons.iter();
    let reasons = reasons.map(|reason| language.pick(reason.text.as_ref()).to_owned());
    let header = [
        ("", Align::Left),
        ("each", Align::Right),
        ("contribution a month", Align::Right),
        ("", Align::Left),
    ];
    let alternatives = answer.alternatives.iter().map(|it| {
        let offered = if it.is_offered {
            ""
        } else {
            "not offered to this customer"
        };
        vec![
            it.channel.clone(),
            amount(it.cost_per_contact.as_ref()),
            amount(it.contribution.as_ref()),
            offered.to_owned(),
        ]
    });
    let alternatives: Vec<Vec<String>> = alternatives.collect();
    let table = text::table(&header, &alternatives);
    let table: Vec<String> = table.lines().map(str::to_owned).collect();
    let mut missing = missing_lines(&answer.missing_costs);
    let currencies = answer.missing_income.iter();
    missing.extend(currencies.map(|currency| format!("income in {currency}: no rate")));
    format!(
        "{}{}{}{}",
        text::labelled(&rows),
        part("Reasons", &reasons.collect::<Vec<_>>()),
        part(
            "The same contacts on another channel",
            if alternatives.is_empty() { &[] } else { &table }
        ),
        part("Not in these amounts", &missing),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_its_currency() {
        let read = parse_money("15.5 EUR").unwrap();
        assert_eq!((read.amount_minor, &*read.currency), (1_550, "EUR"));
        assert_eq!(parse_money("45 JPY").unwrap().amount_minor, 45);
        for wrong in ["15", "EUR 15", "15 EURO", "1.555 EUR"] {
            assert!(parse_money(wrong).is_err(), "{wrong}");
        }
    }
}
