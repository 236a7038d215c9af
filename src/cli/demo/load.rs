//! Fills a server with a population, as any client would: in batches through `IngestService`.
//!
//! The population that was loaded is written down at its first customer, so that a later run, even on a later day, finds it again,
//! finishes a load that was interrupted, and does not load it twice.

use jiff::civil::Date;

use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::import::progress::Progress;
use crate::cli::import::send::{BATCH_FACTS, Batch, Lanes, reason};
use crate::cli::output::Output;
use crate::generate::foreign_currency;
use crate::generate::population::{DemoOptions, Population};
use crate::pb;
use crate::pb::attribute_value::Value;
use crate::pb::item_result::Outcome;

/// Streams that carry the facts: measured, more do not load faster on the two cores that the server and its database share.
const LANES: usize = 4;
/// The first customer of every population.
const FIRST: &str = "c-0001";
/// Attribute of the first customer: what determines the population.
const POPULATION: &str = "demo_population";
/// Attribute of the first customer: whether all of it has arrived.
const COMPLETE: &str = "demo_complete";

/// What a server holds of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// A population whose load did not come to its end.
    Part(DemoOptions),
    /// A whole population.
    All(DemoOptions),
}

/// What was sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Facts that were new.
    pub written: usize,
    /// Facts that were known already.
    pub duplicates: usize,
}

/// Asks the server what it holds of the demo. First whether it knows the first customer at all, by a call that answers strangers too:
/// a server with nothing yet shall not begin its log with a failed call.
///
/// # Errors
///
/// The server's answer; a failure when its first customer is not of a demo.
pub async fn held(connection: &Connection) -> Result<Held, CliError> {
    let first = pb::Subject {
        subject: Some(pb::subject::Subject::CustomerId(FIRST.to_owned())),
    };
    let request = connection.request(pb::ClassifyRequest {
        subject: Some(first.clone()),
        as_of: String::new(),
        ..Default::default()
    });
    let answer = connection.scoring().classify(request).await?.into_inner();
    if answer.r#match() == pb::Match::Unknown {
        return Ok(Held::Nothing);
    }
    let request = connection.request(pb::GetCustomerRequest {
        subject: Some(first),
        ..Default::default()
    });
    let customer = match connection.customers().get_customer(request).await {
        Ok(response) => response.into_inner().customer.unwrap_or_default(),
        Err(status) if status.code() == tonic::Code::NotFound => return Ok(Held::Nothing),
        Err(status) => return Err(status.into()),
    };
    let value = |name: &str| {
        let found = customer.attributes.iter().find(|one| one.name == name);
        found.and_then(|one| one.value.clone())
    };
    let Some(Value::TextValue(text)) = value(POPULATION) else {
        return Err(CliError::Failed {
            message: format!("the server holds other data: customer {FIRST} is not from a demo"),
            hint: "run the demo on a separate server".to_owned(),
        });
    };
    let options = read_options(&text)
        .ok_or_else(|| CliError::failed(format!("cannot read what the demo loaded: {text:?}")))?;
    Ok(match value(COMPLETE) {
        Some(Value::BoolValue(true)) => Held::All(options),
        _ => Held::Part(options),
    })
}

/// Sends a population: rates, customers, transactions, contacts and contracts, then what arrives late.
///
/// The steps follow one another, since each builds on the one before; within a step several batches are under way at once.
///
/// # Errors
///
/// The server's answer; a failure when it refuses a fact.
pub async fn load(
    connection: &Connection,
    options: DemoOptions,
    population: &Population,
    output: &mut Output,
) -> Result<Loaded, CliError> {
    let begun = vec![note(options, POPULATION)];
    let complete = vec![note(options, COMPLETE)];
    let rates = foreign_currency::rates(options);
    let Population {
        customers,
        transactions,
        contacts,
        contracts,
        late_transactions,
        late_contacts,
        ..
    } = population;
    let (mut late_transactions, mut late_contacts) =
        (late_transactions.clone(), late_contacts.clone());
    late_transactions.sort_by(|one, other| one.customer_id.cmp(&other.customer_id));
    late_contacts.sort_by(|one, other| one.customer_id.cmp(&other.customer_id));
    let of_transaction: CustomerOf<pb::Transaction> = |fact| &fact.customer_id;
    let of_contact: CustomerOf<pb::Contact> = |fact| &fact.customer_id;
    let steps = [
        vec![Facts::Customers(&begun)],
        cut(&rates, |_| "", Facts::Rates),
        cut(customers, |patch| &patch.customer_id, Facts::Customers),
        cut(transactions, of_transaction, Facts::Transactions),
        cut(contacts, of_contact, Facts::Contacts),
        cut(contracts, |fact| &fact.customer_id, Facts::Contracts),
        cut(&late_transactions, of_transaction, Facts::Transactions),
        cut(&late_contacts, of_contact, Facts::Contacts),
        vec![Facts::Customers(&complete)],
    ];
    let batches: usize = steps.iter().map(Vec::len).sum();
    let mut progress = Progress::begin(batches as u64, output);
    let (mut loaded, mut done) = (Loaded::default(), 0);
    let mut lanes = Lanes::open(connection, LANES);
    for step in steps {
        let mut batches = step.iter().map(Facts::batch);
        loop {
            while let Some(lane) = lanes.freest()
                && let Some(batch) = batches.next()
            {
                lanes.send(lane, batch).await;
            }
            let Some(sent) = lanes.next().await else {
                break;
            };
            loaded.count(&sent?.results)?;
            done += 1;
            let message = format!("{} facts sent", loaded.written + loaded.duplicates);
            progress.at(done, &message, output);
        }
    }
    lanes.close().await;
    progress.end();
    Ok(loaded)
}

impl Loaded {
    /// Counts what became of facts, none of which may be refused.
    fn count(&mut self, results: &[pb::ItemResult]) -> Result<(), CliError> {
        for result in results {
            match result.outcome() {
                Outcome::Written => self.written += 1,
                Outcome::Duplicate | Outcome::NotApplicable => self.duplicates += 1,
                Outcome::Refused | Outcome::Unspecified => {
                    let reason = reason(result);
                    return Err(CliError::failed(format!(
                        "the server refused a generated fact: {reason}"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Facts of one kind for one call, not yet copied.
enum Facts<'a> {
    Customers(&'a [pb::CustomerPatch]),
    Transactions(&'a [pb::Transaction]),
    Contacts(&'a [pb::Contact]),
    Rates(&'a [pb::ExchangeRate]),
    Contracts(&'a [pb::Contract]),
}

impl Facts<'_> {
    fn batch(&self) -> Batch {
        match self {
            Self::Customers(facts) => Batch::Customers(pb::IngestCustomersRequest {
                customers: facts.to_vec(),
                ..Default::default()
            }),
            Self::Transactions(facts) => Batch::Transactions(pb::IngestTransactionsRequest {
                transactions: facts.to_vec(),
                ..Default::default()
            }),
            Self::Contacts(facts) => Batch::Contacts(pb::IngestContactsRequest {
                contacts: facts.to_vec(),
                ..Default::default()
            }),
            Self::Rates(facts) => Batch::Rates(pb::IngestRatesRequest {
                rates: facts.to_vec(),
                ..Default::default()
            }),
            Self::Contracts(facts) => Batch::Contracts(pb::IngestContractsRequest {
                contracts: facts.to_vec(),
                ..Default::default()
            }),
        }
    }
}

/// The customer of a fact.
type CustomerOf<T> = fn(&T) -> &str;

/// Facts, those of a customer one after another, in batches. Where a batch can end between two customers it does: batches under way at
/// once then have no customer in common, and none waits for another in the database.
fn cut<'a, T>(
    facts: &'a [T],
    customer: CustomerOf<T>,
    kind: impl Fn(&'a [T]) -> Facts<'a>,
) -> Vec<Facts<'a>> {
    let mut batches = Vec::with_capacity(facts.len() / BATCH_FACTS + 1);
    let mut rest = facts;
    while !rest.is_empty() {
        let most = rest.len().min(BATCH_FACTS);
        let ends_a_customer = |&end: &usize| {
            let next = rest.get(end).map(customer);
            next.is_none_or(|next| next != customer(&rest[end - 1]))
        };
        let end = (1..=most).rev().find(ends_a_customer).unwrap_or(most);
        let (batch, after) = rest.split_at(end);
        batches.push(kind(batch));
        rest = after;
    }
    batches
}

/// A patch of the first customer that says what was loaded, or that all of it was.
fn note(options: DemoOptions, name: &str) -> pb::CustomerPatch {
    let value = if name == COMPLETE {
        Value::BoolValue(true)
    } else {
        Value::TextValue(write_options(options))
    };
    pb::CustomerPatch {
        customer_id: FIRST.to_owned(),
        attributes: vec![pb::AttributeValue {
            name: name.to_owned(),
            value: Some(value),
            observed_on: options.as_of.to_string(),
            source: "demo".to_owned(),
        }],
        ..pb::CustomerPatch::default()
    }
}

fn write_options(options: DemoOptions) -> String {
    let DemoOptions {
        seed,
        customers,
        as_of,
    } = options;
    format!("seed {seed}, {customers} customers, until {as_of}")
}

fn read_options(text: &str) -> Option<DemoOptions> {
    let rest = text.strip_prefix("seed ")?;
    let (seed, rest) = rest.split_once(", ")?;
    let (customers, as_of) = rest.split_once(" customers, until ")?;
    Some(DemoOptions {
        seed: seed.parse().ok()?,
        customers: customers.parse().ok()?,
        as_of: as_of.parse::<Date>().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn batches_have_no_customer_in_common() {
        let sent = |count: usize, customer: &str| {
            let patch = pb::CustomerPatch {
                customer_id: customer.to_owned(),
                ..pb::CustomerPatch::default()
            };
            vec![patch; count]
        };
        let facts = [sent(600, "a"), sent(600, "b"), sent(2_500, "c")].concat();
        let sizes: Vec<usize> = cut(&facts, |patch| &patch.customer_id, Facts::Customers)
            .iter()
            .map(|batch| match batch.batch() {
                Batch::Customers(batch) => batch.customers.len(),
                Batch::Transactions(_)
                | Batch::Contacts(_)
                | Batch::Rates(_)
                | Batch::Contracts(_) => 0,
            })
            .collect();
        // A customer with more facts than fit into one batch is in several.
        assert_eq!(sizes, [600, 600, 1_000, 1_000, 500]);
    }

    #[test]
    fn what_was_loaded_is_read_as_it_was_written() {
        let options = DemoOptions {
            seed: 7,
            customers: 2_000,
            as_of: date(2024, 6, 30),
        };
        assert_eq!(read_options(&write_options(options)), Some(options));
        assert_eq!(read_options("something else"), None);
    }
}
