//! What settings may not be, and the report of everything that is wrong with them.

pub(super) mod names;
mod origins;

use std::net::SocketAddr;
use std::time::Duration;

use tracing_subscriber::filter::Targets;

use crate::app::settings::Settings;
use crate::app::tls::CertificateError;

/// Largest message that may be allowed. Beyond it, one request could take the memory of the process.
const MAX_MESSAGE_BYTES_LIMIT: u64 = 64 * 1024 * 1024;

/// Smallest message that may be allowed: a batch of a few items must fit.
const MIN_MESSAGE_BYTES: u64 = 4 * 1024;

/// Greatest age of a connection and its grace, in seconds: a day. Beyond it, none is meant, which is 0.
const MAX_AGE: u64 = 86_400;
/// Longest default deadline, lame-duck time and drain limit: one hour. Beyond it, milliseconds were taken for something else.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// Longest time for which the log of changes is kept, in hours: a month. Beyond a day it serves nobody but people who look.
const MAX_LOG_HOURS: u64 = 31 * 24;
/// Most connections a pool may have. One Postgres serves some hundreds in all.
const MAX_POOL: u32 = 1000;
/// Most threads that serve connections: more than there are cores in a machine do nothing.
const MAX_THREADS: u32 = 1024;

/// One setting that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The flag and the variable, `--listen (PATRON_LISTEN)`.
    pub setting: &'static str,
    /// What is wrong and what would do.
    pub kind: ProblemKind,
}

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The address is reachable from other machines and `--insecure` is not given.
    #[error(
        "{address} is reachable from other machines, without encryption or login; listen on 127.0.0.1, set up TLS and --identity required, or set --insecure"
    )]
    NotLoopback {
        /// The address given.
        address: SocketAddr,
    },
    /// The address is reachable from other machines, encrypted, and callers are not identified.
    #[error(
        "{address} is reachable from other machines, without login; set --identity required, or --insecure on a trusted network"
    )]
    NoLogin {
        /// The address given.
        address: SocketAddr,
    },
    /// The address is reachable from other machines, and tokens would cross the network in plain text.
    #[error(
        "{address} is reachable from other machines, and tokens would be sent in plain text; set --tls-certificate, or --insecure on a trusted network"
    )]
    PlainTokens {
        /// The address given.
        address: SocketAddr,
    },
    /// `FastAGI` beside identities.
    #[error(
        "FastAGI carries no token, so it would stay open to every program that reaches it; remove it, or set --insecure to allow that"
    )]
    NoTokens,
    /// Certificate or key without the other.
    #[error("is missing: TLS needs both --tls-certificate and --tls-key")]
    MissingForTls,
    /// A file of certificates or keys cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A file that the URL names is not there.
    #[error("the file {path} in it cannot be read: {cause}")]
    NoFile {
        /// The file.
        path: String,
        /// What the system answered.
        cause: String,
    },
    /// Who looks for verification gets none.
    #[error(
        "sslmode={mode} does not use the root certificate; set sslmode=verify-full, or verify-ca if the host name differs"
    )]
    RootWithoutCheck {
        /// The mode in effect.
        mode: &'static str,
    },
    /// What the database is sent could be read on the way.
    #[error(
        "{host} is another machine and sslmode={mode} may not encrypt; set sslmode=verify-full (or require), or --allow-plain-database"
    )]
    PlainDatabase {
        /// Where the database is.
        host: String,
        /// The mode in effect.
        mode: &'static str,
    },
    /// Two listeners have the same address.
    #[error("{address} is also the address of another listener; set another one")]
    SameAddress {
        /// The address given twice.
        address: SocketAddr,
    },
    /// Not an origin.
    #[error("{given:?} is not an origin; write it as browsers do: https://crm.example")]
    NotAnOrigin {
        /// The value given.
        given: String,
    },
    /// The file with the password cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system answered.
        cause: String,
    },
    /// The file with the password is empty.
    #[error("{path} is empty; write the password of the database's user into it")]
    NoPassword {
        /// The file.
        path: String,
    },
    /// Which of two passwords holds is not certain.
    #[error("has a password, and --database-password-file names another one; remove one of them")]
    TwoPasswords,
    /// The URL cannot be read.
    #[error("{cause}")]
    InvalidUrl {
        /// What is wrong with it.
        cause: String,
    },
    /// The private Postgres belongs to one server.
    #[error("needs a database that servers can share; set --database-url")]
    NothingToShare,
    /// Not a URL of Postgres. The value is not shown: it may hold a password.
    #[error("must begin with postgres:// or postgresql://")]
    NotPostgres,
    /// The path exists and is something else.
    #[error("{path} is not a {expected}")]
    WrongPath {
        /// The path given.
        path: String,
        /// What it should be.
        expected: &'static str,
    },
    /// No such time zone.
    #[error("{name:?} is not a time zone; use an IANA name such as Europe/Berlin or UTC")]
    UnknownTimeZone {
        /// The name given.
        name: String,
    },
    /// A number out of its range.
    #[error("{given} is out of range; use {min} to {max}")]
    OutOfRange {
        /// The number given.
        given: u64,
        /// The smallest allowed.
        min: u64,
        /// The largest allowed.
        max: u64,
    },
    /// The filter cannot be read.
    #[error("{given:?} is not a log filter; use a level such as info, or info,patron::store=debug")]
    UnreadableFilter {
        /// The filter given.
        given: String,
    },
}

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings {
    /// At least one problem.
    pub problems: Vec<Problem>,
}

impl std::fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {}", problem.setting, problem.kind)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSettings {}

impl Settings {
    /// Looks at everything before anything starts.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with all problems, in the order of the fields.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        let mut problems = Vec::new();
        self.check_addresses(&mut problems);
        self.check_origins(&mut problems);
        self.tls.check(&mut problems);
        self.check_places(&mut problems);
        self.check_numbers(&mut problems);
        if self.log.parse::<Targets>().is_err() {
            let given = self.log.clone();
            problems.push(Problem {
                setting: names::LOG,
                kind: ProblemKind::UnreadableFilter { given },
            });
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(InvalidSettings { problems })
        }
    }

    fn check_origins(&self, problems: &mut Vec<Problem>) {
        let stated = self.http_allowed_origins.iter();
        for given in stated.filter(|it| !it.is_empty() && !origins::is_origin(it)) {
            let given = given.clone();
            let (setting, kind) = (names::ORIGINS, ProblemKind::NotAnOrigin { given });
            problems.push(Problem { setting, kind });
        }
    }

    fn check_places(&self, problems: &mut Vec<Problem>) {
        let mut add = |setting, kind| problems.push(Problem { setting, kind });
        let server = self.external_database();
        if let Some(url) = server {
            if !url.is_postgres() {
                add(names::DATABASE_URL, ProblemKind::NotPostgres);
            }
            let found = self.database_tls.problems(url).into_iter();
            found.for_each(|problem| add(problem.setting, problem.kind));
        }
        if self.processes.shared && server.is_none() {
            add(names::SHARED, ProblemKind::NothingToShare);
        }
        let path = self.data_dir();
        if path.exists() && !path.is_dir() {
            let path = path.display().to_string();
            let expected = "directory";
            add(names::DATA_DIR, ProblemKind::WrongPath { path, expected });
        }
        if let Some(name) = &self.time_zone
            && jiff::tz::TimeZone::get(name).is_err()
        {
            let name = name.clone();
            add(names::TIME_ZONE, ProblemKind::UnknownTimeZone { name });
        }
        if let Some(path) = &self.identifier_key_file
            && path.is_dir()
        {
            let path = path.display().to_string();
            let expected = "file";
            add(names::KEY_FILE, ProblemKind::WrongPath { path, expected });
        }
    }

    fn check_numbers(&self, problems: &mut Vec<Problem>) {
        let wait_ms = u64::try_from(MAX_WAIT.as_millis()).unwrap_or(u64::MAX);
        let wait_seconds = MAX_WAIT.as_secs();
        // From 1 MiB, below which a cache is none, to what a process can address.
        let cache = (1 << 20, usize::MAX as u64);
        let count = (1, u64::from(u32::MAX));
        let pool = (1, u64::from(MAX_POOL));
        let message = (MIN_MESSAGE_BYTES, MAX_MESSAGE_BYTES_LIMIT);
        let ranges = [
            (names::CACHE_MEMORY, self.memory.cache_memory.bytes(), cache),
            (names::STREAMS, self.max_concurrent_streams.into(), count),
            (names::CONNECTIONS, self.max_connections.into(), count),
            (names::IN_FLIGHT, self.max_in_flight.into(), count),
            (names::MESSAGE, self.max_message_bytes.bytes(), message),
            (names::DEADLINE, self.default_deadline_ms, (1, wait_ms)),
            (names::ROUTE_BUDGET, self.route_budget_ms, (1, wait_ms)),
            (names::DATABASE_WAIT, self.database_wait, (0, wait_seconds)),
            (
                names::TLS_RELOAD,
                self.tls.tls_reload_seconds,
                (1, wait_seconds),
            ),
            (names::DRAIN, self.drain_limit_seconds, (0, wait_seconds)),
            (names::AGE, self.max_connection_age_seconds, (0, MAX_AGE)),
            (
                names::GRACE,
                self.max_connection_grace_seconds,
                (0, MAX_AGE),
            ),
            (names::FENCE, self.fence_wait_seconds, (0, wait_seconds)),
            (
                names::LOG_HOURS,
                self.processes.change_log_hours,
                (1, MAX_LOG_HOURS),
            ),
            (names::LAME_DUCK, self.lame_duck_ms, (0, wait_ms)),
            (
                names::LOOKUP_THREADS,
                self.lookup_threads.into(),
                (0, u64::from(MAX_THREADS)),
            ),
            (names::READ_POOL, self.read_pool.into(), pool),
            (names::WRITE_POOL, self.write_pool.into(), pool),
        ];
        for (setting, given, (min, max)) in ranges {
            if !(min..=max).contains(&given) {
                problems.push(Problem {
                    setting,
                    kind: ProblemKind::OutOfRange { given, min, max },
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
