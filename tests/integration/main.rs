//! Tests through the edges of the program, in one binary so that one private cluster serves them all.
//!
//! `cargo test` starts that cluster by itself; with `DATABASE_URL` set, that server is used. (`cargo nextest` runs each test in a
//! process of its own, so there it wants `DATABASE_URL`, or starts a cluster a test.) The cluster is in `TMPDIR`, or without one in
//! `/dev/shm` if that has room: in memory, a database is copied in 13 ms, on a busy disk in 50 to 350 (measured). On a server that is kept, one
//! template a set of migrations stays behind, named `patron_template_...`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it did not run on"
)]

mod answers;
mod cdnow;
mod cli;
mod cluster;
mod coherence;
mod cold;
mod contracts;
mod corrections;
mod crash;
mod definitions;
mod desk;
mod docs;
mod failover;
mod fence;
mod golden;
mod http_api;
mod identity;
mod imports;
mod ingest;
mod install;
mod lanes;
mod models;
mod outages;
mod poolers;
mod processes;
mod proxies;
mod rates;
mod review;
mod routing;
mod schema;
mod server;
mod support;
mod tidy;
mod tls;
