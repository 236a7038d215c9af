//! Every call over HTTP/1: as JSON, in the Connect protocol and as gRPC-Web, on real connections; and what describes the API.

mod browsers;
mod calls;
mod commands;
mod compressed;
mod described;
mod errors;
mod limits;
mod wire;

use patron::app::settings::Settings;

use crate::routing::fill;
use crate::support::service::ServiceWithDatabase;

/// A service with customers.
async fn service() -> ServiceWithDatabase {
    service_with(|_| {}).await
}

async fn service_with(change: impl FnOnce(&mut Settings)) -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start_with(change).await;
    fill(&service).await;
    service
}
