//! After a restart, memory has the customers who bought last before anybody asks for them.

use patron::pb;
use patron::pb::attribute_value::Value;
use tonic::Code;

use crate::support::messages::{attribute, by_id, by_phone, patch, phone, purchase};
use crate::support::service::{PausedService, ServiceWithDatabase};
use crate::support::until;

const BERTA: &str = "+493023125002";

/// Five customers; berta is the last of them who bought, then ada.
async fn stored() -> PausedService {
    let service = ServiceWithDatabase::start().await;
    let found = pb::CustomerPatch {
        add_identifiers: vec![phone(BERTA)],
        ..patch("berta")
    };
    service.write_customers(&[found]).await;
    let bought = [
        purchase("ada", "1", "2026-10-02", 100),
        purchase("berta", "2", "2026-11-20", 100),
        purchase("carl", "3", "2026-10-01", 100),
        purchase("dora", "4", "2025-12-24", 100),
    ];
    service.write(&bought).await;
    // What an export says of everybody today is no activity.
    let described = ["carl", "dora", "emma"].map(|id| pb::CustomerPatch {
        attributes: vec![attribute("city", Some(Value::TextValue("Ulm".to_owned())))],
        ..patch(id)
    });
    service.write_customers(&described).await;
    service.pause().await
}

async fn begun(paused: PausedService, customers: u32) -> ServiceWithDatabase {
    paused
        .resume_with(|settings| settings.memory.warm_start_customers = customers)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_bought_last_is_answered_in_an_outage_right_after_a_restart() {
    let service = begun(stored().await, 2).await;
    let metrics = &service.app.metrics;
    until("the warm start ends", async || {
        metrics.identifier_cache.loaded_ahead.get() == 1
    })
    .await;
    assert_eq!(metrics.profile_cache.loaded_ahead.get(), 2);
    // Nobody called yet.
    for cache in [&metrics.profile_cache, &metrics.identifier_cache] {
        assert_eq!((cache.hits.get(), cache.misses.get()), (0, 0));
    }
    service.database.take_away().await;
    for subject in [by_phone(BERTA), by_id("berta"), by_id("ada")] {
        let answer = service.classify(subject, "").await;
        assert!(answer.classification.is_some(), "{answer:?}");
    }
    let request = pb::ClassifyRequest {
        subject: Some(by_id("carl")),
        ..Default::default()
    };
    let refused = service.scoring().classify(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
}
