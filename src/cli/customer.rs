//! `patron customer`: what is stored of a customer, and corrections of it.

mod erase;
mod merge;
mod moves;

use clap::{Args, Subcommand};

use self::merge::{MergeArgs, MergesArgs, UnmergeArgs};
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::subject::{SUBJECT_HELP, parse_subject};
use super::text::{self, Align};
use crate::pb;
use crate::pb::attribute_value::Value as Attribute;

/// Days of purchases and of contacts that the page shows; `--json` has as many as the server returns.
const DAYS_SHOWN: usize = 12;

/// The commands of `patron customer`.
#[derive(Debug, Subcommand)]
pub enum CustomerCommand {
    /// Show a customer's profile
    Show(ShowArgs),
    /// Merge a customer into another one: both are the same
    Merge(MergeArgs),
    /// End a merge: both are customers of their own again
    Unmerge(UnmergeArgs),
    /// List merges, most recent first
    Merges(MergesArgs),
    /// Move facts to another customer
    Move(moves::MoveArgs),
    /// Delete everything that is stored about a customer
    Erase(erase::EraseArgs),
}

/// Options of `patron customer show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[arg(help = SUBJECT_HELP, value_parser = parse_subject)]
    subject: pb::Subject,
    /// Number of most recent days with purchases, and with contacts, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    days: i32,
    /// Only purchases and contacts before this day, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    before: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs a command.
///
/// # Errors
///
/// No server, an error of the server (nobody, or several customers), or no reader.
pub async fn run(command: &CustomerCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        CustomerCommand::Show(args) => show(args, output).await,
        CustomerCommand::Merge(args) => merge::merge(args, output).await,
        CustomerCommand::Unmerge(args) => merge::unmerge(args, output).await,
        CustomerCommand::Merges(args) => merge::merges(args, output).await,
        CustomerCommand::Move(args) => moves::run(args, output).await,
        CustomerCommand::Erase(args) => erase::run(args, output).await,
    }
}

async fn show(args: &ShowArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::GetCustomerRequest {
        subject: Some(args.subject.clone()),
        day_limit: args.days,
        purchases_before: args.before.clone().unwrap_or_default(),
        contacts_before: args.before.clone().unwrap_or_default(),
        ..Default::default()
    });
    let mut client = connection.customers();
    let response = client.get_customer(request).await?.into_inner();
    if args.json {
        return output.response("CustomerService/GetCustomer", &response);
    }
    let customer = response
        .customer
        .ok_or_else(|| CliError::failed("the server returned a response without a customer"))?;
    output.line(&page(&customer))
}

/// A profile for a person.
fn page(customer: &pb::Customer) -> String {
    let mut rows = vec![("Customer", customer.customer_id.clone())];
    if !customer.display_name.is_empty() {
        rows.push(("Name", customer.display_name.clone()));
    }
    rows.push(("Kind", text::kind_word(customer.kind).to_owned()));
    if !customer.merged_customer_ids.is_empty() {
        rows.push(("Merged", customer.merged_customer_ids.join(", ")));
    }
    let known: Vec<String> = customer
        .identifiers
        .iter()
        .map(|known| format!("{} {}", known.kind, known.display))
        .collect();
    rows.push(("Identifiers", or_none(known.join(", "))));
    let written = text::time_text(customer.data_time.as_ref()).unwrap_or_default();
    rows.push((
        "Profile",
        format!("version {}, written {written}", customer.profile_version),
    ));
    let amounts = customer.unmatched_refunds.iter().map(text::money_text);
    let amounts: Vec<String> = amounts.collect();
    let amounts = match amounts.as_slice() {
        [] => String::new(),
        amounts => format!(": {}", amounts.join(", ")),
    };
    for (label, count, known, amounts) in [
        (
            "Unmatched refunds",
            customer.unmatched_refund_count,
            "purchases",
            amounts.as_str(),
        ),
        (
            "Unmatched retractions",
            customer.unmatched_retraction_count,
            "contacts",
            "",
        ),
    ] {
        if count > 0 {
            let text = format!("{count} not fully matched to recorded {known}{amounts}");
            rows.push((label, text));
        }
    }
    let mut page = text::labelled(&rows);
    let parts = [
        attributes_part(&customer.attributes),
        purchases_part(&customer.purchase_days, customer.purchase_entry_count),
        contacts_part(&customer.contact_days, customer.contact_entry_count),
    ];
    for part in parts.into_iter().chain(contracts_part(&customer.contracts)) {
        page.push_str("\n\n");
        page.push_str(&part);
    }
    page
}

fn or_none(text: String) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        text
    }
}

fn attributes_part(attributes: &[pb::AttributeValue]) -> String {
    if attributes.is_empty() {
        return "No attributes.".to_owned();
    }
    let header = [
        ("attribute", Align::Left),
        ("value", Align::Left),
        ("observed", Align::Left),
        ("source", Align::Left),
    ];
    let rows: Vec<Vec<String>> = attributes
        .iter()
        .map(|one| {
            vec![
                one.name.clone(),
                attribute_text(one.value.as_ref()),
                one.observed_on.clone(),
                one.source.clone(),
            ]
        })
        .collect();
    text::table(&header, &rows)
}

fn attribute_text(value: Option<&Attribute>) -> String {
    match value {
        None => "cleared".to_owned(),
        Some(Attribute::BoolValue(value)) => value.to_string(),
        Some(Attribute::IntValue(value)) => value.to_string(),
        Some(Attribute::DoubleValue(value)) => value.to_string(),
        Some(Attribute::TextValue(value) | Attribute::DayValue(value)) => value.clone(),
        Some(Attribute::MoneyValue(value)) => text::money_text(value),
        Some(Attribute::TagsValue(value)) => value.tags.join(", "),
    }
}

fn purchases_part(days: &[pb::PurchaseDay], count: i32) -> String {
    if days.is_empty() {
        return "No purchases.".to_owned();
    }
    let header = [
        ("purchase day", Align::Left),
        ("purchases", Align::Right),
        ("amount", Align::Right),
        ("category", Align::Left),
    ];
    let rows: Vec<Vec<String>> = latest(days)
        .iter()
        .map(|day| {
            let amount = day.amount.as_ref();
            vec![
                day.day.clone(),
                day.count.to_string(),
                amount.map_or_else(String::new, text::money_text)
                    + &foreign_refunds_text(&day.foreign_refunds),
                day.category.clone(),
            ]
        })
        .collect();
    let others = not_shown(rows.len(), count);
    format!("{}{others}", text::table(&header, &rows))
}

/// What was paid back of each purchase in other currencies, behind its amount.
fn foreign_refunds_text(refunds: &[pb::ForeignRefund]) -> String {
    let amounts = refunds.iter().filter_map(|refund| refund.amount.as_ref());
    amounts.fold(String::new(), |mut written, amount| {
        written.push_str(" less ");
        written.push_str(&text::money_text(amount));
        written
    })
}

fn contacts_part(days: &[pb::ContactDay], count: i32) -> String {
    if days.is_empty() {
        return "No contacts.".to_owned();
    }
    let header = [
        ("contact day", Align::Left),
        ("channel", Align::Left),
        ("contacts", Align::Right),
        ("cost", Align::Right),
        ("seconds", Align::Right),
    ];
    let rows: Vec<Vec<String>> = latest(days)
        .iter()
        .map(|day| {
            let cost = day.cost.as_ref();
            vec![
                day.day.clone(),
                day.channel.clone(),
                day.count.to_string(),
                cost.map_or_else(|| "not known".to_owned(), text::money_text),
                day.duration_seconds.to_string(),
            ]
        })
        .collect();
    let others = not_shown(rows.len(), count);
    format!("{}{others}", text::table(&header, &rows))
}

/// Most customers have no contracts: then nothing is said of them.
fn contracts_part(contracts: &[pb::ContractState]) -> Option<String> {
    if contracts.is_empty() {
        return None;
    }
    let header = [
        ("contract", Align::Left),
        ("since", Align::Left),
        ("renews", Align::Left),
        ("price", Align::Right),
        ("ends", Align::Left),
    ];
    let rows: Vec<Vec<String>> = contracts
        .iter()
        .map(|one| {
            let price = one.price.as_ref();
            vec![
                format!("{}/{}", one.source, one.contract_id),
                one.started_on.clone(),
                text::period_words(one.period_months),
                price.map_or_else(String::new, text::money_text),
                one.ended_on.clone(),
            ]
        })
        .collect();
    Some(text::table(&header, &rows))
}

fn latest<T>(days: &[T]) -> &[T] {
    &days[days.len().saturating_sub(DAYS_SHOWN)..]
}

fn not_shown(shown: usize, count: i32) -> String {
    let count = usize::try_from(count).unwrap_or(0);
    match count.checked_sub(shown) {
        None | Some(0) => String::new(),
        Some(hidden) => {
            format!("\n(and {hidden} more: use --json, with --days and --before)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(days: usize) -> pb::Customer {
        pb::Customer {
            customer_id: "c-1".into(),
            kind: pb::CustomerKind::Company.into(),
            purchase_days: (0..days)
                .map(|day| pb::PurchaseDay {
                    day: format!("2024-01-{:02}", day + 1),
                    count: 1,
                    amount: Some(pb::Money {
                        amount_minor: 1_050,
                        currency: "EUR".into(),
                    }),
                    ..Default::default()
                })
                .collect(),
            purchase_entry_count: i32::try_from(days).unwrap(),
            attributes: vec![pb::AttributeValue {
                name: "city".into(),
                value: Some(Attribute::TextValue("Ulm".into())),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn the_page_shows_the_latest_days_and_says_how_many_are_hidden() {
        let page = page(&customer(14));
        assert!(page.contains("2024-01-14"));
        assert!(!page.contains("2024-01-02"));
        assert!(page.contains("(and 2 more: use --json"));
        assert!(page.contains("10.50 EUR"));
        assert!(page.contains("No contacts."));
    }
}
