//! Input that must never be written: each bad field is refused with its path and a reason, beside good items that are written.

mod customers;
mod facts;

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::item_result::Outcome;
use patron::pb::transaction;

use super::count_rows;
use crate::support::messages::{attribute, money, patch, purchase};
use crate::support::service::ServiceWithDatabase;

/// Texts that nobody may store, beside those that are too long.
const BAD_TEXTS: [&str; 10] = [
    "nul\0",
    "line\nfeed",
    "\u{7f}delete",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{9b}31m",
    "\u{202e}gnp.exe",
    "zero\u{200b}width",
    "\u{feff}mark",
    "line\u{2028}separator",
    " untrimmed",
];

/// Days that are none, or that no fact may have.
const BAD_DAYS: [(&str, &str); 13] = [
    ("", "INVALID_DAY"),
    ("today", "INVALID_DAY"),
    ("2025-02-29", "INVALID_DAY"),
    ("2024-02-30", "INVALID_DAY"),
    ("2026-06-31", "INVALID_DAY"),
    ("2026-13-01", "INVALID_DAY"),
    ("2026-00-10", "INVALID_DAY"),
    ("2016-12-31T23:59:60Z", "INVALID_DAY"),
    ("0001-01-01", "INVALID_DAY"),
    ("9999-12-31", "INVALID_DAY"),
    ("1969-12-31", "DAY_OUT_OF_RANGE"),
    ("2026-11-25", "DAY_OUT_OF_RANGE"),
    ("2199-12-31", "DAY_OUT_OF_RANGE"),
];

/// Instants that are none, or that no fact may have: seconds, nanoseconds, reason.
const BAD_TIMES: [(i64, i32, &str); 9] = [
    (0, -1, "INVALID_TIME"),
    (0, 1_000_000_000, "INVALID_TIME"),
    (i64::MIN, 0, "INVALID_TIME"),
    (i64::MAX, 0, "INVALID_TIME"),
    // The last instant of the year 9999 is beyond what can be told apart; 1969-12-31T23:59:59.999999999Z and 0001-01-01 are not.
    (-1, 999_999_999, "DAY_OUT_OF_RANGE"),
    (-62_135_596_800, 0, "DAY_OUT_OF_RANGE"),
    (253_402_300_799, 0, "INVALID_TIME"),
    // Three days from now, and the first instant of that day.
    (1_795_608_000, 0, "DAY_OUT_OF_RANGE"),
    (1_795_564_800, 0, "DAY_OUT_OF_RANGE"),
];

const BAD_CURRENCIES: [&str; 9] = ["", "eur", "EURO", "XXX", "XTS", "XAU", "ZZZ", "€", "EU\0"];

/// What is wrong with an item: the path within it, and the reason.
type Wrong = (&'static str, &'static str);

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn bad_texts(limit: usize) -> Vec<String> {
    let mut texts: Vec<String> = BAD_TEXTS.iter().map(|&text| text.to_owned()).collect();
    texts.push(long(limit + 1));
    // Bytes count, not characters.
    texts.push("ü".repeat(limit / 2 + 1));
    texts
}

/// Collects bad items, each made from a good one by one change.
struct Corpus<T> {
    good: fn(usize) -> T,
    items: Vec<(T, Wrong)>,
}

impl<T> Corpus<T> {
    fn new(good: fn(usize) -> T) -> Self {
        Self {
            good,
            items: vec![],
        }
    }

    fn add(&mut self, path: &'static str, reason: &'static str, change: impl FnOnce(&mut T)) {
        let mut item = (self.good)(self.items.len());
        change(&mut item);
        self.items.push((item, (path, reason)));
    }

    /// A text field that may be empty if `optional`.
    fn texts(
        &mut self,
        path: &'static str,
        reason: &'static str,
        (limit, optional): (usize, bool),
        set: fn(&mut T, String),
    ) {
        let mut bad = bad_texts(limit);
        if !optional {
            bad.push(String::new());
        }
        for text in bad {
            self.add(path, reason, |item| set(item, text));
        }
    }

    /// The items with a good one before and after each, and the wrongs in the order of the items.
    fn among_good(self) -> (Vec<T>, Vec<Option<Wrong>>) {
        let (mut items, mut wrongs) = (vec![], vec![]);
        let good = self.good;
        for (at, (item, wrong)) in self.items.into_iter().enumerate() {
            items.extend([good(10_000 + at), item]);
            wrongs.extend([None, Some(wrong)]);
        }
        (items, wrongs)
    }
}

#[track_caller]
fn assert_refused(field: &str, results: &[pb::ItemResult], wrongs: &[Option<Wrong>]) {
    assert_eq!(results.len(), wrongs.len());
    for (at, (result, wrong)) in results.iter().zip(wrongs).enumerate() {
        let Some((path, reason)) = wrong else {
            assert_eq!(result.outcome(), Outcome::Written, "{at}: {result:?}");
            continue;
        };
        assert_eq!(result.outcome(), Outcome::Refused, "{at}: {path} {reason}");
        let [violation] = &result.violations[..] else {
            panic!("{at}: one thing is wrong, {path} {reason}: {result:?}");
        };
        let path = if path.is_empty() {
            format!("{field}[{at}]")
        } else {
            format!("{field}[{at}].{path}")
        };
        assert_eq!(
            (violation.field.as_str(), violation.reason.as_str()),
            (path.as_str(), *reason),
            "{violation:?}"
        );
        assert!(
            violation.description.len() > 15
                && !violation.description.chars().any(char::is_control),
            "{violation:?}"
        );
    }
}

/// An instant as a message.
fn instant(seconds: i64, nanos: i32) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos }
}

#[tokio::test]
async fn the_outermost_values_that_are_allowed_are_written() {
    let service = ServiceWithDatabase::start().await;
    let with = |id: &str, change: &dyn Fn(&mut pb::Transaction)| {
        let mut item = purchase("ada", id, "2026-01-01", 0);
        change(&mut item);
        item
    };
    let most = 1_000_000_000_000_000;
    let time = |seconds, nanos| transaction::When::OccurredTime(instant(seconds, nanos));
    service
        .write(&[
            purchase("ada", "1", "1970-01-01", most),
            purchase("ada", "2", "2026-11-24", 0),
            purchase("ada", "3", "2024-02-29", 1),
            with("4", &|it| it.cost_minor = Some(most)),
            with("5", &|it| it.when = Some(time(0, 0))),
            with("6", &|it| it.when = Some(time(1_795_564_799, 999_999_999))),
            with(&long(128), &|it| it.source = long(64)),
            with("8", &|it| it.customer_id = long(128)),
            with("9", &|it| it.customer_id = "Müller & Söhne 😀".to_owned()),
            with("10", &|it| it.amount = Some(money(5, "KWD"))),
        ])
        .await;
    service
        .write_customers(&[pb::CustomerPatch {
            display_name: Some(long(256)),
            attributes: vec![attribute(&long(64), Some(Value::TextValue(long(1_024))))],
            ..patch(&long(128))
        }])
        .await;
}

#[tokio::test]
async fn everything_that_is_wrong_with_an_item_is_said_at_once() {
    let service = ServiceWithDatabase::start().await;
    let item = pb::Transaction {
        customer_id: String::new(),
        kind: 9,
        when: None,
        amount: Some(money(-1, "eur")),
        ..purchase("", "", "", 0)
    };
    let results = service.send(&[item]).await;
    let fields: Vec<_> = results[0].violations.iter().map(|it| &*it.field).collect();
    let mut expected = [
        "transactions[0]",
        "transactions[0].amount.amount_minor",
        "transactions[0].amount.currency",
        "transactions[0].customer_id",
        "transactions[0].kind",
        "transactions[0].transaction_id",
    ];
    expected.sort_unstable();
    let mut sorted = fields.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(count_rows(&service.pool).await, [0; 7]);
}
