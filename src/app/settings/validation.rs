//! What settings may not be, and the report of everything that is wrong with them.

mod names;
mod origins;

use std::net::SocketAddr;
use std::time::Duration;

use tracing_subscriber::filter::Targets;

use crate::app::settings::Settings;

/// Largest message that may be allowed. Beyond it, one request could take the memory of the process.
const MAX_MESSAGE_BYTES_LIMIT: u64 = 64 * 1024 * 1024;

/// Smallest message that may be allowed: a batch of a few items must fit.
const MIN_MESSAGE_BYTES: u64 = 4 * 1024;

/// Longest default deadline, lame-duck time and drain limit: one hour. Beyond it, milliseconds were taken for something else.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// Most connections a pool may have. One Postgres serves some hundreds in all.
const MAX_POOL: u32 = 1000;

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
        "{address} is reachable from other machines, without encryption or login; listen on 127.0.0.1, or set --insecure on a trusted network"
    )]
    NotLoopback {
        /// The address given.
        address: SocketAddr,
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

    fn check_addresses(&self, problems: &mut Vec<Problem>) {
        let listeners = [
            (names::LISTEN, Some(self.listen)),
            (names::HTTP_LISTEN, self.http_listen),
            (names::AGI_LISTEN, self.agi_listen),
            (names::ADMIN_LISTEN, Some(self.admin_listen)),
        ];
        let listeners = listeners.into_iter();
        let listeners = listeners.filter_map(|(setting, address)| Some((setting, address?)));
        let mut taken: Vec<SocketAddr> = vec![];
        for (setting, address) in listeners {
            if !self.insecure && !address.ip().is_loopback() {
                problems.push(Problem {
                    setting,
                    kind: ProblemKind::NotLoopback { address },
                });
            }
            // Port 0 asks for any free port, so two of them differ.
            if address.port() != 0 && taken.contains(&address) {
                problems.push(Problem {
                    setting,
                    kind: ProblemKind::SameAddress { address },
                });
            }
            taken.push(address);
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
        if server.is_some_and(|url| !url.is_postgres()) {
            add(names::DATABASE_URL, ProblemKind::NotPostgres);
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
            (names::CACHE_MEMORY, self.cache_memory.bytes(), cache),
            (names::STREAMS, self.max_concurrent_streams.into(), count),
            (names::CONNECTIONS, self.max_connections.into(), count),
            (names::IN_FLIGHT, self.max_in_flight.into(), count),
            (names::MESSAGE, self.max_message_bytes.bytes(), message),
            (names::DEADLINE, self.default_deadline_ms, (1, wait_ms)),
            (names::ROUTE_BUDGET, self.route_budget_ms, (1, wait_ms)),
            (names::DATABASE_WAIT, self.database_wait, (0, wait_seconds)),
            (names::DRAIN, self.drain_limit_seconds, (0, wait_seconds)),
            (names::FENCE, self.fence_wait_seconds, (0, wait_seconds)),
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
    use std::path::PathBuf;

    use super::*;

    use crate::app::server::Limits;

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
    fn an_empty_database_url_names_no_server() {
        check(&["--database-url="], &[]);
        assert_eq!(settings(&["--database-url="]).external_database(), None);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let flags = [
            "--listen=0.0.0.0:1",
            "--http-allowed-origins=*",
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
        assert_eq!(given.data_dir(), PathBuf::from("/nonexistent/patron"));
        assert_eq!(
            given.identifier_key_file(),
            PathBuf::from("/nonexistent/patron/identifier.key")
        );
        let elsewhere = settings(&["--identifier-key-file", "/etc/patron.key"]);
        assert_eq!(
            elsewhere.identifier_key_file(),
            PathBuf::from("/etc/patron.key")
        );
    }
}
