//! Settings of encryption: of the listeners, and of the way to the database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::validation::{Problem, names};
use super::{DatabaseUrl, ProblemKind};
use crate::app::tls::{ClientCertificates, TlsFiles, read_certificates};
use crate::store::target::{InvalidUrl, Protection, Target};

/// Encryption of the gRPC and HTTP listeners.
#[derive(Debug, Clone, Args)]
pub struct TlsSettings {
    /// File with the certificate chain of the gRPC and HTTP listeners, as PEM. Not set: they speak plain text.
    ///
    /// The server's own certificate comes first. Changed files are used for new connections, without a restart.
    #[arg(long, env = "PATRON_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// File with the private key of --tls-certificate, as PEM: PKCS#8, PKCS#1 or SEC1, without a password.
    #[arg(long, env = "PATRON_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// File with the authorities of client certificates, as PEM. Not set: clients need no certificate.
    #[arg(long, env = "PATRON_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// With --tls-client-ca: whether clients must have a certificate.
    ///
    /// optional lets clients without one in, for the time in which they get theirs.
    #[arg(
        long,
        env = "PATRON_TLS_CLIENT_CERTIFICATES",
        value_name = "WHETHER",
        default_value = "required"
    )]
    pub tls_client_certificates: ClientCertificates,

    /// Time in seconds between two looks at the certificate files.
    ///
    /// The files are compared by content, so a swapped link counts as a change.
    #[arg(
        long,
        env = "PATRON_TLS_RELOAD_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    pub tls_reload_seconds: u64,
}

impl TlsSettings {
    /// The files of the listeners; `None` where they speak plain text.
    #[must_use]
    pub fn files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles {
            certificate,
            key,
            client_ca: self.tls_client_ca.clone(),
            client_certificates: self.tls_client_certificates,
        })
    }

    /// Time between two looks at them.
    #[must_use]
    pub fn reload_interval(&self) -> Duration {
        Duration::from_secs(self.tls_reload_seconds)
    }

    /// Everything that is wrong with them.
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let given = [
            (names::TLS_CERTIFICATE, self.tls_certificate.is_some()),
            (names::TLS_KEY, self.tls_key.is_some()),
        ];
        let wants_tls = self.tls_client_ca.is_some() || given.iter().any(|(_, given)| *given);
        if wants_tls {
            let missing = given.into_iter().filter(|(_, given)| !given);
            problems.extend(missing.map(|(setting, _)| Problem {
                setting,
                kind: ProblemKind::MissingForTls,
            }));
        }
        let files = self.files();
        let found = files.map(|files| files.problems()).unwrap_or_default();
        problems.extend(found.into_iter().map(|problem| Problem {
            setting: self.setting_of(problem.path()),
            kind: ProblemKind::Certificate(problem),
        }));
    }

    /// The setting that names a file.
    fn setting_of(&self, path: Option<&Path>) -> &'static str {
        if path.is_some() && path == self.tls_key.as_deref() {
            names::TLS_KEY
        } else if path.is_some() && path == self.tls_client_ca.as_deref() {
            names::TLS_CLIENT_CA
        } else {
            names::TLS_CERTIFICATE
        }
    }
}

/// The way to the database: its encryption, and where the password is.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub struct DatabaseWaySettings {
    /// File with the authorities of the database's certificate, as PEM, besides those that the system trusts.
    ///
    /// The server is then verified (sslmode=verify-full) unless DATABASE_URL sets sslmode=verify-ca.
    #[arg(
        long = "database-root-certificate",
        env = "PATRON_DATABASE_ROOT_CERTIFICATE",
        value_name = "FILE"
    )]
    pub root_certificate: Option<PathBuf>,

    /// File with the password of the database's user; it is read again when Postgres refuses the last one, so a changed password needs no restart.
    ///
    /// A line break at its end does not count. DATABASE_URL then has none.
    #[arg(
        long = "database-password-file",
        env = "PATRON_DATABASE_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub password_file: Option<PathBuf>,

    /// Allow a database on another machine without encryption.
    ///
    /// Off by default: everybody on the way could read customers and the password. The variable takes 1 or 0, true or false.
    #[arg(
        long = "allow-plain-database",
        env = "PATRON_ALLOW_PLAIN_DATABASE",
        value_parser = BoolishValueParser::new()
    )]
    pub allow_plain: bool,
}

impl DatabaseWaySettings {
    /// The database at `url`, reached as these settings say.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn target(&self, url: &DatabaseUrl) -> Result<Target, InvalidUrl> {
        let mut target = Target::parse(url.expose())?;
        if let Some(file) = &self.root_certificate {
            target = target.with_root_certificate(file);
        }
        if let Some(file) = &self.password_file {
            target = target.with_password_file(file);
        }
        Ok(target)
    }

    /// Everything that is wrong with them for the database at `url`. A URL that cannot be read has a problem of its own.
    #[must_use]
    pub fn problems(&self, url: &DatabaseUrl) -> Vec<Problem> {
        let mut problems = vec![];
        let mut add = |setting, kind| problems.push(Problem { setting, kind });
        if let Some(file) = &self.root_certificate
            && let Err(problem) = read_certificates(file)
        {
            add(names::DATABASE_ROOT, ProblemKind::Certificate(problem));
        }
        if let Some(file) = &self.password_file {
            match std::fs::read_to_string(file) {
                Err(cause) => {
                    let (path, cause) = (file.display().to_string(), cause.to_string());
                    add(
                        names::DATABASE_PASSWORD,
                        ProblemKind::Unreadable { path, cause },
                    );
                }
                Ok(password) if password.trim().is_empty() => {
                    let path = file.display().to_string();
                    add(names::DATABASE_PASSWORD, ProblemKind::NoPassword { path });
                }
                Ok(_) if url.has_password() => {
                    add(names::DATABASE_URL, ProblemKind::TwoPasswords);
                }
                Ok(_) => {}
            }
        }
        if !url.is_postgres() {
            return problems;
        }
        for file in url.certificate_files() {
            if let Err(cause) = std::fs::metadata(&file) {
                let (path, cause) = (file.display().to_string(), cause.to_string());
                add(names::DATABASE_URL, ProblemKind::NoFile { path, cause });
            }
        }
        let target = match self.target(url) {
            Ok(target) => target,
            Err(error) => {
                let cause = error.to_string();
                add(names::DATABASE_URL, ProblemKind::InvalidUrl { cause });
                return problems;
            }
        };
        let protection = target.protection();
        let is_plain = !target.is_local() && !protection.is_encrypted();
        let has_root = self.root_certificate.is_some() || url.names_root();
        if has_root && !protection.checks_certificate() && protection != Protection::Socket {
            let mode = protection.as_str();
            add(names::DATABASE_URL, ProblemKind::RootWithoutCheck { mode });
        } else if is_plain && !self.allow_plain {
            let host = target.host();
            let mode = protection.as_str();
            add(
                names::DATABASE_URL,
                ProblemKind::PlainDatabase { host, mode },
            );
        }
        problems
    }
}
