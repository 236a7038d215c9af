//! What the server knows in these scenarios, and the messages that ask about it.

use std::{path::Path, rc::Rc, time::Duration};

use anyhow::ensure;
use bytes::Bytes;
use patron::{
    domain::clv::random::Random,
    pb::{self, identifier, ingest_service_client::IngestServiceClient, subject, transaction},
};

use crate::{
    load::Question,
    program::Server,
    wire::{self, BATCH_CLASSIFY, BATCH_SCORE, CLASSIFY, SCORE, framed},
};

/// Customers of the demo.
pub(crate) const CUSTOMERS: usize = 20_000;
/// Subjects of a batch.
const BATCH: usize = 1_000;
/// Customers who share one telephone number.
pub(crate) const CROWD: usize = 1_000;
/// Their number.
pub(crate) const CROWD_PHONE: &str = "+4930777000";

/// Fills a data directory as `patron demo` does, unless it was filled before, and adds the crowd behind one number.
pub(crate) async fn prepare(data: &Path) -> anyhow::Result<()> {
    if data.join("filled").is_file() {
        return Ok(());
    }
    let customers = CUSTOMERS.to_string();
    let path = data.to_string_lossy();
    let demo = Server::demo(&["--data-dir", &path, "--customers", &customers])?;
    let mut ingest = IngestServiceClient::connect(format!("http://{}", demo.address)).await?;
    let patch = |at: usize| pb::CustomerPatch {
        customer_id: format!("crowd-{at:04}"),
        kind: pb::CustomerKind::Person.into(),
        add_identifiers: vec![pb::Identifier {
            identifier: Some(identifier::Identifier::PhoneNumber(CROWD_PHONE.to_owned())),
        }],
        ..Default::default()
    };
    let customers = (0..CROWD).map(patch).collect();
    let request = pb::IngestCustomersRequest {
        customers,
        ..Default::default()
    };
    let results = ingest.ingest_customers(request).await?.into_inner().results;
    refuse_none(&results)?;
    let transactions = (0..CROWD)
        .map(|at| purchase(&format!("crowd-{at:04}"), "crowd", at))
        .collect();
    let request = pb::IngestTransactionsRequest {
        transactions,
        ..Default::default()
    };
    let results = ingest.ingest_transactions(request).await?;
    refuse_none(&results.into_inner().results)?;
    demo.terminate()?;
    std::fs::write(data.join("filled"), "")?;
    Ok(())
}

fn refuse_none(results: &[pb::ItemResult]) -> anyhow::Result<()> {
    let refused = pb::item_result::Outcome::Refused;
    let bad = results.iter().find(|result| result.outcome() == refused);
    ensure!(bad.is_none(), "refused: {bad:?}");
    Ok(())
}

/// A purchase of yesterday's world: late enough to be in order for everybody.
pub(crate) fn purchase(customer: &str, source: &str, number: usize) -> pb::Transaction {
    pb::Transaction {
        customer_id: customer.to_owned(),
        source: source.to_owned(),
        transaction_id: number.to_string(),
        kind: transaction::Kind::Purchase.into(),
        when: Some(transaction::When::OccurredOn(today())),
        amount: Some(pb::Money {
            amount_minor: 1_990,
            currency: "EUR".to_owned(),
        }),
        ..Default::default()
    }
}

/// Today, in the zone of the demo's database.
pub(crate) fn today() -> String {
    use patron::clock::Clock as _;
    let now = patron::clock::SystemClock.now();
    now.to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .date()
        .to_string()
}

/// The id of a customer of the demo, from 0.
pub(crate) fn id(customer: usize) -> String {
    format!("c-{:04}", customer % CUSTOMERS + 1)
}

pub(crate) fn by_id(customer: usize) -> pb::Subject {
    pb::Subject {
        subject: Some(subject::Subject::CustomerId(id(customer))),
    }
}

pub(crate) fn by_phone(number: &str) -> pb::Subject {
    pb::Subject {
        subject: Some(subject::Subject::PhoneNumber(number.to_owned())),
    }
}

/// Classify of everybody, in a random order; as of a day, or today where it is empty.
pub(crate) fn lookups(as_of: &str, deadline: Duration) -> Question {
    let mut random = Random::new(1);
    let message = |_| {
        framed(&pb::ClassifyRequest {
            subject: Some(by_id(below(&mut random, CUSTOMERS))),
            as_of: as_of.to_owned(),
            ..Default::default()
        })
    };
    Question {
        path: CLASSIFY,
        messages: Rc::new((0..CUSTOMERS).map(message).collect()),
        deadline,
    }
}

/// Scores of everybody, in a random order.
pub(crate) fn scores(deadline: Duration) -> Question {
    let mut random = Random::new(5);
    let message = |_| {
        framed(&pb::ScoreLifetimeValueRequest {
            subject: Some(by_id(below(&mut random, CUSTOMERS))),
            ..Default::default()
        })
    };
    Question {
        path: SCORE,
        messages: Rc::new((0..CUSTOMERS).map(message).collect()),
        deadline,
    }
}

/// Batches of a thousand random customers.
pub(crate) fn batches(deadline: Duration) -> Question {
    let mut random = Random::new(2);
    let message = |_| framed(&batch(&mut random));
    Question {
        path: BATCH_CLASSIFY,
        messages: Rc::new((0..50).map(message).collect()),
        deadline,
    }
}

fn batch(random: &mut Random) -> pb::BatchClassifyRequest {
    pb::BatchClassifyRequest {
        subjects: (0..BATCH)
            .map(|_| by_id(below(random, CUSTOMERS)))
            .collect(),
        as_of: String::new(),
        read_mask: None,
    }
}

/// Batches of a thousand values with intervals.
pub(crate) fn intervals(deadline: Duration) -> Question {
    let mut random = Random::new(3);
    let message = |_| {
        framed(&pb::BatchScoreLifetimeValueRequest {
            subjects: batch(&mut random).subjects,
            interval_level: Some(0.9),
            ..Default::default()
        })
    };
    Question {
        path: BATCH_SCORE,
        messages: Rc::new((0..50).map(message).collect()),
        deadline,
    }
}

/// One batch that names the number of the crowd a thousand times.
pub(crate) fn crowd(interval_level: Option<f64>) -> (&'static str, Bytes) {
    let subjects = vec![by_phone(CROWD_PHONE); BATCH];
    match interval_level {
        None => {
            let as_of = String::new();
            let request = pb::BatchClassifyRequest {
                subjects,
                as_of,
                read_mask: None,
            };
            (BATCH_CLASSIFY, framed(&request))
        }
        level => {
            let request = pb::BatchScoreLifetimeValueRequest {
                subjects,
                interval_level: level,
                ..Default::default()
            };
            (BATCH_SCORE, framed(&request))
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "some thousand customers"
)]
pub(crate) fn below(random: &mut Random, most: usize) -> usize {
    (random.uniform() * most as f64) as usize
}

/// Asks for everybody once, so that everybody is in memory.
pub(crate) async fn warm(address: &str) -> anyhow::Result<()> {
    let mut caller = wire::Caller::connect(address).await?;
    for first in (0..CUSTOMERS).step_by(BATCH) {
        let subjects = (first..first + BATCH).map(by_id).collect();
        let as_of = String::new();
        let message = framed(&pb::BatchClassifyRequest {
            subjects,
            as_of,
            read_mask: None,
        });
        let ended = caller
            .call(BATCH_CLASSIFY, message, Duration::from_secs(60))
            .await;
        ensure!(matches!(ended, wire::Ended::Answered(_)), "{ended:?}");
    }
    // Kept answers are made by single lookups.
    let question = lookups("", Duration::from_secs(10));
    for message in question.messages.iter() {
        let ended = caller
            .call(CLASSIFY, message.clone(), question.deadline)
            .await;
        ensure!(matches!(ended, wire::Ended::Answered(_)), "{ended:?}");
    }
    Ok(())
}
