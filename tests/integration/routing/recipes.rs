//! The recipes of `docs/integrations/` against the service: what can run here runs, and the rest is replayed as the other system sends it.

mod asterisk;
mod kamailio;
mod nginx;
mod replayed;
mod scripts;

use std::collections::BTreeMap;

use super::DOCUMENT;
use crate::support::recipes::{block, blocks, exchange, get, has, moved};
use crate::support::service::ServiceWithDatabase;

/// Where the recipes expect the HTTP listener.
const HTTP_ADDRESS: &str = "127.0.0.1:50080";

/// The service of the other tests of this area, with the trunks that the recipes name.
async fn service() -> ServiceWithDatabase {
    let service = super::service().await;
    let trunks = "trunks:\n  provider: {numbers: e164_no_plus}\n  twilio: {numbers: e164}\n  genesys: {numbers: e164}\n";
    service
        .publish(&DOCUMENT.replace("trunks:\n", trunks))
        .await;
    service
}

/// The keys and values of a flat answer.
fn flat(body: &str) -> BTreeMap<String, String> {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// What stands in `text` between each `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    let rest = text.split(before).skip(1);
    rest.filter_map(|rest| rest.split(after).next()).collect()
}
