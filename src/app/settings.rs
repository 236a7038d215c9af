//! The settings of `patron serve`: one struct, from flags and `PATRON_*` variables, a flag before its variable.
//!
//! The command line refuses what cannot be read; [`Settings::validate`] refuses what cannot be meant, all of it at once, before anything
//! starts.

mod values;

pub use values::{ByteSize, DatabaseUrl, InvalidByteSize};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::app::logging::LogFormat;
use crate::app::server::Limits;

/// Largest message that may be allowed. Beyond it, one request could take the memory of the process.
const MAX_MESSAGE_BYTES_LIMIT: u64 = 64 * 1024 * 1024;

/// Smallest message that may be allowed: a batch of a few items must fit.
const MIN_MESSAGE_BYTES: u64 = 4 * 1024;

/// Longest default deadline, lame-duck time and drain limit: one hour. Beyond it, milliseconds were taken for something else.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Most connections a pool may have. One Postgres serves some hundreds in all.
const MAX_POOL: u32 = 1000;

/// Settings of `patron serve`.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Address of the gRPC listener.
    ///
    /// The loopback, because there is no login yet: whoever reaches the port can read every customer.
    #[arg(
        long,
        env = "PATRON_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:50051"
    )]
    pub listen: SocketAddr,

    /// Address of the admin listener: metrics, probes, version.
    ///
    /// A port of its own, so that it is never reachable where callers are. 9464 is the customary port of exporters.
    #[arg(
        long,
        env = "PATRON_ADMIN_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9464"
    )]
    pub admin_listen: SocketAddr,

    /// Allow listening on addresses that other machines can reach, without encryption or login.
    ///
    /// Off by default. Set it only where the network itself keeps strangers out.
    #[arg(long, env = "PATRON_INSECURE")]
    pub insecure: bool,

    /// Postgres to use, as postgres://USER:PASSWORD@HOST/DATABASE.
    ///
    /// Without it, a private Postgres runs in the data directory. Prefer the variable: a flag can be seen by every user of the machine.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<DatabaseUrl>,

    /// Directory of the private Postgres and of the files the program makes.
    ///
    /// By default `patron` in `XDG_DATA_HOME`, or in `~/.local/share`.
    #[arg(long, env = "PATRON_DATA_DIR", value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,

    /// Time zone of the deployment, by its IANA name, such as Europe/Berlin.
    ///
    /// Decides what a day is. Used only when the database is created and written in it, since changing it changes every profile; UTC if absent.
    #[arg(long, env = "PATRON_TIME_ZONE", value_name = "NAME")]
    pub time_zone: Option<String>,

    /// File with the key under which phone numbers and e-mails are looked up.
    ///
    /// By default `identifier.key` in the data directory, made when absent. All processes on one database need the same.
    #[arg(long, env = "PATRON_IDENTIFIER_KEY_FILE", value_name = "FILE")]
    pub identifier_key_file: Option<PathBuf>,

    /// Memory for cached profiles and identifiers, in bytes or as 512MiB.
    ///
    /// The default holds some hundred thousand customers at up to 2 kB each.
    #[arg(
        long,
        env = "PATRON_CACHE_MEMORY",
        value_name = "SIZE",
        default_value = "256MiB"
    )]
    pub cache_memory: ByteSize,

    /// Calls a connection may have open at once.
    ///
    /// Bounds what one client can hold; more wait at the client. 256 is above what a channel needs at thousands of calls a second.
    #[arg(
        long,
        env = "PATRON_MAX_CONCURRENT_STREAMS",
        value_name = "COUNT",
        default_value_t = 256
    )]
    pub max_concurrent_streams: u32,

    /// Connections open at once; more are closed at once.
    ///
    /// Each costs a file descriptor and some ten kB; the default of many systems is 1,024 descriptors, servers raise it.
    #[arg(
        long,
        env = "PATRON_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 4096
    )]
    pub max_connections: u32,

    /// Calls in progress at once, over all connections; more are told to come back.
    ///
    /// Late answers help nobody: at a millisecond each, 1,024 calls in progress are already seconds of work for two cores.
    #[arg(
        long,
        env = "PATRON_MAX_IN_FLIGHT",
        value_name = "COUNT",
        default_value_t = 1024
    )]
    pub max_in_flight: u32,

    /// Largest message, either way, in bytes or as 4MiB.
    ///
    /// 4 MiB is what gRPC clients take by default and holds a batch of 1,000 items.
    #[arg(
        long,
        env = "PATRON_MAX_MESSAGE_BYTES",
        value_name = "SIZE",
        default_value = "4MiB"
    )]
    pub max_message_bytes: ByteSize,

    /// Time in milliseconds a call gets whose caller sets no deadline.
    ///
    /// Two seconds: nobody on a telephone waits longer. Batches, ingest and fits get more.
    #[arg(
        long,
        env = "PATRON_DEFAULT_DEADLINE_MS",
        value_name = "MILLISECONDS",
        default_value_t = 2000
    )]
    pub default_deadline_ms: u64,

    /// Time in seconds that calls in progress have after a stop was asked for, before they are cut.
    ///
    /// Ten: five times the default deadline, and well below the 30 seconds after which Kubernetes kills.
    #[arg(
        long,
        env = "PATRON_DRAIN_LIMIT_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    pub drain_limit_seconds: u64,

    /// Time in milliseconds to go on answering after health says NOT_SERVING, before the listener closes.
    ///
    /// None by default, so that Ctrl-C is quick. Behind a balancer, set it to a little more than the period of its probe.
    #[arg(
        long,
        env = "PATRON_LAME_DUCK_MS",
        value_name = "MILLISECONDS",
        default_value_t = 0
    )]
    pub lame_duck_ms: u64,

    /// Form of the logs on stderr.
    #[arg(
        long,
        env = "PATRON_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,

    /// Which logs to write: error, warn, info, debug, trace, also by module, as in info,patron::store=debug.
    ///
    /// Info: one line for each failed call, none for those that succeed.
    #[arg(
        long,
        env = "PATRON_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log: String,

    /// Postgres connections for reads.
    ///
    /// Cold loads take a millisecond or two, so eight carry thousands a second; more than the database has cores only queue there.
    #[arg(
        long,
        env = "PATRON_READ_POOL",
        value_name = "COUNT",
        default_value_t = 8
    )]
    pub read_pool: u32,

    /// Postgres connections for writes and fits.
    ///
    /// Apart from the reads, so that an import never makes a caller wait for a connection.
    #[arg(
        long,
        env = "PATRON_WRITE_POOL",
        value_name = "COUNT",
        default_value_t = 4
    )]
    pub write_pool: u32,
}

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
        "{address} can be reached from other machines, and nothing there is encrypted or asks for a login; listen on 127.0.0.1, or give --insecure if the network keeps strangers out"
    )]
    NotLoopback {
        /// The address given.
        address: SocketAddr,
    },
    /// Both listeners have the same address.
    #[error("{address} is the address of the gRPC listener; the admin listener needs its own")]
    SameAddress {
        /// The address given twice.
        address: SocketAddr,
    },
    /// Not a URL of Postgres. The value is not shown: it may hold a password.
    #[error("must begin with postgres:// or postgresql://")]
    NotPostgres,
    /// There is no home directory to put the data into.
    #[error("there is no home directory to take by default; name a directory")]
    NoDataDirectory,
    /// The path exists and is something else.
    #[error("{path} is not a {expected}")]
    WrongPath {
        /// The path given.
        path: String,
        /// What it should be.
        expected: &'static str,
    },
    /// No such time zone.
    #[error("{name:?} is not a time zone; give an IANA name such as Europe/Berlin or UTC")]
    UnknownTimeZone {
        /// The name given.
        name: String,
    },
    /// A number out of its range.
    #[error("{given} is not from {min} to {max}")]
    OutOfRange {
        /// The number given.
        given: u64,
        /// The smallest allowed.
        min: u64,
        /// The largest allowed.
        max: u64,
    },
    /// The filter cannot be read.
    #[error(
        "{given:?} is not a log filter; give a level such as info, or info,patron::store=debug"
    )]
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

/// Names of the settings as users write them.
mod names {
    pub(super) const LISTEN: &str = "--listen (PATRON_LISTEN)";
    pub(super) const ADMIN_LISTEN: &str = "--admin-listen (PATRON_ADMIN_LISTEN)";
    pub(super) const DATABASE_URL: &str = "--database-url (DATABASE_URL)";
    pub(super) const DATA_DIR: &str = "--data-dir (PATRON_DATA_DIR)";
    pub(super) const TIME_ZONE: &str = "--time-zone (PATRON_TIME_ZONE)";
    pub(super) const KEY_FILE: &str = "--identifier-key-file (PATRON_IDENTIFIER_KEY_FILE)";
    pub(super) const CACHE_MEMORY: &str = "--cache-memory (PATRON_CACHE_MEMORY)";
    pub(super) const STREAMS: &str = "--max-concurrent-streams (PATRON_MAX_CONCURRENT_STREAMS)";
    pub(super) const CONNECTIONS: &str = "--max-connections (PATRON_MAX_CONNECTIONS)";
    pub(super) const IN_FLIGHT: &str = "--max-in-flight (PATRON_MAX_IN_FLIGHT)";
    pub(super) const MESSAGE: &str = "--max-message-bytes (PATRON_MAX_MESSAGE_BYTES)";
    pub(super) const DEADLINE: &str = "--default-deadline-ms (PATRON_DEFAULT_DEADLINE_MS)";
    pub(super) const DRAIN: &str = "--drain-limit-seconds (PATRON_DRAIN_LIMIT_SECONDS)";
    pub(super) const LAME_DUCK: &str = "--lame-duck-ms (PATRON_LAME_DUCK_MS)";
    pub(super) const LOG: &str = "--log (PATRON_LOG)";
    pub(super) const READ_POOL: &str = "--read-pool (PATRON_READ_POOL)";
    pub(super) const WRITE_POOL: &str = "--write-pool (PATRON_WRITE_POOL)";
}

impl Settings {
    /// Looks at everything before anything starts.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with all problems, in the order of the fields.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        let mut problems = Vec::new();
        self.check_addresses(&mut problems);
        self.check_places(&mut problems);
        self.check_numbers(&mut problems);
        if EnvFilter::try_new(&self.log).is_err() {
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

    /// The data directory given, or the user's own; `None` when there is no home to put it into.
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        if let Some(given) = &self.data_dir {
            return Some(given.clone());
        }
        let base = std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            // The XDG specification tells to ignore relative paths.
            .filter(|path| path.is_absolute())
            .or_else(|| Some(std::env::home_dir()?.join(".local/share")))?;
        Some(base.join("patron"))
    }

    /// The file with the identifier key: the one given, or its place in the data directory.
    #[must_use]
    pub fn identifier_key_file(&self) -> Option<PathBuf> {
        self.identifier_key_file
            .clone()
            .or_else(|| Some(self.data_dir()?.join("identifier.key")))
    }

    /// The limits of the gRPC listener.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_concurrent_streams: self.max_concurrent_streams,
            max_connections: self.max_connections,
            max_in_flight: self.max_in_flight,
            max_message_bytes: self.max_message_bytes.as_usize(),
            default_deadline: Duration::from_millis(self.default_deadline_ms),
            lame_duck: Duration::from_millis(self.lame_duck_ms),
            drain_limit: Duration::from_secs(self.drain_limit_seconds),
            ..Limits::default()
        }
    }

    fn check_addresses(&self, problems: &mut Vec<Problem>) {
        let listeners = [
            (names::LISTEN, self.listen),
            (names::ADMIN_LISTEN, self.admin_listen),
        ];
        for (setting, address) in listeners {
            if !self.insecure && !address.ip().is_loopback() {
                problems.push(Problem {
                    setting,
                    kind: ProblemKind::NotLoopback { address },
                });
            }
        }
        // Port 0 asks for any free port, so two of them differ.
        if self.listen == self.admin_listen && self.listen.port() != 0 {
            problems.push(Problem {
                setting: names::ADMIN_LISTEN,
                kind: ProblemKind::SameAddress {
                    address: self.admin_listen,
                },
            });
        }
    }

    fn check_places(&self, problems: &mut Vec<Problem>) {
        let mut add = |setting, kind| problems.push(Problem { setting, kind });
        if self
            .database_url
            .as_ref()
            .is_some_and(|url| !url.is_postgres())
        {
            add(names::DATABASE_URL, ProblemKind::NotPostgres);
        }
        match self.data_dir() {
            None => add(names::DATA_DIR, ProblemKind::NoDataDirectory),
            Some(path) if path.exists() && !path.is_dir() => {
                let path = path.display().to_string();
                let expected = "directory";
                add(names::DATA_DIR, ProblemKind::WrongPath { path, expected });
            }
            Some(_) => {}
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
        let ranges = [
            (names::CACHE_MEMORY, self.cache_memory.bytes(), cache),
            (names::STREAMS, self.max_concurrent_streams.into(), count),
            (names::CONNECTIONS, self.max_connections.into(), count),
            (names::IN_FLIGHT, self.max_in_flight.into(), count),
            (
                names::MESSAGE,
                self.max_message_bytes.bytes(),
                (MIN_MESSAGE_BYTES, MAX_MESSAGE_BYTES_LIMIT),
            ),
            (names::DEADLINE, self.default_deadline_ms, (1, wait_ms)),
            (names::DRAIN, self.drain_limit_seconds, (0, wait_seconds)),
            (names::LAME_DUCK, self.lame_duck_ms, (0, wait_ms)),
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
mod tests {
    use super::*;

    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        settings: Settings,
    }

    /// Settings from flags; the data directory is given, so that tests do not depend on a home.
    fn settings(flags: &[&str]) -> Settings {
        let fixed = ["patron", "--data-dir", "/nonexistent/patron"];
        let flags = fixed.into_iter().chain(flags.iter().copied());
        Command::try_parse_from(flags).unwrap().settings
    }

    #[track_caller]
    fn check(flags: &[&str], problems: &[&str]) {
        let found = match settings(flags).validate() {
            Ok(()) => Vec::new(),
            Err(invalid) => invalid.problems,
        };
        let found: Vec<_> = found.iter().map(|problem| problem.setting).collect();
        assert_eq!(found, problems, "{flags:?}");
    }

    #[test]
    fn the_defaults_are_valid_and_are_the_limits_of_the_server() {
        check(&[], &[]);
        let limits = settings(&[]).limits();
        assert_eq!(format!("{limits:?}"), format!("{:?}", Limits::default()));
    }

    #[test]
    fn only_the_loopback_may_be_listened_on_unless_insecure_is_given() {
        check(&["--listen", "127.0.0.1:0"], &[]);
        check(&["--listen", "127.8.9.10:1"], &[]);
        check(&["--listen", "[::1]:50051"], &[]);
        check(&["--listen", "0.0.0.0:50051"], &[names::LISTEN]);
        check(&["--listen", "[::]:50051"], &[names::LISTEN]);
        check(&["--listen", "192.168.1.5:50051"], &[names::LISTEN]);
        check(&["--admin-listen", "10.0.0.1:9464"], &[names::ADMIN_LISTEN]);
        check(
            &["--listen", "0.0.0.0:1", "--admin-listen", "0.0.0.0:2"],
            &[names::LISTEN, names::ADMIN_LISTEN],
        );
        check(
            &[
                "--insecure",
                "--listen",
                "0.0.0.0:1",
                "--admin-listen",
                "0.0.0.0:2",
            ],
            &[],
        );
        let refused = settings(&["--listen", "0.0.0.0:1"]).validate().unwrap_err();
        assert!(refused.to_string().contains("--insecure"), "{refused}");
    }

    #[test]
    fn the_listeners_need_two_addresses() {
        let same = "127.0.0.1:7000";
        check(
            &["--listen", same, "--admin-listen", same],
            &[names::ADMIN_LISTEN],
        );
        let any = "127.0.0.1:0";
        check(&["--listen", any, "--admin-listen", any], &[]);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let flags = [
            "--listen=0.0.0.0:1",
            "--database-url=mysql://ann:s3cret@host/db",
            "--data-dir=/dev/null",
            "--time-zone=Europe/Atlantis",
            "--identifier-key-file=/",
            "--cache-memory=1k",
            "--max-concurrent-streams=0",
            "--max-connections=0",
            "--max-in-flight=0",
            "--max-message-bytes=1GiB",
            "--default-deadline-ms=0",
            "--drain-limit-seconds=3601",
            "--lame-duck-ms=3600001",
            "--read-pool=0",
            "--write-pool=1001",
            "--log=patron=loud",
        ];
        let command = Command::try_parse_from(["patron"].into_iter().chain(flags)).unwrap();
        let refused = command.settings.validate().unwrap_err();
        let text = refused.to_string();
        assert_eq!(refused.problems.len(), flags.len(), "{text}");
        assert_eq!(text.lines().count(), flags.len(), "{text}");
        for flag in flags {
            let (name, _) = flag.split_once('=').unwrap();
            let line = format!("{name} (");
            assert!(
                text.lines().any(|it| it.starts_with(&line)),
                "{name} in {text}"
            );
        }
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn every_setting_is_documented_and_has_a_variable() {
        use clap::CommandFactory as _;
        let command = Command::command();
        for argument in command.get_arguments() {
            let id = argument.get_id();
            if id == "help" {
                continue;
            }
            assert!(argument.get_help().is_some(), "{id}");
            let variable = argument.get_env().unwrap().to_str().unwrap();
            assert!(
                variable.starts_with("PATRON_") || variable == "DATABASE_URL",
                "{variable}"
            );
        }
    }

    #[test]
    fn help_and_debug_never_show_the_password() {
        use clap::CommandFactory as _;
        let settings = settings(&["--database-url", "postgres://ann:s3cret@host/db"]);
        assert!(!format!("{settings:?}").contains("s3cret"));
        let url = Command::command();
        let url = url.get_arguments().find(|it| it.get_id() == "database_url");
        assert!(url.unwrap().is_hide_env_values_set());
    }

    #[test]
    fn files_are_found_in_the_data_directory() {
        let given = settings(&[]);
        assert_eq!(given.data_dir(), Some("/nonexistent/patron".into()));
        assert_eq!(
            given.identifier_key_file(),
            Some("/nonexistent/patron/identifier.key".into())
        );
        let elsewhere = settings(&["--identifier-key-file", "/etc/patron.key"]);
        assert_eq!(
            elsewhere.identifier_key_file(),
            Some("/etc/patron.key".into())
        );
    }
}
