//! A database a test: a copy of a template that is migrated once, on a server that is started once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use patron::postgres::cluster::Cluster;
use patron::store::schema;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool,
};
use uuid::Uuid;

/// The server, or why there is none: said to every test, found out once.
static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();

/// Advisory lock under which the template is made, since other processes may want it at the same time on a shared server.
const TEMPLATE_LOCK: i64 = 0x7061_7472_6f6e;

struct Server {
    admin: PgConnectOptions,
    template: String,
    /// Absent from release 14: the faster way to copy.
    strategy: &'static str,
    /// Ours, unless `DATABASE_URL` names one. Never dropped, as statics are not: its watchdog stops it at the end of the process.
    cluster: Option<Cluster>,
}

/// A database of this test alone; dropped with the value, even with open connections.
pub(crate) struct TestDatabase {
    /// Five connections, made when needed.
    pub(crate) pool: PgPool,
    /// For a process or a pool of another shape.
    pub(crate) url: String,
    name: String,
}

impl TestDatabase {
    /// One with the whole schema and no rows.
    pub(crate) async fn create() -> Self {
        let server = server();
        Self::copy(server, &server.template).await
    }

    /// One without anything, for tests of the migrations themselves.
    pub(crate) async fn create_empty() -> Self {
        Self::copy(server(), "template0").await
    }

    /// Closes the database to everybody and ends all sessions, as a failover does to who is connected.
    pub(crate) async fn take_away(&self) {
        self.admit("false").await;
        let mut admin = server().connect().await.unwrap();
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
            .bind(&self.name)
            .execute(&mut admin)
            .await
            .unwrap();
        admin.close().await.unwrap();
    }

    /// Lets no new session in; those that are open go on.
    pub(crate) async fn close_to_new_sessions(&self) {
        self.admit("false").await;
    }

    /// Opens it again.
    pub(crate) async fn give_back(&self) {
        self.admit("true").await;
    }

    async fn admit(&self, whether: &str) {
        let statement = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {whether}", self.name);
        let mut admin = server().connect().await.unwrap();
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
        admin.close().await.unwrap();
    }

    async fn copy(server: &Server, template: &str) -> Self {
        // The time in it makes it easy to tell what a killed run left on a shared server.
        let name = format!("t_{}", Uuid::now_v7().simple());
        let strategy = server.strategy;
        let statement = format!("CREATE DATABASE {name} TEMPLATE {template} {strategy}");
        let mut admin = server.connect().await.unwrap();
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
        admin.close().await.unwrap();
        let options = server.admin.clone().database(&name);
        Self {
            url: server.url(&options, &name),
            pool: PgPoolOptions::new()
                .max_connections(5)
                .connect_lazy_with(options),
            name,
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // The test's own runtime may be ending, so the statement gets one of its own. A failure is not the test's.
        let dropped = on_own_thread(|| async move {
            let mut admin = server().connect().await?;
            admin.execute(AssertSqlSafe(statement)).await?;
            admin.close().await
        });
        if let Err(error) = dropped {
            eprintln!("test database {} was not dropped: {error}", self.name);
        }
    }
}

/// Where the cluster of the tests is: in memory where there is room, since a database is copied for each test.
fn place_of_cluster() -> PathBuf {
    /// Of the files of all databases at once, and of the log.
    const ROOM_KIB: u64 = 6 << 20;
    let in_memory = Path::new("/dev/shm");
    let df = Command::new("df").arg("-Pk").arg(in_memory).output();
    let table = df.map(|df| String::from_utf8_lossy(&df.stdout).into_owned());
    let free = table.ok().and_then(|table| {
        let row = table.lines().nth(1)?;
        row.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match free {
        Some(free) if free >= ROOM_KIB && std::env::var_os("TMPDIR").is_none() => {
            in_memory.to_owned()
        }
        Some(_) | None => std::env::temp_dir(),
    }
}

impl Server {
    async fn connect(&self) -> sqlx::Result<PgConnection> {
        self.admin.connect().await
    }

    fn url(&self, options: &PgConnectOptions, name: &str) -> String {
        self.cluster.as_ref().map_or_else(
            || options.to_url_lossy().to_string(),
            |cluster| cluster.database_url(name),
        )
    }

    async fn start() -> Result<Self, String> {
        let (url, cluster) = match std::env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => (url, None),
            Ok(_) | Err(_) => {
                let cluster = Cluster::start_ephemeral_in(&place_of_cluster());
                let cluster = cluster.map_err(|error| error.to_string())?;
                (cluster.url(), Some(cluster))
            }
        };
        let say = |error: sqlx::Error| format!("the server for the tests cannot be used: {error}");
        let admin: PgConnectOptions = url.parse().map_err(say)?;
        let mut connection = admin.connect().await.map_err(say)?;
        let (version,): (i32,) =
            sqlx::query_as("SELECT current_setting('server_version_num')::integer")
                .fetch_one(&mut connection)
                .await
                .map_err(say)?;
        let template = make_template(&admin, &mut connection).await?;
        connection.close().await.map_err(say)?;
        Ok(Self {
            admin,
            template,
            strategy: if version >= 150_000 {
                "STRATEGY file_copy"
            } else {
                ""
            },
            cluster,
        })
    }
}

/// The migrated template, made by the first process that needs it and used by all with the same migrations. It is marked as a
/// template only when it is complete, and nobody connects to it afterwards, since it could not be copied meanwhile.
async fn make_template(
    admin: &PgConnectOptions,
    connection: &mut PgConnection,
) -> Result<String, String> {
    let say = |error: sqlx::Error| format!("no template database: {error}");
    let mut digest = 0_u64;
    for byte in schema::MIGRATOR
        .iter()
        .flat_map(|migration| migration.checksum.iter())
    {
        digest = digest.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(*byte);
    }
    let name = format!("patron_template_{digest:016x}");
    let lock = sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK);
    lock.execute(&mut *connection).await.map_err(say)?;
    let complete: Option<(bool,)> =
        sqlx::query_as("SELECT datistemplate FROM pg_database WHERE datname = $1")
            .bind(&name)
            .fetch_optional(&mut *connection)
            .await
            .map_err(say)?;
    if complete != Some((true,)) {
        for statement in [
            format!("DROP DATABASE IF EXISTS {name}"),
            format!("CREATE DATABASE {name} TEMPLATE template0"),
        ] {
            connection
                .execute(AssertSqlSafe(statement))
                .await
                .map_err(say)?;
        }
        let pool = PgPoolOptions::new().connect_lazy_with(admin.clone().database(&name));
        schema::migrate(&pool)
            .await
            .map_err(|error| format!("the migrations fail: {error:?}"))?;
        pool.close().await;
        let mark = format!("ALTER DATABASE {name} IS_TEMPLATE true");
        connection.execute(AssertSqlSafe(mark)).await.map_err(say)?;
    }
    let unlock = sqlx::query("SELECT pg_advisory_unlock($1)").bind(TEMPLATE_LOCK);
    unlock.execute(connection).await.map_err(say)?;
    Ok(name)
}

fn server() -> &'static Server {
    let server = SERVER.get_or_init(|| on_own_thread(Server::start));
    match server {
        Ok(server) => server,
        Err(why) => panic!("{why}"),
    }
}

/// Runs a task to its end on a thread and a runtime of its own, from wherever.
fn on_own_thread<T: Send, F: Future<Output = T>>(task: impl FnOnce() -> F + Send) -> T {
    std::thread::scope(|scope| {
        let run = || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(task())
        };
        scope.spawn(run).join().unwrap()
    })
}
