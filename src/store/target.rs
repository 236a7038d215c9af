//! Where the database is and how the way to it is protected.
//!
//! sqlx has traps here, of which callers know nothing: without a word about it in the URL it goes on in plain text when the server offers no
//! TLS, it does not check certificates at all with `sslmode=require`, whatever root certificate is given, and it asks for TLS on Unix sockets.

use std::net::IpAddr;
use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::store::error::StoreError;

/// A database: address, login and protection of the connection.
#[derive(Debug, Clone)]
pub struct Target(PgConnectOptions);

/// How the connection is protected, from nothing to everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It does not leave the machine: a Unix socket.
    Socket,
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
    /// The database that a URL names, with what `PG...` variables say besides.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let target = Self(options);
        // As libpq has it: there is no TLS on a Unix socket.
        Ok(match target.protection() {
            Protection::Socket => Self(target.0.ssl_mode(PgSslMode::Disable)),
            Protection::Plain
            | Protection::IfOffered
            | Protection::Unverified
            | Protection::AnyHost
            | Protection::Verified => target,
        })
    }

    /// Trusts the authorities in this file as well; the server is then verified unless the URL asks for something else.
    #[must_use]
    pub fn with_root_certificate(self, file: &Path) -> Self {
        let is_open = self.protection() == Protection::IfOffered;
        let options = self.0.ssl_root_cert(file);
        Self(if is_open {
            options.ssl_mode(PgSslMode::VerifyFull)
        } else {
            options
        })
    }

    /// How the connection is protected.
    #[must_use]
    pub fn protection(&self) -> Protection {
        if self.0.get_socket().is_some() || self.0.get_host().starts_with('/') {
            return Protection::Socket;
        }
        match self.0.get_ssl_mode() {
            // sqlx takes both for one.
            PgSslMode::Disable | PgSslMode::Allow => Protection::Plain,
            PgSslMode::Prefer => Protection::IfOffered,
            PgSslMode::Require => Protection::Unverified,
            PgSslMode::VerifyCa => Protection::AnyHost,
            PgSslMode::VerifyFull => Protection::Verified,
        }
    }

    /// Whether the connection stays on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.0.get_host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        self.protection() == Protection::Socket
            || host.eq_ignore_ascii_case("localhost")
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// The host, as the URL names it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.get_host()
    }

    /// The options of a connection with this name.
    #[must_use]
    pub fn options(&self, application_name: &str) -> PgConnectOptions {
        self.0.clone().application_name(application_name)
    }
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
