//! Four writers of customers of their own, against one; and bare SQL of as many rows the same way, which shows what the machine and Postgres
//! allow.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use patron::{pb, postgres::cluster::Cluster};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, postgres::PgConnectOptions};
use tokio::task::spawn_local;

use super::{Row, median, spread};
use crate::{
    load::count,
    note,
    population::{CUSTOMERS, id, purchase},
    program::Server,
    promise, window,
    wire::{Caller, Ended, INGEST, framed},
};

/// Writers at once.
const WRITERS: usize = 4;
/// Rows of a call, and of a transaction of bare SQL.
const ROWS: usize = 1_000;
/// Turns of all four measurements.
const ROUNDS: usize = 3;
/// What four writers write, as a multiple of what one writes.
const LEAST: f64 = 1.6;
/// Time of a call.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let place = data.to_owned();
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&place)).await??;
    let url = cluster.url();
    let key = data.join("identifier.key");
    let server = Server::serve(&[
        "--database-url",
        &url,
        "--identifier-key-file",
        &key.to_string_lossy(),
        "--data-dir",
        &data.to_string_lossy(),
    ])?;
    make_tables(&url).await?;
    let (mut service, mut bare, mut rates) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        let one = service_rate(&server.address, 1, round).await?;
        let four = service_rate(&server.address, WRITERS, round).await?;
        let bare_one = bare_rate(&url, 1, round).await?;
        let bare_four = bare_rate(&url, WRITERS, round).await?;
        service.push(four / one);
        bare.push(bare_four / bare_one);
        rates.push((one, four, bare_one, bare_four));
    }
    drop_tables(&url).await?;
    server.terminate()?;
    tokio::task::spawn_blocking(move || cluster.stop()).await?;
    let (ratio, bare_ratio) = (median(&service), median(&bare));
    let (least, most) = spread(&service);
    let (least_bare, most_bare) = spread(&bare);
    let middle =
        |of: fn(&(f64, f64, f64, f64)) -> f64| median(&rates.iter().map(of).collect::<Vec<_>>());
    Ok(vec![
        promise(
            format!("rows a second of {WRITERS} writers / of one"),
            format!("{ratio:.2} ({least:.2}-{most:.2})"),
            format!("at least {LEAST}, if SQL does"),
            ratio >= LEAST || bare_ratio < LEAST,
        ),
        note(
            "  the same in bare SQL",
            format!("{bare_ratio:.2} ({least_bare:.2}-{most_bare:.2})"),
        ),
        note(
            "  rows/s: one, four; bare SQL one, four",
            format!(
                "{:.0}, {:.0}; {:.0}, {:.0}",
                middle(|it| it.0),
                middle(|it| it.1),
                middle(|it| it.2),
                middle(|it| it.3)
            ),
        ),
    ])
}

/// A customer of a writer: each of `writers` has a part of them to itself.
fn customer(writer: usize, writers: usize, row: usize) -> String {
    let own = CUSTOMERS / writers;
    id(writer * own + row % own)
}

/// Rows a second that so many writers send to the server.
async fn service_rate(address: &str, writers: usize, round: usize) -> anyhow::Result<f64> {
    let source = format!("writers-{}-{round}-{writers}", std::process::id());
    let start = Instant::now();
    let mut tasks = vec![];
    for writer in 0..writers {
        let mut caller = Caller::connect(address).await?;
        let source = format!("{source}-{writer}");
        tasks.push(spawn_local(async move {
            let mut rows = 0;
            while start.elapsed() < window() {
                let sent = rows..rows + ROWS;
                let transactions = sent
                    .map(|row| purchase(&customer(writer, writers, row), &source, row))
                    .collect();
                let message = framed(&pb::IngestTransactionsRequest {
                    transactions,
                    ..Default::default()
                });
                let ended = caller.call(INGEST, message, PATIENCE).await;
                ensure!(matches!(ended, Ended::Answered(_)), "{ended:?}");
                rows += ROWS;
            }
            Ok(rows)
        }));
    }
    let mut rows = 0;
    for task in tasks {
        rows += task.await??;
    }
    Ok(count(rows) / start.elapsed().as_secs_f64())
}

/// Rows a second that so many connections write: facts, profiles of about the usual size, and the change log, in one transaction.
async fn bare_rate(url: &str, writers: usize, round: usize) -> anyhow::Result<f64> {
    let options: PgConnectOptions = url.parse()?;
    let mut connections = vec![];
    for _ in 0..writers {
        connections.push(options.connect().await?);
    }
    let start = Instant::now();
    let mut tasks = vec![];
    for (writer, mut connection) in connections.into_iter().enumerate() {
        let source = format!("{round}-{writers}-{writer}");
        tasks.push(spawn_local(async move {
            let mut rows = 0;
            while start.elapsed() < window() {
                let sent = rows..rows + ROWS;
                let customers: Vec<String> =
                    sent.clone().map(|row| customer(writer, writers, row)).collect();
                let numbers: Vec<String> = sent.map(|row| row.to_string()).collect();
                let mut tx = connection.begin().await?;
                sqlx::query(
                    "INSERT INTO bare_transactions
                       (customer_id, source, transaction_id, kind, day, amount_minor, currency, profile_version, recorded_at)
                     SELECT customer_id, $3, transaction_id, 1, 20000, 1990, 'EUR', 1, now()
                     FROM unnest($1::text[], $2::text[]) AS new (customer_id, transaction_id)
                     ON CONFLICT (customer_id, source, transaction_id) DO NOTHING",
                )
                .bind(&customers)
                .bind(&numbers)
                .bind(&source)
                .execute(&mut *tx)
                .await?;
                sqlx::query(
                    "INSERT INTO bare_profiles
                       (customer_id, version, kind, display_name, first_purchase_day, last_purchase_day, purchase_day_count,
                        repeat_amount_minor, currency, last_event_day, packed, recorded_at)
                     SELECT customer_id, 1, 1, 'a name', 19000, 20000, 9, 19900, 'EUR', 20000,
                            convert_to(repeat(md5(customer_id), 20), 'UTF8'), now()
                     FROM unnest($1::text[]) AS new (customer_id)
                     ON CONFLICT (customer_id) DO UPDATE
                     SET version     = bare_profiles.version + 1,
                         packed      = excluded.packed,
                         recorded_at = excluded.recorded_at",
                )
                .bind(&customers)
                .execute(&mut *tx)
                .await?;
                sqlx::query(
                    "INSERT INTO bare_log (customer_id, version, recorded_at)
                     SELECT customer_id, 1, now()
                     FROM unnest($1::text[]) AS new (customer_id)",
                )
                .bind(&customers)
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                rows += ROWS;
            }
            anyhow::Ok(rows)
        }));
    }
    let mut rows = 0;
    for task in tasks {
        rows += task.await??;
    }
    Ok(count(rows) / start.elapsed().as_secs_f64())
}

async fn make_tables(url: &str) -> anyhow::Result<()> {
    drop_tables(url).await?;
    let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
    for statement in [
        "CREATE TABLE bare_transactions (LIKE transactions INCLUDING ALL)",
        "CREATE TABLE bare_profiles (LIKE profiles INCLUDING ALL)",
        "CREATE TABLE bare_log (LIKE change_log INCLUDING ALL)",
    ] {
        connection.execute(statement).await?;
    }
    Ok(connection.close().await?)
}

async fn drop_tables(url: &str) -> anyhow::Result<()> {
    let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
    let statement = "DROP TABLE IF EXISTS bare_transactions, bare_profiles, bare_log";
    connection.execute(statement).await?;
    Ok(connection.close().await?)
}
