//! What can keep the private cluster from running, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use super::discover;

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server program of a usable release was found.
    #[error(
        "no PostgreSQL {minimum} or newer found on this machine; install it with `{command}`, or set DATABASE_URL",
        minimum = discover::MINIMUM_MAJOR,
        command = discover::install_command()
    )]
    NoServer,
    /// `PATRON_PG_BINDIR` names a directory without a usable server program.
    #[error(
        "no PostgreSQL {minimum} or newer in PATRON_PG_BINDIR ({directory}); unset it to search the default directories, or set DATABASE_URL",
        minimum = discover::MINIMUM_MAJOR
    )]
    NoServerInDirectory {
        /// The value of the variable.
        directory: String,
    },
    /// The directory holds a cluster of a release that is not on this machine.
    #[error(
        "{} needs PostgreSQL {wanted}, but this machine has {found}; install PostgreSQL {wanted}, or set another data directory",
        path.display()
    )]
    OtherMajor {
        /// The cluster.
        path: PathBuf,
        /// The major version that made it.
        wanted: u32,
        /// The newest major version found.
        found: u32,
    },
    /// Another process runs the cluster in this directory.
    #[error("{} is in use by another process; stop it, or set another data directory", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory belongs to another account.
    #[error(
        "{} belongs to user id {owner}; start as that user, or set another directory with --data-dir",
        path.display()
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// The account that it belongs to.
        owner: u32,
    },
    /// Started as root, PostgreSQL runs under another account, which cannot get to the directory.
    #[error(
        "started as root, PostgreSQL runs as user id {user_id}, which cannot access {}; set another data directory, for example {}",
        path.display(),
        super::directory::ROOT_DATA_DIR
    )]
    NotReachable {
        /// The directory that bars the way.
        path: PathBuf,
        /// The account that PostgreSQL runs under.
        user_id: u32,
    },
    /// `initdb` made no cluster.
    #[error("initdb failed in {}: {output}", path.display())]
    Initdb {
        /// Where.
        path: PathBuf,
        /// What initdb said.
        output: String,
    },
    /// The server stopped while it was being started.
    #[error("PostgreSQL stopped while starting ({status}): {output}")]
    Stopped {
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        output: String,
    },
    /// The server accepts no connections.
    #[error("PostgreSQL was not ready within {} s; see {}", limit.as_secs(), log.display())]
    NotReady {
        /// How long was waited.
        limit: Duration,
        /// The server's log.
        log: PathBuf,
    },
    /// A server that a killed process left behind does not stop.
    #[error(
        "an orphaned PostgreSQL server (process {process_id}) does not stop; kill it, then start again"
    )]
    Stray {
        /// Its process id.
        process_id: u32,
    },
    /// The system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// The system's refusal of `action` on `path`; made for `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
