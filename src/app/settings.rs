//! The settings of `patron serve`: one struct, from flags and `PATRON_*` variables, a flag before its variable.
//!
//! The command line refuses what cannot be read; [`Settings::validate`] refuses what cannot be meant, all of it at once, before anything
//! starts.

pub mod encryption;
pub mod identity;
pub mod memory;
pub mod processes;
mod validation;
mod values;

pub use validation::{InvalidSettings, Problem, ProblemKind};
pub use values::{ByteSize, DatabaseUrl, InvalidByteSize};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use http::HeaderValue;

use crate::app::logging::LogFormat;
use crate::app::server::{Lifetime, Limits};
use crate::app::settings::encryption::{DatabaseWaySettings, TlsSettings};
use crate::app::settings::identity::IdentityMode;
use crate::app::settings::memory::MemorySettings;
use crate::app::settings::processes::ProcessSettings;
use crate::postgres::directory::default_data_dir;

/// Settings of `patron serve`.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks and angle brackets are noise"
)]
pub struct Settings {
    /// Address of the gRPC listener.
    ///
    /// The default is the loopback interface: without --identity required there is no login, so anyone who reaches the port can read
    /// every customer.
    #[arg(
        long,
        env = "PATRON_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:50051"
    )]
    pub listen: SocketAddr,

    /// Address of the HTTP listener: /v1/route for telephone systems, all calls as JSON. Not set: no such listener.
    ///
    /// Like the gRPC listener it has no login without --identity required.
    #[arg(long, env = "PATRON_HTTP_LISTEN", value_name = "ADDRESS:PORT")]
    pub http_listen: Option<SocketAddr>,

    /// Origins whose web pages may call the HTTP listener: scheme, host and port, with commas between them.
    ///
    /// Requests of other pages are refused. Without --identity required, a page of an allowed origin can do everything.
    #[arg(
        long,
        env = "PATRON_HTTP_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ','
    )]
    pub http_allowed_origins: Vec<String>,

    /// Address of the FastAGI listener for Asterisk. Not set: no such listener.
    ///
    /// 4573 is the usual port. It has no login: FastAGI carries no tokens.
    #[arg(long, env = "PATRON_AGI_LISTEN", value_name = "ADDRESS:PORT")]
    pub agi_listen: Option<SocketAddr>,

    /// Address of the admin listener: metrics, probes, version.
    ///
    /// A separate port keeps it away from callers. 9464 is the usual port of metrics exporters.
    #[arg(
        long,
        env = "PATRON_ADMIN_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9464"
    )]
    pub admin_listen: SocketAddr,

    /// Allow listening on addresses that other machines can reach, without encryption or login.
    ///
    /// Off by default. Use it only on a network without untrusted machines. gRPC and HTTP do not need it with --tls-certificate and
    /// --identity required. The variable takes 1 or 0, true or false.
    #[arg(long, env = "PATRON_INSECURE", value_parser = BoolishValueParser::new())]
    pub insecure: bool,

    /// Whether callers of gRPC and HTTP must be identified, by a token or by a client certificate with roles.
    ///
    /// off lets everyone who reaches a listener do everything. Tokens come from patron token create.
    #[arg(
        long,
        env = "PATRON_IDENTITY",
        value_name = "WHETHER",
        default_value = "off"
    )]
    pub identity: IdentityMode,

    /// Encryption of the gRPC and HTTP listeners
    #[command(flatten)]
    pub tls: TlsSettings,

    /// Postgres to use, as postgres://USER:PASSWORD@HOST/DATABASE.
    ///
    /// Unset or empty: a private Postgres runs in the data directory. Prefer the variable: flags are visible to every
    /// user of the machine.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<DatabaseUrl>,

    /// Encryption of the way to it
    #[command(flatten)]
    pub database_tls: DatabaseWaySettings,

    /// Time in seconds to wait at startup for an external Postgres.
    ///
    /// The default covers a restart or a failover. 0 does not wait. A wrong password or a missing database fails at once.
    #[arg(
        long,
        env = "PATRON_DATABASE_WAIT",
        value_name = "SECONDS",
        default_value_t = 60
    )]
    pub database_wait: u64,

    /// Directory of the private Postgres and of generated files.
    ///
    /// Default: /var/lib/patron for root, otherwise patron in $XDG_DATA_HOME or ~/.local/share. The demo uses patron-demo next to it.
    #[arg(long, env = "PATRON_DATA_DIR", value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,

    /// Time zone of the deployment, by its IANA name, such as Europe/Berlin.
    ///
    /// Sets the boundaries of days. Stored in the database when it is created, because a change would change every profile. Default: UTC.
    #[arg(long, env = "PATRON_TIME_ZONE", value_name = "NAME")]
    pub time_zone: Option<String>,

    /// File with the key that hashes phone numbers and e-mail addresses for lookup.
    ///
    /// Default: identifier.key in the data directory, created with a new database. All processes of a database need the same key.
    #[arg(long, env = "PATRON_IDENTIFIER_KEY_FILE", value_name = "FILE")]
    pub identifier_key_file: Option<PathBuf>,

    /// What is held in memory
    #[command(flatten)]
    pub memory: MemorySettings,

    /// Maximum open calls per connection.
    ///
    /// Further calls wait in the client. 256 is more than a channel needs at thousands of calls per second.
    #[arg(
        long,
        env = "PATRON_MAX_CONCURRENT_STREAMS",
        value_name = "COUNT",
        default_value_t = 256
    )]
    pub max_concurrent_streams: u32,

    /// Maximum open connections; further ones are closed immediately.
    ///
    /// Each uses a file descriptor and some ten kB. Many systems allow 1,024 descriptors by default; raise that limit on servers.
    #[arg(
        long,
        env = "PATRON_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 4096
    )]
    pub max_connections: u32,

    /// Threads that serve gRPC connections, each its own; 0 shares the threads of the rest of the server.
    ///
    /// As many as cores need less processor time for lookups from memory. A connection stays with one thread: callers need two or more to
    /// use two cores. In a burst of new connections, calls wait for the thread of theirs and may be refused as overloaded.
    #[arg(
        long,
        env = "PATRON_LOOKUP_THREADS",
        value_name = "COUNT",
        default_value_t = 0
    )]
    pub lookup_threads: u32,

    /// Maximum calls in progress over all connections; further ones are refused with a retry delay.
    ///
    /// A late answer is useless. At a millisecond each, 1,024 calls are half a second of work for two cores.
    #[arg(
        long,
        env = "PATRON_MAX_IN_FLIGHT",
        value_name = "COUNT",
        default_value_t = 1024
    )]
    pub max_in_flight: u32,

    /// Maximum size of a request or response, in bytes or with a unit, such as 4MiB.
    ///
    /// 4 MiB is the default of gRPC clients and holds a batch of 1,000 items.
    #[arg(
        long,
        env = "PATRON_MAX_MESSAGE_BYTES",
        value_name = "SIZE",
        default_value = "4MiB"
    )]
    pub max_message_bytes: ByteSize,

    /// Time limit in milliseconds for calls without a deadline.
    ///
    /// Two seconds is the most a person on the phone will wait. Batches, ingest and fits get more.
    #[arg(
        long,
        env = "PATRON_DEFAULT_DEADLINE_MS",
        value_name = "MILLISECONDS",
        default_value_t = 2000
    )]
    pub default_deadline_ms: u64,

    /// Time in milliseconds to route a contact. After it, the caller gets the treatment of an unknown caller.
    ///
    /// SIP repeats an INVITE after 500 ms, and the answer has to reach the proxy before that.
    #[arg(
        long,
        env = "PATRON_ROUTE_BUDGET_MS",
        value_name = "MILLISECONDS",
        default_value_t = 150
    )]
    pub route_budget_ms: u64,

    /// Time in seconds that calls in progress get to finish on shutdown.
    ///
    /// The default is five times the default deadline and well below the 30 seconds after which Kubernetes kills a pod.
    #[arg(
        long,
        env = "PATRON_DRAIN_LIMIT_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    pub drain_limit_seconds: u64,

    /// Time in milliseconds to keep serving after the health check reports NOT_SERVING, before the listener closes.
    ///
    /// 0 by default, so that Ctrl-C is quick. Behind a load balancer, set it slightly longer than the probe interval.
    #[arg(
        long,
        env = "PATRON_LAME_DUCK_MS",
        value_name = "MILLISECONDS",
        default_value_t = 0
    )]
    pub lame_duck_ms: u64,

    /// Age in seconds at which a gRPC or HTTP connection is asked to end; its client opens another one. 0: never.
    ///
    /// Balancers spread connections and not calls, so that a new server gets callers only as old connections end. Each ends within a
    /// tenth of this age, not all at once. With TLS, it is also the time after which certificates are checked again.
    #[arg(
        long,
        env = "PATRON_MAX_CONNECTION_AGE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 600
    )]
    pub max_connection_age_seconds: u64,

    /// Time in seconds after that age in which a connection may finish its calls, before it is cut.
    ///
    /// No call takes longer than an hour. An import that is cut continues on a new connection.
    #[arg(
        long,
        env = "PATRON_MAX_CONNECTION_GRACE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 3600
    )]
    pub max_connection_grace_seconds: u64,

    /// Format of the logs on stderr.
    #[arg(
        long,
        env = "PATRON_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,

    /// Log level: error, warn, info, debug or trace; also by module, as in info,patron::store=debug.
    ///
    /// At info, failed calls log one line and successful calls none.
    #[arg(
        long,
        env = "PATRON_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log: String,

    /// Postgres connections for reads.
    ///
    /// A cold load takes a millisecond or two, so eight connections serve thousands per second. More connections than database cores only queue there.
    #[arg(
        long,
        env = "PATRON_READ_POOL",
        value_name = "COUNT",
        default_value_t = 8
    )]
    pub read_pool: u32,

    /// Postgres connections for writes.
    ///
    /// Separate from reads, so that imports never delay lookups. Fits have four more.
    #[arg(
        long,
        env = "PATRON_WRITE_POOL",
        value_name = "COUNT",
        default_value_t = 4
    )]
    pub write_pool: u32,

    /// Time in seconds to wait at startup for another server of the same database to stop; 0 fails at once.
    ///
    /// Without --shared only one server may use a database at a time. Five seconds are enough for Postgres to detect that a killed server is gone.
    #[arg(
        long,
        env = "PATRON_FENCE_WAIT_SECONDS",
        value_name = "SECONDS",
        default_value_t = 5
    )]
    pub fence_wait_seconds: u64,

    /// Several servers on one database
    #[command(flatten)]
    pub processes: ProcessSettings,
}

impl Settings {
    /// The server to use instead of a private one. A variable that is set and empty names none, as for `make`.
    #[must_use]
    pub fn external_database(&self) -> Option<&DatabaseUrl> {
        self.database_url.as_ref().filter(|url| !url.is_empty())
    }

    /// How long to wait at the start for the server that `database_url` names.
    #[must_use]
    pub fn database_wait(&self) -> Duration {
        Duration::from_secs(self.database_wait)
    }

    /// The data directory given, or the one that `postgres::directory` finds for this account.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(default_data_dir)
    }

    /// The file with the identifier key: the one given, or its place in the data directory.
    #[must_use]
    pub fn identifier_key_file(&self) -> PathBuf {
        self.identifier_key_file
            .clone()
            .unwrap_or_else(|| self.data_dir().join("identifier.key"))
    }

    /// Time to route a contact.
    #[must_use]
    pub fn route_budget(&self) -> Duration {
        Duration::from_millis(self.route_budget_ms)
    }

    /// The allowed origins as headers have them.
    #[must_use]
    pub fn http_origins(&self) -> Vec<HeaderValue> {
        let stated = self.http_allowed_origins.iter();
        let stated = stated.filter(|origin| !origin.is_empty());
        // What is no header was refused by `validate`.
        stated.filter_map(|origin| origin.parse().ok()).collect()
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
            lifetime: Lifetime {
                age: (self.max_connection_age_seconds > 0)
                    .then(|| Duration::from_secs(self.max_connection_age_seconds)),
                grace: Duration::from_secs(self.max_connection_grace_seconds),
            },
            ..Limits::default()
        }
    }
}
