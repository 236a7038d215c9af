//! Call arrival: who is found by what a trunk sends, how the call is treated whatever is known, and that there is always an answer.

mod agi;
mod contacts;
mod forms;
mod http;
mod mutated;
mod never_fails;
mod policies;
mod recipes;
mod strangers;

use patron::pb;
use patron::pb::CustomerKind;
use patron::pb::attribute_value::Value;
use patron::pb::route_contact_request::Caller;

use crate::support::messages::{attribute, patch, phone};
use crate::support::service::ServiceWithDatabase;

/// Queues by segment, treatments for strangers, and trunks.
const DOCUMENT: &str = r#"
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
attributes:
  line: {family: offered_services, type: one_of, values: [repairs, orders], description: {en: Line of business, de: Bereich}}
  configuration_item: {family: offered_services, type: text, description: {en: Configuration item, de: Konfigurationselement}}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
schemes:
  service:
    mode: overlapping
    description: Who is served where
    segments:
      - {name: firms, when: kind == "COMPANY"}
      - {name: repairs, when: line == "repairs"}
      - {name: orders, when: line == "orders"}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: first}
    silver: {sla: {response: 4 h}, queue: second}
    UNRATED:
      sla: {response: 8 h}
      queue: reception
      fallback_queues: [voicemail]
      priority: 10
      automation: allowed
    UNKNOWN: {queue: newcomers, playbook: [{en: Ask for the name, de: Nach dem Namen fragen}]}
    WITHHELD: {priority: 0, automation: not_allowed}
    INVALID: {queue: exceptions}
  segments:
    - {segment: service/firms, sla: {response: 2 h}, skills: [contracts], priority: 60, language: de-AT}
    - {segment: service/repairs, queue: workshop}
    - {segment: service/orders, queue: sales}
trunks:
  default: {numbers: "national:DE"}
  sip: {numbers: e164_no_plus}
  mixed: {numbers: "auto:DE"}
  private: {numbers: e164, private_numbers: use}
"#;

pub(crate) const ADA: &str = "+493023125001";
const FIRM: &str = "+493023125002";

async fn service() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    fill(&service).await;
    service
}

/// Gives a service the definitions, a person and a company of eight customers behind one number.
pub(crate) async fn fill(service: &ServiceWithDatabase) {
    service.publish(DOCUMENT).await;
    let person = |id: &str, number: &str| pb::CustomerPatch {
        kind: CustomerKind::Person.into(),
        add_identifiers: vec![phone(number)],
        ..patch(id)
    };
    let contact = |id: usize| pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        attributes: vec![attribute(
            "line",
            Some(Value::TextValue("repairs".to_owned())),
        )],
        ..person(&format!("firm-{id}"), FIRM)
    };
    let mut customers = vec![person("ada", ADA)];
    customers.extend((0..8).map(contact));
    service.write_customers(&customers).await;
}

fn number(text: &str) -> pb::RouteContactRequest {
    pb::RouteContactRequest {
        caller: Some(Caller::Number(text.to_owned())),
        ..Default::default()
    }
}

fn decided(treatment: &pb::Treatment, field: &str) -> String {
    treatment.decided_by.get(field).cloned().unwrap_or_default()
}
