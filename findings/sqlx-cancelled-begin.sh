#!/bin/sh
# A caller gives up (a deadline, a dropped future) while `Pool::begin_with` is under way. sqlx documents that a transaction that is dropped
# is rolled back.
#
# Guess: whenever the future is dropped, the connection comes back to the pool outside of any transaction, or is closed.
# Seen: dropped while BEGIN is on its way to the server, the connection comes back *inside* the transaction. Under REPEATABLE READ its next
# users, who began nothing, read the state of that moment until somebody rolls back: a row that was committed meanwhile is not seen.
#
# What follows: begin in a task that nobody cancels, or close the connection unless BEGIN has returned.
#
# Versions: sqlx 0.9.0 (crates.io), the PostgreSQL of pgserver 0.1.4 (PyPI). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/src"
cat > "$place/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
futures-util = "=0.3.34"
sqlx = { version = "=0.9.0", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "=1.54.1", features = ["macros", "rt", "time"] }
TOML
cat > "$place/src/main.rs" <<'RUST'
use std::{pin::pin, task::Poll, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    let folder = std::env::args().nth(1).expect("the folder of the server's socket");
    let server = PgConnectOptions::new_without_pgpass().socket(folder).username("postgres").database("postgres");
    let pool = PgPoolOptions::new().max_connections(1).connect_with(server.clone()).await?;
    let writer = PgPoolOptions::new().max_connections(1).connect_with(server).await?;
    sqlx::query("CREATE TABLE rows (id int)").execute(&writer).await?;
    let mut frozen = 0;
    for polls in 1..20 {
        {
            let mut begin = pin!(pool.begin_with(SNAPSHOT));
            for _ in 0..polls {
                // One poll, then the time in which the server answers.
                if let Poll::Ready(_) = futures_util::poll!(begin.as_mut()) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        let first: i64 = sqlx::query_scalar("SELECT count(*) FROM rows").fetch_one(&pool).await?;
        sqlx::query("INSERT INTO rows VALUES (1)").execute(&writer).await?;
        let second: i64 = sqlx::query_scalar("SELECT count(*) FROM rows").fetch_one(&pool).await?;
        if second == first {
            println!("dropped after {polls} polls: a committed row is not seen by the next user of the connection");
            frozen += 1;
        }
        sqlx::query("ROLLBACK").execute(&pool).await?;
    }
    println!("sqlx 0.9.0: {frozen} of 19 cancelled begins left their transaction open");
    std::process::exit(i32::from(frozen == 0));
}
RUST
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check pgserver==0.1.4
cargo build --quiet --manifest-path "$place/Cargo.toml" --target-dir "$place/target"
"$place/venv/bin/python" - "$place" <<'PYTHON'
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pgserver

place = sys.argv[1]
server = pgserver.get_server(f"{place}/data", cleanup_mode="delete")
socket_folder = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
done = subprocess.run([f"{place}/target/debug/finding", socket_folder])
server.cleanup()
sys.exit(done.returncode)
PYTHON
