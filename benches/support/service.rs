//! The service of a benchmark: as `patron serve` starts it, on a database of its own.
//!
//! Postgres is the one that `DATABASE_URL` names (in a database of its own, dropped at the end), else a temporary cluster; nothing is
//! installed.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use patron::{
    app::{run::App, settings::Settings},
    cli::{Cli, Command},
    clock::SystemClock,
    postgres::cluster::Cluster,
    store::schema,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// A database for a benchmark.
pub(crate) struct BenchDatabase {
    /// How to connect to it.
    pub(crate) options: PgConnectOptions,
    /// The same as the service takes it.
    pub(crate) url: String,
    admin: PgConnectOptions,
    name: String,
    /// Outlives what uses it.
    _cluster: Option<Cluster>,
}

impl BenchDatabase {
    /// An empty database.
    pub(crate) fn create(runtime: &Runtime) -> anyhow::Result<Self> {
        let cluster = match std::env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => None,
            _ => Some(Cluster::start_ephemeral().context("no Postgres: set DATABASE_URL, or")?),
        };
        let server_url = match &cluster {
            Some(cluster) => cluster.url(),
            None => std::env::var("DATABASE_URL")?,
        };
        let name = format!("patron_bench_{}", uuid::Uuid::now_v7().simple());
        let admin: PgConnectOptions = server_url.parse().context("DATABASE_URL")?;
        runtime.block_on(execute(&admin, format!("CREATE DATABASE {name}")))?;
        let options = admin.clone().database(&name);
        let url = cluster.as_ref().map_or_else(
            || options.to_url_lossy().to_string(),
            |cluster| cluster.database_url(&name),
        );
        Ok(Self {
            options,
            url,
            admin,
            name,
            _cluster: cluster,
        })
    }

    /// Drops it.
    pub(crate) fn drop(self, runtime: &Runtime) -> anyhow::Result<()> {
        let name = &self.name;
        let statement = format!("DROP DATABASE {name} WITH (FORCE)");
        runtime.block_on(execute(&self.admin, statement))
    }
}

/// A runtime whose threads are named, so that their time can be told from that of others.
pub(crate) fn runtime(name: &str) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_name(name)
        .enable_all()
        .build()
}

async fn execute(options: &PgConnectOptions, statement: String) -> anyhow::Result<()> {
    let mut connection = options.connect().await.context("Postgres cannot be used")?;
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

/// Brings the database to the schema of the program and serves it, with `directory` for files.
pub(crate) fn serve(
    servers: &Runtime,
    database: &BenchDatabase,
    directory: &str,
) -> anyhow::Result<App> {
    serve_with(servers, (&database.url, &database.options), directory, &[])
}

/// The same, with further options of `patron serve`; the database is given by its URL and how to connect to it.
pub(crate) fn serve_with(
    servers: &Runtime,
    (url, database): (&str, &PgConnectOptions),
    directory: &str,
    options: &[&str],
) -> anyhow::Result<App> {
    let settings = settings(url, directory, options)?;
    servers.block_on(async {
        let pool = PgPoolOptions::new().connect_lazy_with(database.clone());
        schema::migrate(&pool).await?;
        pool.close().await;
        // Spawned, so that it is built on the threads that it runs on.
        let app = async move {
            App::start(&settings, Arc::new(SystemClock), CancellationToken::new()).await
        };
        anyhow::Ok(tokio::spawn(app).await??)
    })
}

/// The settings of `patron serve`, on ports that are free.
fn settings(url: &str, directory: &str, options: &[&str]) -> anyhow::Result<Settings> {
    let free = "127.0.0.1:0";
    let line = ["patron", "serve", "--listen", free, "--admin-listen", free];
    let place = [
        "--database-url",
        url,
        "--data-dir",
        directory,
        "--http-listen",
        free,
    ];
    // A busy machine may need longer than the default for a batch of the preparation.
    let patience = ["--default-deadline-ms", "30000"];
    let words = line.into_iter().chain(place).chain(patience);
    let words = words.chain(options.iter().copied());
    let command = Cli::try_parse_from(words)?.command;
    let Command::Serve(serve) = command else {
        bail!("not a server: {command:?}");
    };
    Ok(serve.settings)
}
