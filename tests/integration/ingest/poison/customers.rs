//! Patches of customers that must never be applied.

use patron::pb;
use patron::pb::attribute_value::Value;

use super::{BAD_CURRENCIES, Corpus, assert_refused, bad_texts, long};
use crate::ingest::count_rows;
use crate::support::messages::{attribute, email, external, money, patch, phone};
use crate::support::service::ServiceWithDatabase;

fn bad_attributes(bad: &mut Corpus<pb::CustomerPatch>) {
    let with =
        |value| move |it: &mut pb::CustomerPatch| it.attributes = vec![attribute("a", value)];
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let value = Some(Value::DoubleValue(number));
        bad.add("attributes[0].double_value", "NOT_FINITE", with(value));
    }
    for text in bad_texts(1_024) {
        let value = Some(Value::TextValue(text));
        bad.add("attributes[0].text_value", "INVALID_TEXT", with(value));
    }
    for currency in BAD_CURRENCIES {
        let value = Some(Value::MoneyValue(money(1, currency)));
        let path = "attributes[0].money_value.currency";
        bad.add(path, "UNKNOWN_CURRENCY", with(value));
    }
    for amount in [i64::MIN, -1_000_000_000_000_001, i64::MAX] {
        let value = Some(Value::MoneyValue(money(amount, "EUR")));
        let path = "attributes[0].money_value.amount_minor";
        bad.add(path, "OUT_OF_RANGE", with(value));
    }
    for day in ["", "2025-02-29", "1899-12-31", "2200-01-01", "0001-01-01"] {
        let value = Some(Value::DayValue(day.to_owned()));
        bad.add("attributes[0].day_value", "INVALID_DAY", with(value));
    }
    let tags = |tags: Vec<String>| with(Some(Value::TagsValue(pb::TagSet { tags })));
    bad.add(
        "attributes[0].tags_value.tags[1]",
        "INVALID_TEXT",
        tags(vec!["a".to_owned(), String::new()]),
    );
    bad.add(
        "attributes[0].tags_value.tags",
        "TOO_MANY",
        tags(vec!["a".to_owned(); 65]),
    );
    for name in ["", "A", "1a", "a-b", "ä", "a\0", " a"].map(str::to_owned) {
        bad.add("attributes[0].name", "INVALID_NAME", |it| {
            it.attributes = vec![attribute(&name, Some(Value::IntValue(1)))];
        });
    }
    bad.add("attributes[0].name", "INVALID_NAME", |it| {
        it.attributes = vec![attribute(&long(65), Some(Value::IntValue(1)))];
    });
    bad.add("attributes[1].name", "REPEATED", |it| {
        it.attributes = vec![attribute("a", None), attribute("a", None)];
    });
    bad.add("attributes", "TOO_MANY", |it| {
        let named = |at: usize| attribute(&format!("a{at}"), None);
        it.attributes = (0..129).map(named).collect();
    });
}

fn bad_patches() -> Corpus<pb::CustomerPatch> {
    let mut bad = Corpus::<pb::CustomerPatch>::new(|at| patch(&format!("c{at}")));
    bad.texts("customer_id", "INVALID_ID", (128, false), |it, text| {
        it.customer_id = text;
    });
    bad.texts("display_name", "INVALID_TEXT", (256, true), |it, text| {
        it.display_name = Some(text);
    });
    bad.add("kind", "UNKNOWN_ENUM_VALUE", |it| it.kind = -7);
    bad.add("add_identifiers[0]", "REQUIRED", |it| {
        it.add_identifiers = vec![pb::Identifier::default()];
    });
    for number in [
        "",
        "+",
        "030123456",
        "+49 030 1234567",
        "+49 30 1234567 Tom",
        "+123456",
        "+049301234567",
    ] {
        bad.add(
            "add_identifiers[0].phone_number",
            "INVALID_PHONE_NUMBER",
            |it| it.add_identifiers = vec![phone(number)],
        );
    }
    for address in [
        "",
        "ada",
        "@x.org",
        "a@",
        "a@b@c",
        "a b@c.de",
        "a\u{202e}@b.de",
    ] {
        bad.add("end_identifiers[0].email", "INVALID_EMAIL", |it| {
            it.end_identifiers = vec![email(address)];
        });
    }
    for (system, id) in [("", "1"), ("a/b", "1"), ("crm", ""), ("crm", "1\u{1b}[0m")] {
        bad.add(
            "add_identifiers[1].external_id",
            "INVALID_EXTERNAL_ID",
            |it| it.add_identifiers = vec![email("a@b.c"), external(system, id)],
        );
    }
    bad.add("add_identifiers", "TOO_MANY", |it| {
        let number = |at: usize| phone(&format!("+4930231250{at:02}"));
        it.add_identifiers = (0..33).map(number).collect();
    });
    bad.add("add_identifiers[0]", "ADDED_AND_ENDED", |it| {
        it.add_identifiers = vec![phone("+493023125001")];
        it.end_identifiers = vec![phone("+493023125001")];
    });
    bad_attributes(&mut bad);
    bad
}

#[tokio::test]
async fn bad_patches_are_refused_with_their_path_beside_good_ones_that_are_written() {
    let service = ServiceWithDatabase::start().await;
    let (items, wrongs) = bad_patches().among_good();
    let results = service.send_customers(&items).await;
    assert_refused("customers", &results, &wrongs);
    let stored = wrongs.iter().filter(|wrong| wrong.is_none()).count();
    let stored = i64::try_from(stored).unwrap();
    assert_eq!(
        count_rows(&service.pool).await,
        [stored, 0, 0, 0, 0, stored, stored]
    );
}
