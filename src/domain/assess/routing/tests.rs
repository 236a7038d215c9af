//! Rules over what is known of a caller, in Kleene's logic.

use jiff::{Timestamp, tz::TimeZone};

use super::{ContactTerms, rule_stranger};
use crate::domain::{
    basis::{Basis, Revision},
    definitions::{Definitions, Stranger},
};

const DOCUMENT: &str = r#"
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
channels: {phone: {}}
attributes:
  vip: {family: value, type: bool, description: Important}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
calendars:
  office: {zone: Europe/Berlin, hours: {mon-fri: 08:00-18:00}}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    silver: {sla: {response: 1 h}, queue: a}
    UNRATED: {sla: {response: 1 h}, queue: a}
routing:
  - {name: "n0", when: 'RULE', raise_priority: 1}
"#;

fn applies(rule: &str, at: &str) -> bool {
    let text = DOCUMENT.replace("RULE", rule);
    let definitions = Definitions::read(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let revision = Revision::published(1, definitions.into());
    let basis = Basis::new(revision, None, None, std::sync::Arc::default());
    let at: Timestamp = at.parse().unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let contact = ContactTerms {
        channel: Some("phone".into()),
        ..ContactTerms::new(at, &zone).unwrap()
    };
    let ruled = rule_stranger(Stranger::Unknown, &basis, &contact).unwrap();
    !ruled.rules.is_empty()
}

#[test]
fn what_holds_for_every_caller_holds_for_unknown_callers() {
    let monday = "2026-11-23T09:00:00Z";
    for (rule, holds) in [
        ("open(\"office\")", true),
        ("open(\"office\") || vip", true),
        ("open(\"office\") && vip", false),
        ("!open(\"office\") || vip", false),
        ("!(open(\"office\") && vip)", false),
        ("!(!open(\"office\") && vip)", true),
        // Neither known nor missing: of a stranger nothing is known.
        ("has(vip)", false),
        ("!has(vip)", false),
        ("kind != \"EMPLOYEE\"", false),
        ("orders(days(30)) == 0", false),
        ("channel == \"phone\"", true),
        (
            "weekday == \"MONDAY\" && time_of_day >= time(\"10:00\")",
            true,
        ),
        ("time_of_day > time(\"10:00\")", false),
        ("true", true),
    ] {
        assert_eq!(applies(rule, monday), holds, "{rule}");
    }
}

#[test]
fn the_time_of_day_is_that_of_the_deployment_over_both_changes_of_the_clocks() {
    for (at, holds) in [
        ("2026-03-29T00:59:00Z", false),
        ("2026-03-29T01:00:00Z", true),
        ("2026-10-25T00:59:00Z", false),
        ("2026-10-25T02:00:00Z", true),
    ] {
        let rule = "weekday == \"SUNDAY\" && time_of_day >= time(\"03:00\")";
        assert_eq!(applies(rule, at), holds, "{at}");
    }
}
