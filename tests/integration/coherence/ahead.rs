//! Facts that are dated tomorrow and the day after, and a database that goes away before their day comes.

use std::collections::HashMap;

use patron::pb;

use crate::support::messages::{by_id, contract, purchase};
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

const DAYS: [&str; 4] = ["2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"];

/// The answers about a customer on each of the days, each asked on that day.
async fn day_by_day(
    service: &ServiceWithDatabase,
    customer: &str,
) -> HashMap<&'static str, pb::ScoreLifetimeValueResponse> {
    let mut answers = HashMap::new();
    for day in DAYS {
        service.set_clock(&format!("{day}T00:00:01Z"));
        let mut answer = service.score(by_id(customer), "").await;
        let provenance = answer.provenance.as_mut().unwrap();
        assert_eq!(provenance.as_of, day);
        // Not what is compared: see the tests of the mark itself.
        (provenance.stale, provenance.confirmed_time) = (false, None);
        answers.insert(day, answer);
    }
    answers
}

/// The customer is asked for before the facts ahead are written, after that, or both.
async fn check(asked_before: bool, asked_after: bool) {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-11-20", 100)])
        .await;
    if asked_before {
        service.score(by_id("ada"), "").await;
    }
    let ahead = [
        purchase("ada", "2", "2026-11-23", 200),
        purchase("ada", "3", "2026-11-24", 400),
    ];
    service.write(&ahead).await;
    // Ends tomorrow, and one that begins then: how a contract stands is told for each day alone.
    let ends = pb::Contract {
        ended_on: "2026-11-23".to_owned(),
        ..contract("ada", "1", "2025-03-01", 12, 10_000)
    };
    let begins = contract("ada", "2", "2026-11-24", 12, 10_000);
    service.write_contracts(&[ends, begins]).await;
    if asked_after {
        service.score(by_id("ada"), "").await;
    }
    service.database.take_away().await;
    let in_outage = day_by_day(&service, "ada").await;
    let purchases = |day: &str| {
        let score = in_outage[day].score.as_ref().unwrap();
        score.inputs.as_ref().unwrap().frequency
    };
    assert_eq!(DAYS.map(purchases), [0, 1, 2, 2]);
    let running = |day: &str| in_outage[day].score.as_ref().unwrap().running_contracts;
    assert_eq!(DAYS.map(running), [1, 0, 1, 1]);
    service.database.give_back().await;
    let service = service.restart().await;
    assert_eq!(day_by_day(&service, "ada").await, in_outage);
    service.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_asked_for_after_the_facts_came_is_answered_every_day_of_an_outage() {
    check(false, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_held_when_the_facts_came_is_answered_every_day_of_an_outage() {
    check(true, false).await;
    check(true, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_yesterday_does_not_cost_today_its_profile() {
    let service = ServiceWithDatabase::start().await;
    let facts = ["2026-11-20", "2026-11-22", "2026-11-23"];
    let facts = facts.map(|day| purchase("ada", day, day, 100));
    service.write(&facts).await;
    service.score(by_id("ada"), "").await;
    service.score(by_id("ada"), "2026-11-21").await;
    service.database.take_away().await;
    until("the database is away", async || {
        service.find_customer(by_id("ada")).await.is_err()
    })
    .await;
    for (day, frequency) in [("2026-11-21", 0), ("", 1), ("2026-11-23", 2)] {
        let score = service.score(by_id("ada"), day).await.score.unwrap();
        assert_eq!(score.inputs.unwrap().frequency, frequency, "{day:?}");
    }
    service.database.give_back().await;
}
