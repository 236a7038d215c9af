//! The service desk: outcomes of contacts and the figures made of them, cost to serve next to income, channels, tickets, topics.

mod channels;
mod costs;
mod figures;
mod oracle;
mod outcomes;
mod refused;
mod tickets;
mod topics;

use patron::pb;
use patron::pb::contact_outcome::When;

use crate::support::messages::{call, money};
use crate::support::service::ServiceWithDatabase;

/// Revenue is the margin, so that amounts can be checked by eye; three segments, channels with and without a cost.
const DOCUMENT: &str = r#"
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: contribution, margin: 100 %}
channels:
  phone: {cost: 45.00 EUR}
  chat: {cost: 4.00 EUR}
  self_service: {cost: 0.20 EUR}
  letter: {}
attributes:
  size: {family: firmographic, type: one_of, values: [small, large], description: {en: Size, de: Größe}}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
schemes:
  firms:
    mode: overlapping
    description: Companies
    segments:
      - {name: small, when: size == "small"}
      - {name: companies, when: kind == "COMPANY"}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: first, priority: 80}
    silver: {sla: {response: 4 h}, queue: second}
    UNRATED: {sla: {response: 8 h}, queue: reception, priority: 20, roles: [agent]}
    UNKNOWN: {queue: newcomers, skills: [identification]}
  segments:
    - {segment: firms/companies, queue: business, roles: [key_account], skills: [contracts]}
"#;

async fn service() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    service.publish(DOCUMENT).await;
    service
}

/// A call without a cost of its own.
fn plain_call(customer: &str, id: &str, day: &str) -> pb::Contact {
    pb::Contact {
        cost: None,
        duration_seconds: None,
        ..call(customer, id, day)
    }
}

/// A contact about a topic on a channel that cost so many cents.
fn contact(
    customer: &str,
    id: &str,
    day: &str,
    channel: &str,
    topic: &str,
    cents: i64,
) -> pb::Contact {
    pb::Contact {
        channel: channel.to_owned(),
        topic: topic.to_owned(),
        cost: Some(money(cents, "EUR")),
        ..call(customer, id, day)
    }
}

/// An outcome of a call, with nothing in it yet.
fn outcome(customer: &str, id: &str, day: &str) -> pb::ContactOutcome {
    pb::ContactOutcome {
        customer_id: customer.to_owned(),
        source: "acd".to_owned(),
        contact_id: id.to_owned(),
        when: Some(When::OccurredOn(day.to_owned())),
        channel: "phone".to_owned(),
        ..Default::default()
    }
}

/// What `RecordContactOutcome` answers.
async fn record(
    service: &ServiceWithDatabase,
    outcome: pb::ContactOutcome,
) -> Result<pb::item_result::Outcome, tonic::Status> {
    let request = pb::RecordContactOutcomeRequest {
        outcome: Some(outcome),
    };
    let answer = service.desk().record_contact_outcome(request).await;
    answer.map(|answer| answer.into_inner().outcome())
}

/// Records outcomes that must all be new.
async fn record_all(
    service: &ServiceWithDatabase,
    outcomes: impl IntoIterator<Item = pb::ContactOutcome>,
) {
    for outcome in outcomes {
        let written = record(service, outcome).await.unwrap();
        assert_eq!(written, pb::item_result::Outcome::Written);
    }
}

fn of_segment(name: &str) -> pb::CustomerGroup {
    pb::CustomerGroup {
        group: Some(pb::customer_group::Group::Segment(name.to_owned())),
    }
}

fn of_tier(name: &str) -> pb::CustomerGroup {
    pb::CustomerGroup {
        group: Some(pb::customer_group::Group::Tier(name.to_owned())),
    }
}

/// Cents.
fn cents(money: Option<&pb::Money>) -> i64 {
    let money = money.unwrap();
    assert_eq!(money.currency, "EUR");
    money.amount_minor
}
