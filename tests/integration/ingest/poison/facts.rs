//! Transactions and contacts that must never be written.

use patron::pb;
use patron::pb::contact;
use patron::pb::transaction::{Kind, When};

use super::{BAD_CURRENCIES, BAD_DAYS, BAD_TIMES, Corpus, assert_refused, instant};
use crate::ingest::count_rows;
use crate::support::messages::{call, contract, money, purchase};
use crate::support::service::ServiceWithDatabase;

fn bad_transactions() -> Corpus<pb::Transaction> {
    let mut bad =
        Corpus::<pb::Transaction>::new(|at| purchase("ada", &at.to_string(), "2026-01-01", 100));
    add_bad_texts(&mut bad);
    add_bad_days_and_amounts(&mut bad);
    for kind in [-1, 6, i32::MAX] {
        bad.add("kind", "UNKNOWN_ENUM_VALUE", |it| it.kind = kind);
        bad.add("customer_kind", "UNKNOWN_ENUM_VALUE", |it| {
            it.customer_kind = kind;
        });
    }
    bad.add("original_transaction_id", "NOT_A_REFUND", |it| {
        "x".clone_into(&mut it.original_transaction_id);
    });
    bad.add("original_transaction_id", "OWN_ID", |it| {
        it.kind = Kind::Reversal.into();
        it.original_transaction_id.clone_from(&it.transaction_id);
    });
    bad
}

fn add_bad_texts(bad: &mut Corpus<pb::Transaction>) {
    bad.texts("customer_id", "INVALID_ID", (128, false), |it, text| {
        it.customer_id = text;
    });
    bad.texts("source", "INVALID_TEXT", (64, false), |it, text| {
        it.source = text;
    });
    bad.texts(
        "transaction_id",
        "INVALID_TEXT",
        (128, false),
        |it, text| {
            it.transaction_id = text;
        },
    );
    bad.texts("category", "INVALID_TEXT", (64, true), |it, text| {
        it.category = text;
    });
    bad.texts("channel", "INVALID_TEXT", (64, true), |it, text| {
        it.channel = text;
    });
    bad.texts(
        "original_transaction_id",
        "INVALID_TEXT",
        (128, true),
        |it, text| {
            it.kind = Kind::Refund.into();
            it.original_transaction_id = text;
        },
    );
}

fn add_bad_days_and_amounts(bad: &mut Corpus<pb::Transaction>) {
    for (day, reason) in BAD_DAYS {
        bad.add("occurred_on", reason, |it| {
            it.when = Some(When::OccurredOn(day.to_owned()));
        });
    }
    for (seconds, nanos, reason) in BAD_TIMES {
        bad.add("occurred_time", reason, |it| {
            it.when = Some(When::OccurredTime(instant(seconds, nanos)));
        });
    }
    bad.add("", "REQUIRED", |it| it.when = None);
    bad.add("amount", "REQUIRED", |it| it.amount = None);
    for currency in BAD_CURRENCIES {
        bad.add("amount.currency", "UNKNOWN_CURRENCY", |it| {
            it.amount = Some(money(1, currency));
        });
    }
    for (amount, reason) in [
        (-1, "NEGATIVE"),
        (i64::MIN, "NEGATIVE"),
        (1_000_000_000_000_001, "OUT_OF_RANGE"),
        (i64::MAX, "OUT_OF_RANGE"),
    ] {
        bad.add("amount.amount_minor", reason, |it| {
            it.amount = Some(money(amount, "EUR"));
        });
        bad.add("cost_minor", reason, |it| it.cost_minor = Some(amount));
    }
}

#[tokio::test]
async fn bad_transactions_are_refused_with_their_path_beside_good_ones_that_are_written() {
    let service = ServiceWithDatabase::start().await;
    let (items, wrongs) = bad_transactions().among_good();
    let good = wrongs.iter().filter(|wrong| wrong.is_none()).count();
    assert!(items.len() <= 1_000, "one batch");
    let results = service.send(&items).await;
    assert_refused("transactions", &results, &wrongs);
    let stored = i64::try_from(good).unwrap();
    assert_eq!(
        count_rows(&service.pool).await,
        [1, stored, 0, 0, 0, 1, 1],
        "of the refused nothing, not even a customer"
    );
    let known = service.customer("ada").await;
    assert_eq!(i64::from(known.purchase_days[0].count), stored);
    assert_eq!(
        known.purchase_days[0].amount,
        Some(money(100 * stored, "EUR"))
    );
}

fn bad_contracts() -> Corpus<pb::Contract> {
    let mut bad =
        Corpus::<pb::Contract>::new(|at| contract("ada", &at.to_string(), "2026-01-01", 1, 100));
    bad.texts("customer_id", "INVALID_ID", (128, false), |it, text| {
        it.customer_id = text;
    });
    bad.texts("source", "INVALID_TEXT", (64, false), |it, text| {
        it.source = text;
    });
    bad.texts("contract_id", "INVALID_TEXT", (128, false), |it, text| {
        it.contract_id = text;
    });
    bad.texts("category", "INVALID_TEXT", (64, true), |it, text| {
        it.category = text;
    });
    for (day, reason) in BAD_DAYS {
        bad.add("started_on", reason, |it| {
            day.clone_into(&mut it.started_on);
        });
        if !day.is_empty() && !day.starts_with("19") {
            bad.add("effective_on", reason, |it| {
                day.clone_into(&mut it.effective_on);
            });
        }
    }
    for months in [0, -1, 121, i32::MIN, i32::MAX] {
        bad.add("period_months", "OUT_OF_RANGE", |it| {
            it.period_months = months;
        });
    }
    bad.add("price", "REQUIRED", |it| it.price = None);
    for currency in BAD_CURRENCIES {
        bad.add("price.currency", "UNKNOWN_CURRENCY", |it| {
            it.price = Some(money(1, currency));
        });
    }
    for (amount, reason) in [(-1, "NEGATIVE"), (1_000_000_000_000_001, "OUT_OF_RANGE")] {
        bad.add("price.amount_minor", reason, |it| {
            it.price = Some(money(amount, "EUR"));
        });
        bad.add("cost_minor", reason, |it| it.cost_minor = Some(amount));
    }
    for (day, reason) in [
        ("2025-12-31", "BEFORE_START"),
        ("1969-12-31", "BEFORE_START"),
        ("tomorrow", "INVALID_DAY"),
        ("2200-01-01", "INVALID_DAY"),
    ] {
        bad.add("ended_on", reason, |it| {
            day.clone_into(&mut it.ended_on);
        });
    }
    bad.add("effective_on", "BEFORE_START", |it| {
        "2025-12-31".clone_into(&mut it.effective_on);
    });
    bad.add("customer_kind", "UNKNOWN_ENUM_VALUE", |it| {
        it.customer_kind = 9;
    });
    bad
}

#[tokio::test]
async fn bad_contracts_are_refused_with_their_path_beside_good_ones_that_are_written() {
    let service = ServiceWithDatabase::start().await;
    let (items, wrongs) = bad_contracts().among_good();
    let results = service.send_contracts(&items).await;
    assert_refused("contracts", &results, &wrongs);
    let stored = wrongs.iter().filter(|wrong| wrong.is_none()).count();
    assert_eq!(service.customer("ada").await.contracts.len(), stored);
    assert_eq!(count_rows(&service.pool).await, [1, 0, 0, 0, 0, 1, 1]);
}

fn bad_contacts() -> Corpus<pb::Contact> {
    let mut bad = Corpus::<pb::Contact>::new(|at| call("ada", &at.to_string(), "2026-01-01"));
    bad.texts("customer_id", "INVALID_ID", (128, false), |it, text| {
        it.customer_id = text;
    });
    bad.texts("source", "INVALID_TEXT", (64, false), |it, text| {
        it.source = text;
    });
    bad.texts("contact_id", "INVALID_TEXT", (128, false), |it, text| {
        it.contact_id = text;
    });
    bad.texts("channel", "INVALID_TEXT", (64, false), |it, text| {
        it.channel = text;
    });
    bad.texts("topic", "INVALID_TEXT", (128, true), |it, text| {
        it.topic = text;
    });
    bad.texts("outcome", "INVALID_TEXT", (64, true), |it, text| {
        it.outcome = text;
    });
    for (day, reason) in BAD_DAYS {
        bad.add("occurred_on", reason, |it| {
            it.when = Some(contact::When::OccurredOn(day.to_owned()));
        });
    }
    for (seconds, nanos, reason) in BAD_TIMES {
        bad.add("occurred_time", reason, |it| {
            it.when = Some(contact::When::OccurredTime(instant(seconds, nanos)));
        });
    }
    bad.add("", "REQUIRED", |it| it.when = None);
    for currency in BAD_CURRENCIES {
        bad.add("cost.currency", "UNKNOWN_CURRENCY", |it| {
            it.cost = Some(money(1, currency));
        });
    }
    bad.add("cost.amount_minor", "NEGATIVE", |it| {
        it.cost = Some(money(-1, "EUR"));
    });
    for seconds in [-1, 604_801, i32::MIN] {
        bad.add("duration_seconds", "OUT_OF_RANGE", |it| {
            it.duration_seconds = Some(seconds);
        });
    }
    bad.add("customer_kind", "UNKNOWN_ENUM_VALUE", |it| {
        it.customer_kind = 9;
    });
    bad
}

#[tokio::test]
async fn bad_contacts_are_refused_with_their_path_beside_good_ones_that_are_written() {
    let service = ServiceWithDatabase::start().await;
    let (items, wrongs) = bad_contacts().among_good();
    let results = service.send_contacts(&items).await;
    assert_refused("contacts", &results, &wrongs);
    let stored = wrongs.iter().filter(|wrong| wrong.is_none()).count();
    let stored = i64::try_from(stored).unwrap();
    assert_eq!(count_rows(&service.pool).await, [1, 0, stored, 0, 0, 1, 1]);
}
