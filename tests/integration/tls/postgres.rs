//! A Postgres that lets nobody in without TLS.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use patron::postgres::cluster::Cluster;
use patron::postgres::discover;
use patron::store::probe::{ProbeError, may_pass, probe};
use patron::store::target::Target;
use tempfile::TempDir;

use super::authority::Authority;
use crate::support::{place, until};

/// A server on a port of the loopback. Dropping it ends the server.
pub(super) struct TlsPostgres {
    server: Child,
    port: u16,
    folder: TempDir,
}

impl TlsPostgres {
    /// A new one, whose certificate is for `localhost` only.
    pub(super) async fn start() -> Self {
        let (folder, authority) = (place(), Authority::new("authority of the database"));
        let data = make_cluster(folder.path());
        let issued = authority.issue(&["localhost"]);
        let owner = std::fs::metadata(&data).unwrap();
        let write = |name: &str, text: &str| {
            let path = data.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        };
        write("server.crt", &issued.certificate);
        write("server.key", &issued.key);
        write("pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n");
        std::fs::write(folder.path().join("root.pem"), authority.pem()).unwrap();
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let mut command = Command::new(discover::find_server().unwrap().bindir.join("postgres"));
        command.arg("-D").arg(&data).current_dir(&data);
        for setting in [
            "ssl=on",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "timezone=UTC",
            &format!("port={port}"),
        ] {
            command.args(["-c", setting]);
        }
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let started = Self {
            server: server.unwrap(),
            port,
            folder,
        };
        let target = Target::parse(&started.url("?sslmode=require")).unwrap();
        until("the database lets us in", async || {
            match probe(&target, Duration::from_secs(1)).await {
                Ok(()) => true,
                Err(ProbeError::Unreachable(error)) => {
                    assert!(may_pass(&error), "{error}");
                    false
                }
                Err(pooled) => panic!("{pooled}"),
            }
        })
        .await;
        started
    }

    /// Where it is, by the name in its certificate.
    pub(super) fn url(&self, parameters: &str) -> String {
        self.url_at("localhost", parameters)
    }

    /// The same by another name.
    pub(super) fn url_at(&self, host: &str, parameters: &str) -> String {
        format!(
            "postgres://postgres@{host}:{}/postgres{parameters}",
            self.port
        )
    }

    /// The file with its authority.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }
}

impl Drop for TlsPostgres {
    fn drop(&mut self) {
        // SIGQUIT ends its children too; the data are not kept.
        let id = self.server.id();
        let _ = Command::new("kill")
            .args(["-QUIT", &id.to_string()])
            .status();
        let _ = self.server.wait();
    }
}

/// A cluster that no server runs, as `patron serve` makes it.
fn make_cluster(folder: &Path) -> PathBuf {
    let folder = folder.join("cluster");
    drop(Cluster::start(&folder).unwrap());
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths.find(|path| path.join("PG_VERSION").exists()).unwrap()
}
