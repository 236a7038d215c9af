//! Facts that arrive late, in another order, in other batches and more than once give the profile that they give in order.

use patron::generate::random::Random;
use patron::pb;
use patron::pb::transaction::Kind;

use crate::support::messages::{call, money, purchase, refund};
use crate::support::service::{Service, ServiceWithDatabase};

/// Orders of arrival that are tried.
const ARRIVALS: u64 = 24;

#[derive(Debug, Clone)]
enum Fact {
    Transaction(pb::Transaction),
    Contact(pb::Contact),
}

/// A history with everything that order could matter for, oldest first.
fn history(customer: &str) -> Vec<Fact> {
    let in_dollars = pb::Transaction {
        amount: Some(money(700, "USD")),
        ..purchase(customer, "usd", "2026-02-03", 0)
    };
    let costed = pb::Transaction {
        cost_minor: Some(400),
        category: "books".to_owned(),
        ..purchase(customer, "p4", "2026-02-03", 800)
    };
    let reversal = |id: &str, original: &str, day: &str| pb::Transaction {
        kind: Kind::Reversal.into(),
        ..refund(customer, id, original, day, 1)
    };
    let transactions = [
        purchase(customer, "p1", "2026-01-01", 1_000),
        purchase(customer, "p2", "2026-01-01", 2_000),
        purchase(customer, "p3", "2026-01-20", 4_000),
        purchase(customer, "free", "2026-01-25", 0),
        in_dollars,
        costed,
        refund(customer, "r1", "p1", "2026-02-05", 250),
        // Names none: the latest purchase day on or before it.
        refund(customer, "r2", "", "2026-02-06", 500),
        refund(customer, "r3", "p3", "2026-02-07", 4_000),
        purchase(customer, "p5", "2026-03-01", 16_000),
        reversal("v1", "p5", "2026-03-02"),
        // A refund that never was: takes back the taking back.
        refund(customer, "r4", "p2", "2026-03-03", 2_000),
        reversal("v2", "r4", "2026-03-04"),
        refund(customer, "r5", "not there", "2026-03-05", 1),
        purchase(customer, "p6", "2026-03-06", 32_000),
    ];
    let contacts = [
        call(customer, "c1", "2026-01-02"),
        call(customer, "c2", "2026-01-02"),
        call(customer, "c3", "2026-03-07"),
    ];
    let transactions = transactions.into_iter().map(Fact::Transaction);
    transactions
        .chain(contacts.into_iter().map(Fact::Contact))
        .collect()
}

/// Sends facts in batches, one after another.
async fn send(service: &Service, batches: &[Vec<Fact>]) {
    for batch in batches {
        let (mut transactions, mut contacts) = (vec![], vec![]);
        for fact in batch {
            match fact {
                Fact::Transaction(fact) => transactions.push(fact.clone()),
                Fact::Contact(fact) => contacts.push(fact.clone()),
            }
        }
        if !transactions.is_empty() {
            service.send(&transactions).await;
        }
        if !contacts.is_empty() {
            service.send_contacts(&contacts).await;
        }
    }
}

/// The profile without what tells customers and arrivals apart.
async fn profile(service: &Service, customer: &str) -> pb::Customer {
    pb::Customer {
        customer_id: String::new(),
        profile_version: 0,
        data_time: None,
        ..service.customer(customer).await
    }
}

/// All facts at least once, some twice, in a random order, in random batches.
fn arrival(customer: &str, random: &mut Random) -> Vec<Vec<Fact>> {
    let mut facts = history(customer);
    let again: Vec<Fact> = facts
        .iter()
        .filter(|_| random.chance(0.3))
        .cloned()
        .collect();
    facts.extend(again);
    random.shuffle(&mut facts);
    let mut batches = vec![];
    while !facts.is_empty() {
        let size = 1 + random.below(facts.len().min(6));
        batches.push(facts.split_off(facts.len() - size));
    }
    batches
}

#[tokio::test]
async fn any_order_of_arrival_any_batches_and_any_repetition_give_the_same_profile() {
    let service = ServiceWithDatabase::start().await;
    let one_by_one: Vec<Vec<Fact>> = history("in-order").into_iter().map(|it| vec![it]).collect();
    send(&service, &one_by_one).await;
    let expected = profile(&service, "in-order").await;
    let days: Vec<_> = expected
        .purchase_days
        .iter()
        .map(|day| (&*day.day, day.count, day.amount.clone().unwrap()))
        .collect();
    assert_eq!(
        days,
        [
            ("2026-01-01", 2, money(2_750, "EUR")),
            ("2026-01-25", 1, money(0, "EUR")),
            ("2026-02-03", 1, money(300, "EUR")),
            ("2026-02-03", 1, money(700, "USD")),
            ("2026-03-06", 1, money(32_000, "EUR")),
        ],
        "worked out by hand"
    );
    assert_eq!(expected.unmatched_refund_count, 1);
    send(&service, &[history("at-once")]).await;
    assert_eq!(profile(&service, "at-once").await, expected);
    for seed in 0..ARRIVALS {
        let customer = format!("seed-{seed}");
        let batches = arrival(&customer, &mut Random::seeded(seed));
        send(&service, &batches).await;
        assert_eq!(profile(&service, &customer).await, expected, "{batches:#?}");
    }
}
