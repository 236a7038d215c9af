//! Every field of the answers about the invented population, against a committed digest: how answers are made may change, what they
//! contain may not.
//!
//! The digest is of the messages as text, with numbers rounded to ten digits: another C library may compute the last ones
//! differently. When a field is renamed, or an answer changes on purpose, the failing test prints the new digests.

use std::fmt::{Debug, Write as _};

use patron::generate::DEFINITIONS;
use patron::generate::foreign_currency::{move_abroad, rates};
use patron::generate::population::{DemoOptions, Population, generate};
use patron::pb;
use sha2::{Digest as _, Sha256};
use tonic::{Code, Response, Status};

use crate::support::messages::{by_id, by_phone, call, money, purchase};
use crate::support::models::{BG, MBG, SPEND, store_contract_model};
use crate::support::service::{Service, ServiceWithDatabase};

const OPTIONS: DemoOptions = DemoOptions {
    seed: 7,
    customers: 160,
    as_of: jiff::civil::date(2026, 11, 20),
};

/// Days before, within and after the facts.
const DAYS: [&str; 3] = ["2025-12-31", "2026-08-15", "2027-03-01"];

/// Most facts in a request.
const BATCH: usize = 1_000;

/// The digests of Classify, `ScoreLifetimeValue` and `ExplainSegment`.
const GOLDEN: [&str; 3] = ["5523babe21037ead", "682837090912413b", "b9044cce89a27633"];

/// A service with the population. Some customers also pay in a currency without rates or write on a channel without a price. A second
/// model is stored next to the active one.
async fn start() -> (ServiceWithDatabase, Population, i64) {
    let service = ServiceWithDatabase::start().await;
    let mut population = generate(OPTIONS);
    move_abroad(&mut population);
    for batch in population.customers.chunks(BATCH) {
        service.write_customers(batch).await;
    }
    let late = &population.late_transactions;
    for batch in population
        .transactions
        .chunks(BATCH)
        .chain(late.chunks(BATCH))
    {
        service.write(batch).await;
    }
    let late = &population.late_contacts;
    for batch in population.contacts.chunks(BATCH).chain(late.chunks(BATCH)) {
        service.write_contacts(batch).await;
    }
    service.write_contracts(&population.contracts).await;
    let dollars = |id: &str| pb::Transaction {
        amount: Some(money(5_000, "USD")),
        ..purchase(id, "dollars", "2026-01-10", 0)
    };
    service.write(&["c-0003", "c-0057"].map(dollars)).await;
    let fax = |id: &str| pb::Contact {
        channel: "fax".to_owned(),
        cost: None,
        ..call(id, "fax", "2026-02-10")
    };
    service.write_contacts(&["c-0004", "c-0017"].map(fax)).await;
    let request = pb::IngestRatesRequest {
        rates: rates(OPTIONS),
        ..Default::default()
    };
    service.ingest().ingest_rates(request).await.unwrap();
    service.publish(DEFINITIONS).await;
    let renewals = [(None, [2.0, 3.0]), (Some(12), [1.5, 4.0])];
    let active = store_contract_model(&service.pool, MBG, Some(SPEND), &renewals).await;
    let other = store_contract_model(&service.pool, BG, Some(SPEND), &renewals).await;
    let request = pb::ActivateModelRequest {
        version: active,
        ..Default::default()
    };
    service.models().activate_model(request).await.unwrap();
    (service, population, other)
}

/// The subjects: every customer by id, everybody who shares a line, and a stranger.
fn subjects(population: &Population) -> Vec<pb::Subject> {
    let ids = population.customers.iter();
    let shared = by_phone(&population.examples.shared_phone);
    ids.map(|patch| by_id(&patch.customer_id))
        .chain([shared, by_id("nobody")])
        .collect()
}

/// A digest of messages that does not depend on the last digits of their numbers.
#[derive(Default)]
struct Digests(String);

impl Digests {
    fn add(&mut self, message: &impl Debug) {
        let text = format!("{message:?}");
        // Every second part is the content of a text, which stays as it is.
        for (at, part) in text.split('"').enumerate() {
            match at % 2 {
                0 => self.add_rounded(part),
                _ => drop(write!(self.0, "\"{part}\"")),
            }
        }
        self.0.push('\n');
    }

    fn add_rounded(&mut self, text: &str) {
        let is_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        let mut rest = text;
        while let Some(start) = rest.find(is_number) {
            let (before, tail) = rest.split_at(start);
            let end = tail.find(|c| !is_number(c)).unwrap_or(tail.len());
            let (word, after) = tail.split_at(end);
            self.0.push_str(before);
            match word.parse::<f64>() {
                Ok(number) if word.contains('.') => drop(write!(self.0, "{number:.9e}")),
                _ => self.0.push_str(word),
            }
            rest = after;
        }
        self.0.push_str(rest);
    }

    fn finish(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        digest[..8].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The answer to a call, asked again while the machine is too busy: a refusal or a deadline is about time, and this test is about content.
async fn patiently<T>(ask: impl AsyncFn() -> Result<Response<T>, Status>) -> T {
    const TIMES: usize = 50;
    for _ in 0..TIMES {
        match ask().await {
            Ok(answer) => return answer.into_inner(),
            Err(status) if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded) => {}
            Err(status) => panic!("{status:?}"),
        }
    }
    panic!("too busy {TIMES} times")
}

async fn classify(service: &Service, subject: &pb::Subject, day: &str) -> pb::ClassifyResponse {
    let request = pb::ClassifyRequest {
        subject: Some(subject.clone()),
        as_of: day.to_owned(),
        ..Default::default()
    };
    patiently(async || service.scoring().classify(request.clone()).await).await
}

async fn classified(service: &Service, subjects: &[pb::Subject]) -> Digests {
    let mut digests = Digests::default();
    for day in DAYS.into_iter().chain([""]) {
        let request = pb::BatchClassifyRequest {
            subjects: subjects.to_vec(),
            as_of: day.to_owned(),
            read_mask: None,
        };
        let batch = async || service.scoring().batch_classify(request.clone()).await;
        let batch = patiently(batch).await.responses;
        assert_eq!(batch.len(), subjects.len());
        for (subject, expected) in subjects.iter().zip(batch) {
            // A batch is encoded from messages, a single answer of parts; the second one about today is kept.
            assert_eq!(classify(service, subject, day).await, expected);
            assert_eq!(classify(service, subject, day).await, expected);
            digests.add(&expected);
        }
    }
    digests
}

async fn scored(service: &Service, subjects: &[pb::Subject], other: i64) -> Digests {
    let mut digests = Digests::default();
    let plain = pb::BatchScoreLifetimeValueRequest {
        subjects: subjects.to_vec(),
        ..Default::default()
    };
    let complete = pb::BatchScoreLifetimeValueRequest {
        horizon_months: 30,
        interval_level: Some(0.8),
        compare_model_version: other,
        order_forecast: Some(pb::OrderForecastOptions {
            from_days: 30,
            to_days: 90,
            max_order_count: Some(3),
            yearly_discount_rate: None,
        }),
        ..plain.clone()
    };
    for day in DAYS {
        for request in [&plain, &complete] {
            let request = pb::BatchScoreLifetimeValueRequest {
                as_of: day.to_owned(),
                ..request.clone()
            };
            let ask = async || {
                let mut scoring = service.scoring();
                scoring.batch_score_lifetime_value(request.clone()).await
            };
            let responses = patiently(ask).await.responses;
            assert_eq!(responses.len(), subjects.len());
            for response in &responses {
                digests.add(response);
            }
        }
    }
    digests
}

async fn explained(service: &Service, subjects: &[pb::Subject]) -> Digests {
    use pb::explain_segment_request::Target;
    let mut digests = Digests::default();
    let targets = [None, Some(Target::Tier("gold".to_owned()))];
    for (at, subject) in subjects.iter().enumerate() {
        let request = pb::ExplainSegmentRequest {
            subject: Some(subject.clone()),
            target: targets[at % 2].clone(),
            as_of: DAYS[at % 3].to_owned(),
            ..Default::default()
        };
        let ask = async || service.scoring().explain_segment(request.clone()).await;
        digests.add(&patiently(ask).await);
    }
    digests
}

#[tokio::test]
async fn every_field_of_the_answers_about_a_population_is_as_it_was() {
    let (service, population, other) = start().await;
    let subjects = subjects(&population);
    let answers = [
        classified(&service, &subjects).await,
        scored(&service, &subjects, other).await,
        explained(&service, &subjects).await,
    ];
    let [classified, scored, explained] = &answers;
    // What is worth comparing is there.
    for part in [
        "SegmentMembership",
        "playbook: [LocalizedText",
        "MissingRate {",
        "Ambiguous",
        "USD",
    ] {
        assert!(classified.0.contains(part), "{part}");
    }
    for part in [
        "unpriced_channels: [\"",
        "converted_from: [\"CHF\"]",
        "oldest_rate: Some(UsedRate {",
        "ChallengerScore",
        "OrderForecast",
        "contract_value: Some",
    ] {
        assert!(scored.0.contains(part), "{part}");
    }
    for part in [
        "OpenInput",
        "preempted_by: \"",
        "converted_from: [\"",
        "observed_on: \"2",
    ] {
        assert!(explained.0.contains(part), "{part}");
    }
    assert_eq!(answers.each_ref().map(Digests::finish), GOLDEN);
}
