//! Work ends with its caller, and lookups are answered beside it.

use std::fmt::Write as _;

use patron::pb;
use patron::pb::{Match, OrderModelKind};
use tonic_health::pb::HealthCheckRequest;

use crate::support::messages::{by_id, by_phone, patch, phone, purchase};
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

/// A document that takes long to check: a thousand segments with misspelt names, each of which is compared with all that are known.
fn long_document() -> String {
    let mut document = "value:\n  currency: EUR\nattributes:\n".to_owned();
    for at in 0..2_000 {
        let _ = writeln!(document, "  attribute_number_{at}:\n    type: text");
    }
    document += "schemes:\n  - name: all\n    segments:\n";
    for at in 0..2_000 {
        let _ = writeln!(
            document,
            "      - name: s{at}\n        when: atribute_nomber_{at} == \"a\" || atribute_nomber_{at} == \"b\""
        );
    }
    document
}

#[tokio::test]
async fn a_long_document_is_checked_beside_lookups_and_no_longer_than_somebody_waits() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[patch("ada")]).await;
    let lane = &service.app.metrics.admin_lane;
    let mut client = service.definitions();
    let check = tokio::spawn(async move {
        let document = long_document();
        let request = pb::ValidateDefinitionsRequest { document };
        client.validate_definitions(request).await.map(|_| ())
    });
    until("the document is being checked", async || {
        lane.computing.get() == 1
    })
    .await;
    let found = service.classify(by_id("ada"), "").await;
    assert_eq!(found.r#match(), Match::One);
    let request = HealthCheckRequest::default();
    let health = service.health().check(request).await.unwrap();
    assert_eq!(health.into_inner().status, 1);
    assert_eq!(lane.computing.get(), 1, "it was checked all the while");
    check.abort();
    until("the check has stopped", async || lane.computing.get() == 0).await;
    assert_eq!(lane.abandoned.get(), 1);
    assert_eq!(lane.running.get(), 0);
}

#[tokio::test]
async fn a_batch_stops_when_its_caller_goes() {
    const NUMBERS: usize = 10;
    const CUSTOMERS: u64 = 1_000;
    let number = |at: usize| format!("+49302312{at:04}");
    let service = ServiceWithDatabase::start().await;
    let sharer = |at: u64| pb::CustomerPatch {
        add_identifiers: (0..NUMBERS).map(|at| phone(&number(at))).collect(),
        ..patch(&format!("c{at}"))
    };
    let sharers: Vec<_> = (0..CUSTOMERS).map(sharer).collect();
    service.write_customers(&sharers).await;
    let cache = &service.app.metrics.profile_cache;
    let read = || cache.hits.get() + cache.misses.get();
    let mut client = service.scoring();
    let request = pb::BatchClassifyRequest {
        subjects: (0..NUMBERS).map(|at| by_phone(&number(at))).collect(),
        as_of: String::new(),
        read_mask: None,
    };
    let batch = tokio::spawn(async move { client.batch_classify(request).await.map(|_| ()) });
    until("the batch is under way", async || read() > 0).await;
    batch.abort();
    let lane = &service.app.metrics.batch_lane;
    until("the place is free", async || lane.running.get() == 0).await;
    let all = CUSTOMERS * NUMBERS as u64;
    assert!(read() < all, "the batch went on to its end");
}

#[tokio::test]
async fn a_fit_stops_when_its_caller_goes_and_the_next_has_its_turn() {
    let service = ServiceWithDatabase::start().await;
    // Everybody has a history of their own, so that no two are fitted as one.
    let purchases: Vec<_> = (0..900)
        .flat_map(|at| {
            let days = [at % 28, (at / 28) % 28, at % 27];
            let id = format!("c{at}");
            [("2024-01", 0), ("2024-06", 1), ("2025-03", 2)].map(|(month, which)| {
                let day = format!("{month}-{:02}", days[which] + 1);
                purchase(&id, &which.to_string(), &day, 1_000 + i64::from(at))
            })
        })
        .collect();
    for part in purchases.chunks(1_000) {
        service.write(part).await;
    }
    let lane = &service.app.metrics.fit_lane;
    let request = || pb::FitModelRequest {
        kind: OrderModelKind::ParetoNbd.into(),
        ..Default::default()
    };
    let mut client = service.models();
    let fit = tokio::spawn(async move { client.fit_model(request()).await.map(|_| ()) });
    until("the fit computes", async || lane.computing.get() > 0).await;
    fit.abort();
    until("the fit has stopped", async || lane.computing.get() == 0).await;
    assert_eq!(service.app.metrics.fit_lane.running.get(), 0);
    let again = service.models().fit_model(request()).await;
    assert_eq!(again.unwrap().into_inner().model.unwrap().version, 1);
}
