//! What a contact and its time change: rules, raises, closed queues, due times, and what expires.

mod boosts;
mod care;
mod rules;
mod simulation;
mod times;

use patron::pb;
use patron::pb::CustomerKind;
use patron::pb::attribute_value::Value;

use super::number;
use crate::support::messages::{attribute, patch, phone};
use crate::support::service::ServiceWithDatabase;

/// An office in Berlin, queues with hours, and rules.
const DOCUMENT: &str = r#"
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
channels: {phone: {}, chat: {}}
attributes:
  region: {family: geographic, type: one_of, values: [north, south], description: Region}
  premium: {family: value, type: bool, description: Premium contract}
  preferred_channel: {family: behaviour, type: one_of, values: [phone, chat], description: Preferred channel as stated}
  age_group:
    family: socio_demographic
    type: one_of
    values: [younger, older]
    description: Age group
    sensitivity: protected
    purpose: choosing a channel to offer
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
schemes:
  place:
    mode: overlapping
    description: Where they live
    segments:
      - {name: north, when: region == "north"}
holidays:
  germany:
    - {name: {en: Christmas, de: Weihnachten}, yearly: 12-25}
calendars:
  office: {zone: Europe/Berlin, hours: {mon-fri: "08:00-18:00"}, holidays: [germany]}
  night: {zone: Europe/Berlin, hours: {daily: "18:00-08:00"}}
queues:
  service: {calendar: office}
  night_desk: {calendar: night}
intents: [outage, billing]
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: first}
    silver: {sla: {response: 4 h}, queue: second}
    UNRATED:
      sla: {response: 1 h, resolution: 8 h, calendar: office}
      queue: service
      fallback_queues: [night_desk, voicemail]
      priority: 10
    UNKNOWN: {playbook: [Ask for the name]}
  segments:
    - {segment: place/north, until: 2026-12-15, sla: {response: 15 min}, skills: [flood]}
routing:
  - {name: preferred_chat, when: preferred_channel == "chat", channels: [chat, phone]}
  - {name: preferred_phone, when: preferred_channel == "phone", channels: [phone, chat]}
  - {name: younger, when: age_group == "younger", channels: [chat, phone]}
  - {name: outage, when: intent == "outage" && channel == "phone", skills: [network], raise_priority: 30}
  - {name: premium, when: premium, raise_priority: 70}
  - {name: hotline, when: 'dialled_number == "+498001234567"', queue: hotline}
  - {name: weekend, when: 'weekday in ["SATURDAY", "SUNDAY"] && time_of_day >= time("12:00")', playbook: [Excuse the wait]}
  - {name: closed, when: '!open("office") && intent != "outage"', automation: allowed}
  - {name: anybody, when: 'open("office") || premium', tone: Brief}
  - {name: flood, when: region == "north", from: "2026-11-20T00:00:00Z", until: "2026-11-27T09:00:00Z", raise_priority: 5}
trunks:
  default: {numbers: "national:DE"}
"#;

const ADA: &str = "+493023125001";
const FIRM: &str = "+493023125002";

/// A Friday at 11:00 in Berlin.
const FRIDAY: &str = "2026-11-27T10:00:00Z";

async fn service() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    service.set_clock(FRIDAY);
    service.publish(DOCUMENT).await;
    let person = |id: &str, number: &str| pb::CustomerPatch {
        kind: CustomerKind::Person.into(),
        add_identifiers: vec![phone(number)],
        ..patch(id)
    };
    let member = |id: &str, premium: bool| pb::CustomerPatch {
        attributes: vec![attribute("premium", Some(Value::BoolValue(premium)))],
        ..person(id, FIRM)
    };
    let customers = [person("ada", ADA), member("one", true), member("two", true)];
    service.write_customers(&customers).await;
    service
}

/// States an attribute of a customer.
async fn state(service: &ServiceWithDatabase, customer: &str, name: &str, value: &str) {
    let stated = pb::CustomerPatch {
        attributes: vec![attribute(name, Some(Value::TextValue(value.to_owned())))],
        ..patch(customer)
    };
    service.write_customers(&[stated]).await;
}

fn contact(text: &str, channel: &str, intent: &str) -> pb::RouteContactRequest {
    pb::RouteContactRequest {
        channel: channel.to_owned(),
        intent: intent.to_owned(),
        ..number(text)
    }
}

/// The names of the rules that apply.
fn rules(answer: &pb::RouteContactResponse) -> Vec<&str> {
    let decision = answer.decision.as_ref().unwrap();
    decision.rules.iter().map(String::as_str).collect()
}
