//! Several servers share one database: each sees what the others write.

mod corrected;
mod disturbed;
mod history;
mod killed;
mod logs;
mod refused;
mod rolling;
mod seen;
mod silent;

use std::fmt::Debug;
use std::time::Duration;

use patron::pb;
use tonic::Status;

use crate::support::messages::by_id;
use crate::support::service::Service;
use crate::support::until;

/// Within this time a write is seen by the other servers, notices or not.
const BOUND: Duration = Duration::from_secs(5);

/// Whatever `observe` finds here, it finds there too. Both are looked at again and again: on a busy machine an answer may be marked stale for a moment.
async fn is_seen<T: PartialEq + Debug>(
    what: &str,
    (here, there): (&Service, &Service),
    observe: impl AsyncFn(&Service) -> T,
) {
    until(what, async || observe(there).await == observe(here).await).await;
}

/// Everything that is answered about a customer today.
async fn answers(
    service: &Service,
    subject: &pb::Subject,
) -> (
    pb::ClassifyResponse,
    pb::ScoreLifetimeValueResponse,
    Result<pb::Customer, String>,
) {
    let customer = service.find_customer(subject.clone()).await;
    (
        service.classify(subject.clone(), "").await,
        service.score(subject.clone(), "").await,
        customer.map_err(|status: Status| status.message().to_owned()),
    )
}

/// The answers about a customer by id are the same there as here, soon.
async fn customer_is_seen(what: &str, services: (&Service, &Service), id: &str) {
    is_seen(what, services, async |service: &Service| {
        answers(service, &by_id(id)).await
    })
    .await;
}

/// The name of what answers are computed with.
async fn basis_id(service: &Service) -> String {
    let answer = service.classify(by_id("nobody"), "").await;
    answer.provenance.unwrap().basis_id
}
