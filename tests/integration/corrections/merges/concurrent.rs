//! Facts that arrive while customers are merged and unmerged: none is lost or counted twice, and nobody waits for ever.

use futures_util::future::join_all;
use patron::pb;
use patron::pb::item_result::Outcome;
use tonic::Code;

use super::{assert_sound, merge, purchase, unmerge};
use crate::support::messages::{by_id, patch, phone, reason};
use crate::support::service::{Service, ServiceWithDatabase};

const IDS: [&str; 4] = ["a", "b", "c", "d"];
/// Calls of each writer.
const CALLS: usize = 25;

/// Sends purchases of 1 cent to all customers, until each is taken.
async fn write(service: &Service, writer: usize) {
    for call in 0..CALLS {
        let facts: Vec<_> = IDS
            .iter()
            .cycle()
            .skip(writer)
            .take(3)
            .map(|id| purchase(id, &format!("{id}-{writer}-{call}"), "2026-01-05", 1))
            .collect();
        loop {
            let request = pb::IngestTransactionsRequest {
                transactions: facts.clone(),
                ..Default::default()
            };
            match service.ingest().ingest_transactions(request).await {
                Ok(answer) => {
                    for result in answer.into_inner().results {
                        assert_ne!(result.outcome(), Outcome::Refused, "{result:?}");
                    }
                    break;
                }
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
        }
        let number = pb::CustomerPatch {
            add_identifiers: vec![phone(&format!("+4930{:07}", 2_000_000 + call))],
            ..patch(IDS[(writer + call) % IDS.len()])
        };
        let request = pb::IngestCustomersRequest {
            customers: vec![number],
            ..Default::default()
        };
        if let Err(status) = service.ingest().ingest_customers(request).await {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    }
}

/// Merges and unmerges, as far as it goes.
async fn rearrange(service: &Service, turn: usize) {
    for call in 0..CALLS {
        let (one, other) = (IDS[(turn + call) % 4], IDS[(turn + 3 * call + 1) % 4]);
        if one != other {
            allowed(merge(service, (one, other), call % 5 == 0).await.err());
        }
        allowed(
            unmerge(service, IDS[(call + 2 * turn) % 4], false)
                .await
                .err(),
        );
    }
}

fn allowed(refused: Option<tonic::Status>) {
    if let Some(status) = refused {
        let known = ["CUSTOMER_MERGED", "NOT_MERGED", "CUSTOMER_NOT_FOUND"];
        let reason = reason(&status);
        assert!(
            status.code() == Code::Unavailable || known.contains(&&*reason),
            "{status:?}"
        );
    }
}

/// Reads by every id: somebody is always found.
async fn read(service: &Service) {
    for call in 0..4 * CALLS {
        let day = ["", "2026-01-31", "2026-01-01"][call % 3];
        let request = pb::ClassifyRequest {
            subject: Some(by_id(IDS[call % 4])),
            as_of: day.to_owned(),
            ..Default::default()
        };
        match service.scoring().classify(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                assert!(answer.classification.is_some(), "{answer:?}");
            }
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fact_counts_once_whatever_is_merged_meanwhile() {
    let service = ServiceWithDatabase::start().await;
    let first = IDS.map(|id| purchase(id, &format!("{id}-first"), "2025-12-05", 1));
    service.write(&first).await;
    let writers = join_all((0..3).map(|writer| write(&service, writer)));
    let mergers = join_all((0..2).map(|turn| rearrange(&service, turn)));
    tokio::join!(writers, mergers, read(&service));
    assert_sound(&service).await;
    for id in IDS {
        if let Err(status) = unmerge(&service, id, false).await {
            assert_eq!(reason(&status), "NOT_MERGED");
        }
    }
    assert_sound(&service).await;
    for (at, id) in IDS.into_iter().enumerate() {
        let customer = service.customer(id).await;
        assert_eq!(
            (&*customer.customer_id, customer.merged_customer_ids.len()),
            (id, 0)
        );
        let sum = customer.purchase_days.iter();
        let sum: i64 = sum.map(|it| it.amount.as_ref().unwrap().amount_minor).sum();
        let writers = (0..3).filter(|writer| (0..3).any(|n| (writer + n) % 4 == at));
        let expected = 1 + i64::try_from(writers.count() * CALLS).unwrap();
        assert_eq!(sum, expected, "{id}");
    }
}
