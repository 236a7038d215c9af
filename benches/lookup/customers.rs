//! The customers of the benchmark: drawn from a seed, with dates that count back from today.

use jiff::{ToSpan as _, civil::Date};
use patron::{
    domain::clv::random::Random,
    pb::{
        self, attribute_value::Value, contact, identifier,
        ingest_service_client::IngestServiceClient, route_contact_request, subject, transaction,
    },
};
use tonic::transport::Channel;

/// How many there are.
pub(crate) const CUSTOMERS: usize = 1_000;
/// Purchase days, and contact days, of each.
const DAYS: u16 = 20;
/// Attributes that no condition reads, beside the 18 of the example.
const OTHER_ATTRIBUTES: usize = 7;
/// Items in a batch of ingest; the service takes at most as many.
const BATCH: usize = 1_000;

fn id(customer: usize) -> String {
    format!("customer-{customer:04}")
}

/// Asks who a customer is, by id, as of a day; today when it is empty.
pub(crate) fn request_for(customer: usize, as_of: &str) -> pb::ClassifyRequest {
    pb::ClassifyRequest {
        subject: Some(pb::Subject {
            subject: Some(subject::Subject::CustomerId(id(customer))),
        }),
        as_of: as_of.to_owned(),
        ..Default::default()
    }
}

/// The phone number of a customer.
pub(crate) fn number(customer: usize) -> String {
    format!("+4930231{customer:05}")
}

/// Asks who a customer is, by phone number.
pub(crate) fn number_request(customer: usize) -> pb::ClassifyRequest {
    request_of(subject::Subject::PhoneNumber(number(customer)))
}

/// The e-mail address of a customer.
pub(crate) fn address(customer: usize) -> String {
    format!("office@company-{customer:04}.example")
}

/// The id of a customer in another system.
pub(crate) fn external(customer: usize) -> pb::ExternalId {
    pb::ExternalId {
        system: "erp".to_owned(),
        id: format!("{customer:08}"),
    }
}

/// Asks who a customer is.
pub(crate) fn request_of(subject: subject::Subject) -> pb::ClassifyRequest {
    pb::ClassifyRequest {
        subject: Some(pb::Subject {
            subject: Some(subject),
        }),
        ..Default::default()
    }
}

/// Asks where a call from a customer goes.
pub(crate) fn route_request(customer: usize) -> pb::RouteContactRequest {
    pb::RouteContactRequest {
        caller: Some(route_contact_request::Caller::Number(number(customer))),
        ..Default::default()
    }
}

/// Sends all of them to the service.
pub(crate) async fn ingest(channel: Channel, today: Date) -> anyhow::Result<()> {
    let mut client = IngestServiceClient::new(channel);
    let mut random = Random::new(1);
    let (mut patches, mut transactions, mut contacts) = (vec![], vec![], vec![]);
    for customer in 0..CUSTOMERS {
        patches.push(patch(customer, today, &mut random));
        // Customers buy every 7 to 45 days, and some have stopped: otherwise there is nothing to fit.
        let gap = 7.0 + 38.0 * random.uniform();
        let silent = 1.0 + 300.0 * random.uniform() * random.uniform();
        let mean = 2_000.0 + 18_000.0 * random.uniform();
        for day in 0..DAYS {
            let back = silent + gap * (f64::from(day) + 0.9 * random.uniform());
            let amount = mean * (0.5 + random.uniform());
            transactions.push(purchase(customer, day, days_before(today, back), amount));
            let back = 1.0 + 40.0 * (f64::from(day) + 0.9 * random.uniform());
            contacts.push(contact(customer, day, days_before(today, back)));
        }
    }
    let mut results = vec![];
    let request = pb::IngestCustomersRequest {
        customers: patches,
        ..Default::default()
    };
    results.extend(client.ingest_customers(request).await?.into_inner().results);
    for batch in transactions.chunks(BATCH) {
        let transactions = batch.to_vec();
        let request = pb::IngestTransactionsRequest {
            transactions,
            ..Default::default()
        };
        let answer = client.ingest_transactions(request).await?;
        results.extend(answer.into_inner().results);
    }
    for batch in contacts.chunks(BATCH) {
        let contacts = batch.to_vec();
        let request = pb::IngestContactsRequest {
            contacts,
            ..Default::default()
        };
        results.extend(client.ingest_contacts(request).await?.into_inner().results);
    }
    let written = pb::item_result::Outcome::Written;
    let other = results.iter().find(|result| result.outcome() != written);
    anyhow::ensure!(other.is_none(), "not written: {other:?}");
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "some thousand days")]
fn days_before(today: Date, days: f64) -> String {
    today.saturating_sub((days as i64).days()).to_string()
}

#[expect(clippy::cast_possible_truncation, reason = "some hundred euros")]
fn purchase(customer: usize, day: u16, on: String, amount: f64) -> pb::Transaction {
    pb::Transaction {
        customer_id: id(customer),
        source: "shop".to_owned(),
        transaction_id: format!("t-{customer}-{day}"),
        kind: transaction::Kind::Purchase.into(),
        when: Some(transaction::When::OccurredOn(on)),
        amount: Some(pb::Money {
            amount_minor: amount as i64,
            currency: "EUR".to_owned(),
        }),
        ..Default::default()
    }
}

fn contact(customer: usize, day: u16, on: String) -> pb::Contact {
    pb::Contact {
        customer_id: id(customer),
        source: "acd".to_owned(),
        contact_id: format!("c-{customer}-{day}"),
        when: Some(contact::When::OccurredOn(on)),
        channel: ["phone", "email", "chat", "portal"][usize::from(day % 4)].to_owned(),
        duration_seconds: Some(240),
        ..Default::default()
    }
}

/// A customer with the 18 attributes of the example and some that it does not know.
fn patch(customer: usize, today: Date, random: &mut Random) -> pb::CustomerPatch {
    let text = |text: &str| Value::TextValue(text.to_owned());
    let mut pick = |values: &[&str]| {
        let at = usize::try_from(random.bits() >> 32).unwrap_or(0) % values.len();
        text(values[at])
    };
    let mut values = vec![
        ("age_group".to_owned(), pick(&["under_30", "from_30_to_59"])),
        ("country".to_owned(), pick(&["DE", "AT", "CH", "NO"])),
        ("region".to_owned(), pick(&["Bavaria", "Tyrol"])),
        ("sector".to_owned(), pick(&["food", "pharma", "retail"])),
        ("potential_class".to_owned(), pick(&["high", "low"])),
        ("partner_type".to_owned(), pick(&["end_customer", "dealer"])),
        ("department".to_owned(), pick(&["none"])),
    ];
    let tags = vec!["uptime".to_owned(), "advice".to_owned()];
    values.push(("needs".to_owned(), Value::TagsValue(pb::TagSet { tags })));
    for name in [
        "needs_validation_papers",
        "premium_contract",
        "early_adopter",
        "onboarding_done",
        "portal_user",
        "trainee",
    ] {
        values.push((name.to_owned(), Value::BoolValue(random.uniform() < 0.3)));
    }
    for (name, most) in [
        ("complaints_12m", 4.0),
        ("employees", 400.0),
        ("installed_devices", 80.0),
        ("agreed_response_hours", 24.0),
    ] {
        #[expect(clippy::cast_possible_truncation, reason = "at most 400")]
        let value = (random.uniform() * most) as i64;
        values.push((name.to_owned(), Value::IntValue(value)));
    }
    let others = (0..OTHER_ATTRIBUTES).map(|at| (format!("other_{at}"), text("something")));
    let attributes = values.into_iter().chain(others);
    pb::CustomerPatch {
        customer_id: id(customer),
        kind: pb::CustomerKind::Company.into(),
        display_name: Some(format!("Company {customer} Ltd")),
        add_identifiers: [
            identifier::Identifier::PhoneNumber(number(customer)),
            identifier::Identifier::Email(address(customer)),
            identifier::Identifier::ExternalId(external(customer)),
        ]
        .map(|identifier| pb::Identifier {
            identifier: Some(identifier),
        })
        .to_vec(),
        attributes: attributes
            .map(|(name, value)| pb::AttributeValue {
                name,
                value: Some(value),
                observed_on: days_before(today, 20.0),
                source: "crm".to_owned(),
            })
            .collect(),
        ..Default::default()
    }
}
