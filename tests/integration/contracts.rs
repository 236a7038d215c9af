//! Contracts from ingest to value: what is recorded of them, as of which day, and what they are worth.

mod currencies;
mod evaluating;
mod fitting;
mod recording;
mod valuing;

use patron::pb;

use crate::support::messages::by_id;
use crate::support::models::{BG, SPEND, store_contract_model};
use crate::support::service::ServiceWithDatabase;

/// Parameters of renewal chosen by these tests: alpha and beta, of yearly contracts and of all others.
const YEARLY: [f64; 2] = [0.8, 3.2];
const POOLED: [f64; 2] = [1.0, 9.0];

/// A version with models of orders, spend and renewal answers from now on.
async fn activate_models(service: &ServiceWithDatabase) {
    let contracts = [(None, POOLED), (Some(12), YEARLY)];
    let version = store_contract_model(&service.pool, BG, Some(SPEND), &contracts).await;
    activate(service, version).await;
}

async fn activate(service: &ServiceWithDatabase, version: i64) {
    let request = pb::ActivateModelRequest {
        version,
        // Of these books the contracts matter; orders are few.
        allow_not_converged: true,
    };
    service.models().activate_model(request).await.unwrap();
}

async fn score(service: &ServiceWithDatabase, id: &str, as_of: &str) -> pb::LifetimeValueScore {
    service.score(by_id(id), as_of).await.score.unwrap()
}
