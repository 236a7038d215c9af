//! Values that settings are made of: sizes, and a URL that keeps its password to itself.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A number of bytes, written as `268435456`, `256MiB` or `256M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// The text is not a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use a whole number of bytes, or one with a unit: 512kB, 256MiB, 2GB")]
pub struct InvalidByteSize;

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as the machine counts; at most what it can address.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    /// `k`, `M`, `G` and `kB`, `MB`, `GB` count in thousands, `KiB`, `MiB`, `GiB` in 1,024s; case does not matter.
    fn from_str(text: &str) -> Result<Self, InvalidByteSize> {
        let text = text.trim();
        let end = text
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let number: u64 = digits.parse().map_err(|_| InvalidByteSize)?;
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return Err(InvalidByteSize),
        };
        number.checked_mul(factor).map(Self).ok_or(InvalidByteSize)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        for (shift, unit) in units {
            let whole = self.0 >> shift;
            if whole > 0 && whole << shift == self.0 {
                return write!(f, "{whole}{unit}");
            }
        }
        write!(f, "{}", self.0)
    }
}

/// The parameters of a URL that name the authorities of the server's certificate.
const ROOT_PARAMETERS: [&str; 3] = ["sslrootcert", "ssl-root-cert", "ssl-ca"];

/// Those that name the client's own certificate and key.
const CLIENT_PARAMETERS: [&str; 4] = ["sslcert", "ssl-cert", "sslkey", "ssl-key"];

/// URL of a database. Printing it, in whatever way, does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole URL, password included: for the driver only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parameters behind the address.
    fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let parameters = self
            .0
            .split_once('?')
            .map_or("", |(_, parameters)| parameters);
        form_urlencoded::parse(parameters.as_bytes())
    }

    /// Whether it names the authorities of the server's certificate.
    #[must_use]
    pub fn names_root(&self) -> bool {
        self.parameters()
            .any(|(name, _)| ROOT_PARAMETERS.contains(&&*name))
    }

    /// The files of certificates and keys that it names.
    #[must_use]
    pub fn certificate_files(&self) -> Vec<PathBuf> {
        let files = self.parameters().filter(|(name, value)| {
            let is_file =
                CLIENT_PARAMETERS.contains(&&**name) || ROOT_PARAMETERS.contains(&&**name);
            // The value may be the certificate itself.
            is_file && !value.trim_start().starts_with("-----BEGIN")
        });
        files.map(|(_, value)| PathBuf::from(&*value)).collect()
    }

    /// Whether it has a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        let address = self.0.split_once('?').map_or(&*self.0, |(it, _)| it);
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
        user.contains(':') || self.parameters().any(|(name, _)| name == "password")
    }

    /// Whether it has a scheme of Postgres.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.0.starts_with("postgres://") || self.0.starts_with("postgresql://")
    }
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;

    /// Takes everything: a refusal here would make the command line print the value. The settings' validation refuses.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DatabaseUrl {
    /// The URL with the password replaced and without its parameters, which may hold one as well. What is not plainly a URL is not shown
    /// at all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const REDACTED: &str = "redacted";
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str(REDACTED);
        };
        let (rest, parameters) = match rest.split_once('?') {
            // The '?' may be within an unescaped password: which part is which is not certain.
            Some((_, parameters)) if parameters.contains('@') => {
                return write!(f, "{scheme}://{REDACTED}");
            }
            Some((rest, _)) => (rest, "?redacted"),
            None => (rest, ""),
        };
        // A password may hold an unescaped '@' or '/': the last '@' ends it.
        let Some((user, host)) = rest.rsplit_once('@') else {
            return write!(f, "{scheme}://{rest}{parameters}");
        };
        match user.split_once(':') {
            Some((user, _)) => write!(f, "{scheme}://{user}:{REDACTED}@{host}{parameters}"),
            None => write!(f, "{scheme}://{user}@{host}{parameters}"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_size(text: &str, bytes: Option<u64>) {
        assert_eq!(
            text.parse::<ByteSize>().ok().map(ByteSize::bytes),
            bytes,
            "{text:?}"
        );
    }

    #[test]
    fn sizes_are_read_with_and_without_units() {
        check_size("0", Some(0));
        check_size("4096", Some(4096));
        check_size("4096B", Some(4096));
        check_size("512k", Some(512_000));
        check_size("512kB", Some(512_000));
        check_size("512 KiB", Some(524_288));
        check_size("256mib", Some(268_435_456));
        check_size("2GB", Some(2_000_000_000));
        check_size("1GiB", Some(1 << 30));
        for bad in [
            "",
            "MiB",
            "-1",
            "+1",
            "1.5GB",
            "1TB",
            "1 2",
            "99999999999GiB",
            "18446744073709551616",
        ] {
            check_size(bad, None);
        }
    }

    #[test]
    fn a_printed_size_reads_back() {
        for text in ["0", "1000", "4KiB", "256MiB", "3GiB", "1025"] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.to_string(), text);
        }
    }

    #[track_caller]
    fn check_url(url: &str, shown: &str) {
        let url: DatabaseUrl = url.parse().unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
    }

    #[test]
    fn a_url_never_shows_its_password() {
        check_url("postgres://host/db", "postgres://host/db");
        check_url("postgres://ann@host/db", "postgres://ann@host/db");
        check_url(
            "postgres://ann:s3cret@host:5432/db",
            "postgres://ann:redacted@host:5432/db",
        );
        check_url(
            "postgres://ann:s@c:r/t@host/db",
            "postgres://ann:redacted@host/db",
        );
        check_url(
            "postgres://host/db?user=ann&password=s3cret",
            "postgres://host/db?redacted",
        );
        check_url("postgres:///db?host=/run/x", "postgres:///db?redacted");
        check_url("ann:s3cret@host", "redacted");
        check_url("postgres://ann:s3?cret@host/db", "postgres://redacted");
        check_url("postgres://host/db?password=s3@cret", "postgres://redacted");
    }
}
