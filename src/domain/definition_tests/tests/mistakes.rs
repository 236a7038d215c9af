//! Tests that are written wrongly.

use super::{DOCUMENT, read, reported, with};

/// A customer, what is expected of them, and the problem with its place.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    (
        "{kind: robot}",
        "{tier: gold}",
        "\"robot\" is not valid here",
        "robot",
    ),
    (
        "{value: 5 USD}",
        "{tier: gold}",
        "this amount is in USD; values are in EUR",
        "5 USD",
    ),
    (
        "{kind: employee, value: 5 EUR}",
        "{tier: gold}",
        "an employee has no value",
        "value",
    ),
    (
        "{probability_alive: 1.1}",
        "{tier: gold}",
        "\"1.1\" is not a share from 0 % to 100 %",
        "1.1",
    ),
    (
        "{purchases: 3}",
        "{tier: gold}",
        "`purchases` is a list",
        "purchases",
    ),
    (
        "{purchases: [{on: 2026-11-28, amount: 5 EUR}]}",
        "{tier: gold}",
        "2026-11-28 is after the day of the test, 2026-11-27",
        "2026-11-28",
    ),
    (
        "{purchases: [{on: 2026-11-1, amount: 5 EUR}]}",
        "{tier: gold}",
        "\"2026-11-1\" is not a day",
        "2026-11-1",
    ),
    (
        "{purchases: [{on: 2026-11-01, amount: -5 EUR}]}",
        "{tier: gold}",
        "-5.00 EUR is negative",
        "-5 EUR",
    ),
    (
        "{contacts: [{on: 2026-11-01, channel: phon}]}",
        "{tier: gold}",
        "unknown channel `phon`",
        "phon",
    ),
    (
        "{contracts: [{started_on: 2026-11-01, ended_on: 2026-10-31}]}",
        "{tier: gold}",
        "2026-10-31 is before the first day, 2026-11-01",
        "2026-10-31",
    ),
    (
        "{value: 5 EUR, contacts: [{on: 2026-11-01, channel: phone}]}",
        "{tier: gold}",
        "a customer without a purchase or contract has no value",
        "value",
    ),
    (
        "{probability_alive: 0.5, contracts: [{started_on: 2026-11-01}]}",
        "{segments: []}",
        "only a customer who bought has this probability",
        "probability_alive",
    ),
    (
        "{kind: employee, probability_alive: 0.5}",
        "{segments: []}",
        "only a customer who bought has this probability",
        "probability_alive",
    ),
    (
        "{}",
        "{segments: {}}",
        "`segments` of a test names none",
        "{",
    ),
    (
        "{}",
        "{tier: UNRATED, segments: }",
        "`segments` has no value",
        "segments",
    ),
    (
        "{}",
        "{treatment: {queue: a, skills: ~}}",
        "`skills` has no value",
        "skills",
    ),
    (
        "{}",
        "{segments: [s/olm, s/ulmm]}",
        "unknown segment `s/ulmm`",
        "s/ulmm",
    ),
    (
        "{}",
        "{treatment: {queue: A B, skils: [x]}}",
        "`skils` is not a key of `treatment` of a test",
        "skils",
    ),
    (
        "{attributes: {cty: Ulm}}",
        "{tier: gold}",
        "unknown attribute `cty`",
        "cty",
    ),
    (
        "{attributes: {class: High}}",
        "{tier: gold}",
        "\"High\" is no value of `class`, which is one of high, low",
        "High",
    ),
    (
        "{attributes: {size: much}}",
        "{tier: gold}",
        "\"much\" is no value of `size`, which is a number",
        "much",
    ),
    (
        "{visits: 3}",
        "{tier: gold}",
        "`visits` is not a key of `customer`",
        "visits",
    ),
    ("{}", "{}", "this test expects nothing", "expect"),
    ("{}", "{tier: bronze}", "unknown tier `bronze`", "bronze"),
    (
        "{}",
        "{segments: [s/olm]}",
        "unknown segment `s/olm`",
        "s/olm",
    ),
    (
        "{}",
        "{segments: [s/ulm, s/ulm]}",
        "this segment is already in the list",
        "s/ulm",
    ),
    (
        "{}",
        "{segments: {s/ulm: yes}}",
        "\"yes\" is not valid here",
        "yes",
    ),
    (
        "{}",
        "{treatment: {}}",
        "`treatment` of a test is empty",
        "treatment",
    ),
    (
        "{}",
        "{treatment: {quue: a}}",
        "`quue` is not a key of `treatment` of a test",
        "quue",
    ),
];

#[test]
fn every_mistake_of_a_test_is_found_at_its_place() {
    for (customer, expected, message, place) in MISTAKES {
        let text = with(customer, expected);
        let said = reported(&text);
        assert!(
            said.iter().any(|it| *it == ((*message).to_owned(), *place)),
            "{customer} {expected}: {said:?}"
        );
    }
    let twice = format!(
        "{}{}",
        with("{}", "{tier: UNRATED}"),
        "  - {name: it, as_of: 2026-11-27, customer: {}, expect: {tier: UNRATED}}\n"
    );
    assert_eq!(
        reported(&twice),
        [("another test is called \"it\"".to_owned(), "it")]
    );
    // A day that cannot be read hides nothing else.
    let text = with("{visits: 3}", "{tier: gold}").replace("2026-11-27", "soon");
    let said: Vec<&str> = reported(&text).into_iter().map(|it| it.1).collect();
    assert_eq!(said, ["soon", "visits"]);
    let missing = format!("{DOCUMENT}  - {{as_of: 2026-11-27}}\n");
    let said: Vec<String> = reported(&missing).into_iter().map(|it| it.0).collect();
    assert_eq!(said.len(), 1, "one place, one problem: {said:?}");
    let none = DOCUMENT.replace("tests:\n", "");
    assert!(read(&none).unwrap().cases.is_empty());
}
