//! PgBouncer as `docs/integrations/pgbouncer.md` configures it, in front of a test's own database.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use crate::support::database::TestDatabase;
use crate::support::recipes::{Running, block, free, moved};
use crate::support::{place, until};

const PAGE: &str = include_str!("../../../docs/integrations/pgbouncer.md");

/// The mode of the page.
pub(super) const SESSION: &str = "pool_mode=session";
/// How many sessions the page allows.
pub(super) const SIZE: &str = "pool_size=40";

/// A running PgBouncer.
pub(super) struct Bouncer {
    /// The database, by way of it.
    pub(super) url: String,
    _process: Running,
    _folder: TempDir,
}

impl Bouncer {
    /// With the page's configuration.
    pub(super) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, &[]).await
    }

    /// With `changes` to it: each text must be there.
    pub(super) async fn start_with(database: &TestDatabase, changes: &[(&str, &str)]) -> Self {
        let (address, folder) = (free(), place());
        let target: PgConnectOptions = database.url.parse().unwrap();
        let socket = target.get_socket().and_then(|path| path.to_str());
        let host = socket.unwrap_or(target.get_host());
        let way = format!(
            "host={host} port={} dbname={} user={}",
            target.get_port(),
            target.get_database().unwrap(),
            target.get_username()
        );
        let listen = format!("listen_addr = {}", address.ip());
        let port = format!("listen_port = {}", address.port());
        let configuration = moved(
            block(PAGE, "ini"),
            &[
                ("host=10.0.0.5 port=5432 dbname=patron", &way),
                ("listen_addr = 10.0.0.6", &listen),
                ("listen_port = 6432", &port),
                ("auth_type = scram-sha-256", "auth_type = any"),
                (
                    "auth_file = /etc/pgbouncer/userlist.txt",
                    "unix_socket_dir =",
                ),
                ("client_tls_sslmode = require", ""),
                ("client_tls_cert_file = /etc/pgbouncer/server.pem", ""),
                ("client_tls_key_file = /etc/pgbouncer/server.key", ""),
                ("server_tls_sslmode = verify-full", ""),
            ],
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, moved(&configuration, changes)).unwrap();
        let mut command = Command::new("pgbouncer");
        if rustix::process::geteuid().is_root() {
            // It refuses to run as root; the account of the cluster may enter the folder of its socket.
            let owner = socket.map(|path| std::fs::metadata(path).unwrap().uid());
            command.args(["-u", &account(owner)]);
        }
        let log = File::create(folder.path().join("log")).unwrap();
        let process = command.arg(file).stdin(Stdio::null()).stderr(log);
        let process = Running(process.stdout(Stdio::null()).spawn().unwrap());
        until("PgBouncer listens", async || {
            std::net::TcpStream::connect(address).is_ok()
        })
        .await;
        Self {
            url: format!("postgres://patron@{address}/patron?sslmode=disable"),
            _process: process,
            _folder: folder,
        }
    }
}

/// The name of an account; of one that every system has, without a number.
fn account(number: Option<u32>) -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let found = accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_it = fields.get(2)?.parse() == Ok(number?);
        is_it.then(|| fields[0].to_owned())
    });
    found.unwrap_or_else(|| "nobody".to_owned())
}
