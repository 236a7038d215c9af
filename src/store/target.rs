//! Where the database is and how the way to it is protected.
//!
//! sqlx has traps here, of which callers know nothing: without a word about it in the URL it goes on in plain text when the server offers no
//! TLS, it does not check certificates at all with `sslmode=require`, whatever root certificate is given, and it asks for TLS on Unix sockets.

mod hosts;
mod route;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use self::hosts::Fitness;
use self::route::Route;

/// A URL that names no database. What it says does not hold the password.
#[derive(Debug, thiserror::Error)]
#[error("cannot be read as the URL of a database: {0}")]
pub struct InvalidUrl(sqlx::Error);

/// A database: the hosts where it may be, login and protection of the connection. Clones use the same host.
#[derive(Debug, Clone)]
pub struct Target {
    /// One for each host, in the order of the URL; there is one at least.
    hosts: Vec<PgConnectOptions>,
    fitness: Fitness,
    password_file: Option<PathBuf>,
    route: Arc<Route>,
}

/// How the connection is protected, from nothing to everything; last, what needs no protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// Plain text.
    Plain,
    /// TLS if the server offers it; an attacker in between can say that it does not.
    IfOffered,
    /// TLS with any server that answers.
    Unverified,
    /// TLS with a server whose certificate comes from a trusted authority, for any host.
    AnyHost,
    /// TLS with the server that the URL names.
    Verified,
    /// It does not leave the machine: a Unix socket.
    Socket,
}

impl Protection {
    /// Whether nobody on the way can read what is sent without standing in for the server.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        match self {
            Self::Unverified | Self::AnyHost | Self::Verified => true,
            Self::Socket | Self::Plain | Self::IfOffered => false,
        }
    }

    /// Whether the server's certificate is checked.
    #[must_use]
    pub fn checks_certificate(self) -> bool {
        match self {
            Self::AnyHost | Self::Verified => true,
            Self::Socket | Self::Plain | Self::IfOffered | Self::Unverified => false,
        }
    }

    /// As the `sslmode` of a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "unix socket",
            Self::Plain => "disable",
            Self::IfOffered => "prefer",
            Self::Unverified => "require",
            Self::AnyHost => "verify-ca",
            Self::Verified => "verify-full",
        }
    }
}

impl Target {
    /// The database that a URL names, with what `PG...` variables say besides. Several hosts are separated by commas, each with its port;
    /// `target_session_attrs` says what the one that is used must be fit for: `read-write` (the default of several), `primary` or `any`.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (hosts, fitness) = hosts::read(url).map_err(InvalidUrl)?;
        // As libpq has it: there is no TLS on a Unix socket.
        let hosts = hosts.into_iter().map(|host| match protection(&host) {
            Protection::Socket => host.ssl_mode(PgSslMode::Disable),
            Protection::Plain
            | Protection::IfOffered
            | Protection::Unverified
            | Protection::AnyHost
            | Protection::Verified => host,
        });
        Ok(Self {
            hosts: hosts.collect(),
            fitness,
            password_file: None,
            route: Arc::default(),
        })
    }

    /// Trusts the authorities in this file as well; the server is then verified unless the URL asks for something else.
    #[must_use]
    pub fn with_root_certificate(mut self, file: &Path) -> Self {
        for host in &mut self.hosts {
            let is_open = protection(host) == Protection::IfOffered;
            let options = host.clone().ssl_root_cert(file);
            *host = if is_open {
                options.ssl_mode(PgSslMode::VerifyFull)
            } else {
                options
            };
        }
        self
    }

    /// Takes the password from this file; pools read it again when it is refused. A line break at its end does not count.
    #[must_use]
    pub fn with_password_file(self, file: &Path) -> Self {
        Self {
            password_file: Some(file.to_owned()),
            ..self
        }
    }

    /// How the connection is protected: of several hosts, where it is the least.
    #[must_use]
    pub fn protection(&self) -> Protection {
        let hosts = self.hosts.iter();
        let away = hosts.clone().filter(|host| !is_local(host));
        let least = away.map(protection).min();
        least.unwrap_or_else(|| hosts.map(protection).min().unwrap_or(Protection::Plain))
    }

    /// Whether the connection stays on this machine, whichever host is used.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.hosts.iter().all(is_local)
    }

    /// The hosts, as the URL names them.
    #[must_use]
    pub fn host(&self) -> String {
        let hosts = self.hosts.iter().map(PgConnectOptions::get_host);
        hosts.collect::<Vec<_>>().join(",")
    }

    /// The options of a connection with this name to the host that is used.
    #[must_use]
    pub fn options(&self, application_name: &str) -> PgConnectOptions {
        let options = self.options_of(self.route.host());
        options.application_name(application_name)
    }

    fn options_of(&self, host: usize) -> PgConnectOptions {
        // sqlx asks for float digits, which are the default of every server that we support, and which poolers refuse.
        let options = self.hosts[host].clone().extra_float_digits(None);
        let file = self.password_file.as_ref();
        let password = file.and_then(|file| {
            let read = fs::read_to_string(file);
            self.route
                .password(read.map(|text| first_line(&text).to_owned()))
        });
        match password {
            Some(password) => options.password(&password),
            None => options,
        }
    }
}

/// A text without the line break at its end.
fn first_line(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn protection(host: &PgConnectOptions) -> Protection {
    if host.get_socket().is_some() || host.get_host().starts_with('/') {
        return Protection::Socket;
    }
    match host.get_ssl_mode() {
        // sqlx takes both for one.
        PgSslMode::Disable | PgSslMode::Allow => Protection::Plain,
        PgSslMode::Prefer => Protection::IfOffered,
        PgSslMode::Require => Protection::Unverified,
        PgSslMode::VerifyCa => Protection::AnyHost,
        PgSslMode::VerifyFull => Protection::Verified,
    }
}

fn is_local(host: &PgConnectOptions) -> bool {
    let name = host.get_host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    protection(host) == Protection::Socket
        || name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, protection: Protection, is_local: bool) {
        let target = Target::parse(url).unwrap();
        assert_eq!(
            (target.protection(), target.is_local()),
            (protection, is_local),
            "{url}"
        );
    }

    #[test]
    fn protection_is_read_from_the_url() {
        let host = "postgres://ann@db.example/shop";
        check(host, Protection::IfOffered, false);
        for (mode, protection) in [
            ("disable", Protection::Plain),
            ("allow", Protection::Plain),
            ("prefer", Protection::IfOffered),
            ("require", Protection::Unverified),
            ("verify-ca", Protection::AnyHost),
            ("verify-full", Protection::Verified),
        ] {
            check(&format!("{host}?sslmode={mode}"), protection, false);
        }
    }

    #[test]
    fn a_unix_socket_is_local_and_has_no_tls() {
        for url in [
            "postgres://ann@localhost/shop?host=/run/postgresql",
            "postgres://ann@%2Frun%2Fpostgresql/shop?sslmode=verify-full",
        ] {
            check(url, Protection::Socket, true);
            let options = Target::parse(url).unwrap().options("test");
            assert!(
                matches!(options.get_ssl_mode(), PgSslMode::Disable),
                "{url}"
            );
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_local() {
        for (host, is_local) in [
            ("localhost", true),
            ("LOCALHOST", true),
            ("127.0.0.1", true),
            ("127.8.9.10", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("10.0.0.7", false),
            ("[::ffff:10.0.0.7]", false),
            ("0.0.0.0", false),
            ("localhost.example", false),
            ("db", false),
        ] {
            check(
                &format!("postgres://{host}/shop"),
                Protection::IfOffered,
                is_local,
            );
        }
        // What a parameter says counts, not what stands in the place of the host.
        check(
            "postgres://127.0.0.1/shop?host=db.example",
            Protection::IfOffered,
            false,
        );
        check(
            "postgres://localhost/shop?hostaddr=10.0.0.7",
            Protection::IfOffered,
            false,
        );
    }

    #[test]
    fn a_root_certificate_verifies_unless_the_url_says_otherwise() {
        for (mode, protection) in [
            ("", Protection::Verified),
            ("?sslmode=prefer", Protection::Verified),
            ("?sslmode=verify-ca", Protection::AnyHost),
            ("?sslmode=require", Protection::Unverified),
            ("?sslmode=disable", Protection::Plain),
        ] {
            let target = Target::parse(&format!("postgres://db.example/shop{mode}")).unwrap();
            let target = target.with_root_certificate(Path::new("/root.pem"));
            assert_eq!(target.protection(), protection, "{mode}");
        }
    }
}
