//! Amounts are distinct powers of two, so that a total names every fact that was lost or counted twice.

use patron::generate::random::Random;
use patron::pb;

use super::list_logged;
use crate::support::messages::{purchase, refund};
use crate::support::service::ServiceWithDatabase;

/// Facts of a run: 2^49 is the greatest power of two that one amount may be.
const FACTS: usize = 50;
const RUNS: u64 = 8;
const CUSTOMERS: usize = 3;

fn day(random: &mut Random) -> String {
    format!(
        "2026-{:02}-{:02}",
        1 + random.below(9),
        1 + random.below(28)
    )
}

/// Sends all facts in random batches, in a random order, many of them more than once, several batches at a time.
async fn deliver(service: &ServiceWithDatabase, facts: &[pb::Transaction], random: &mut Random) {
    let mut open: Vec<usize> = (0..facts.len()).collect();
    random.shuffle(&mut open);
    while !open.is_empty() {
        let mut batches = vec![];
        for _ in 0..=random.below(4) {
            let size = random.below(8).min(open.len());
            let mut batch: Vec<usize> = open.split_off(open.len() - size);
            // Replays, of facts that were sent and of facts that were not.
            let replays = 1 + random.below(6);
            batch.extend((0..replays).map(|_| random.below(facts.len())));
            random.shuffle(&mut batch);
            let batch = batch.into_iter().map(|at| facts[at].clone());
            batches.push(batch.collect::<Vec<_>>());
        }
        let calls = batches.iter().map(|batch| service.send(batch));
        futures_util::future::join_all(calls).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_replays_orders_and_splits_give_the_exact_sum() {
    let service = ServiceWithDatabase::start().await;
    for seed in 0..RUNS {
        let mut random = Random::seeded(seed);
        let customers: Vec<String> = (0..CUSTOMERS).map(|at| format!("s{seed}-{at}")).collect();
        let mut facts: Vec<pb::Transaction> = (0..FACTS)
            .map(|bit| {
                let customer = &customers[random.below(CUSTOMERS)];
                purchase(customer, &bit.to_string(), &day(&mut random), 1 << bit)
            })
            .collect();
        let total = (1_i64 << FACTS) - 1;
        // Every other run takes one of them back in full, which asks for a fold of all facts again and again.
        let refunded = if seed % 2 == 1 {
            random.below(FACTS)
        } else {
            FACTS
        };
        if let Some(taken) = facts.get(refunded).cloned() {
            let back = refund(
                &taken.customer_id,
                "back",
                &taken.transaction_id,
                "2026-11-01",
                1 << refunded,
            );
            facts.push(back);
        }
        let expected = if refunded < FACTS {
            total - (1 << refunded)
        } else {
            total
        };
        deliver(&service, &facts, &mut random).await;
        let mut sum = 0;
        for customer in &customers {
            let known = service.customer(customer).await;
            let amounts = known.purchase_days.iter();
            sum += amounts
                .map(|day| day.amount.clone().unwrap().amount_minor)
                .sum::<i64>();
            let versions: Vec<i64> = (1..=known.profile_version).collect();
            assert_eq!(list_logged(&service.pool, customer).await, versions);
        }
        assert_eq!(
            sum,
            expected,
            "seed {seed}: off by {:b}",
            sum.abs_diff(expected)
        );
    }
}
