//! Several hosts in one URL, as libpq reads them and sqlx does not: `postgres://ann@first:5432,second:5433/shop?target_session_attrs=read-write`.

use std::borrow::Cow;

use form_urlencoded::{Serializer, parse};
use sqlx::postgres::PgConnectOptions;

/// The parameter that says what a server must be fit for.
const ATTRIBUTES: &str = "target_session_attrs";

/// What a server must be fit for to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fitness {
    /// Nothing: the first that answers.
    Any,
    /// Its sessions take writes.
    ReadWrite,
    /// It is no standby.
    Primary,
}

impl Fitness {
    /// As the parameter has it; `None` for what a service that writes cannot use, or nobody knows.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "any" => Some(Self::Any),
            "read-write" => Some(Self::ReadWrite),
            "primary" => Some(Self::Primary),
            _ => None,
        }
    }
}

/// The hosts of a URL, each with all that it says besides, and what they must be fit for. That is `read-write` where there are several and the URL
/// does not say: a service that writes has no use for the first that answers.
///
/// # Errors
/// When the URL cannot be read.
pub(super) fn read(url: &str) -> Result<(Vec<PgConnectOptions>, Fitness), sqlx::Error> {
    let (address, parameters) = match url.split_once('?') {
        Some((address, parameters)) => (address, parameters),
        None => (url, ""),
    };
    let (fitness, parameters) = take_fitness(parameters)?;
    let parts = Parts::of(address);
    let hosts = parts.hosts.split(',').map(|host| {
        let Parts { before, after, .. } = parts;
        format!("{before}{host}{after}{parameters}").parse()
    });
    let hosts: Vec<PgConnectOptions> = hosts.collect::<Result<_, _>>()?;
    let default = match hosts.len() {
        1 => Fitness::Any,
        _ => Fitness::ReadWrite,
    };
    Ok((hosts, fitness.unwrap_or(default)))
}

/// The parts of an address: the scheme and user, the hosts with their ports, and the database.
#[derive(Clone, Copy)]
struct Parts<'a> {
    before: &'a str,
    hosts: &'a str,
    after: &'a str,
}

impl<'a> Parts<'a> {
    fn of(address: &'a str) -> Self {
        let scheme = address.find("://").map_or(0, |at| at + "://".len());
        // The last '@' ends a password, as where the URL is shown.
        let user = address[scheme..].rfind('@').map_or(0, |at| at + 1);
        let (before, rest) = address.split_at(scheme + user);
        let (hosts, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self {
            before,
            hosts,
            after,
        }
    }
}

/// Takes what servers must be fit for out of the parameters; the rest is for sqlx.
fn take_fitness(parameters: &str) -> Result<(Option<Fitness>, Cow<'_, str>), sqlx::Error> {
    let mut fitness = None;
    let mut rest = Serializer::new(String::from("?"));
    for (name, value) in parse(parameters.as_bytes()) {
        if name == ATTRIBUTES {
            let known = Fitness::parse(&value).ok_or_else(|| {
                let known = "any, read-write or primary";
                let text =
                    format!("{ATTRIBUTES} is {known} for a service that writes, not {value:?}");
                sqlx::Error::Configuration(text.into())
            })?;
            fitness = Some(known);
        } else {
            rest.append_pair(&name, &value);
        }
    }
    Ok(match (fitness, parameters) {
        (None, "") => (None, Cow::Borrowed("")),
        // As it was given.
        (None, given) => (None, format!("?{given}").into()),
        (Some(fitness), _) => (Some(fitness), rest.finish().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, hosts: &[(&str, u16)], fitness: Fitness) {
        let (read, found) = read(url).unwrap();
        let read = read.iter().map(|it| (it.get_host(), it.get_port()));
        assert_eq!(read.collect::<Vec<_>>(), hosts, "{url}");
        assert_eq!(found, fitness, "{url}");
    }

    #[test]
    fn one_host_is_used_whatever_it_is_fit_for() {
        check("postgres://ann@db/shop", &[("db", 5432)], Fitness::Any);
        check(
            "postgres://ann@db:6000/shop?target_session_attrs=primary&sslmode=require",
            &[("db", 6000)],
            Fitness::Primary,
        );
    }

    #[test]
    fn of_several_hosts_each_has_its_port_and_one_takes_writes() {
        check(
            "postgres://ann:pa%2Fss@first:6000,second,[::1]:6001/shop?sslmode=disable",
            &[("first", 6000), ("second", 5432), ("[::1]", 6001)],
            Fitness::ReadWrite,
        );
        check(
            "postgres://a,b/shop?target_session_attrs=any",
            &[("a", 5432), ("b", 5432)],
            Fitness::Any,
        );
    }

    #[test]
    fn each_host_has_all_that_the_url_says() {
        let url = "postgresql://ann:p%40ss@a,b/shop?target_session_attrs=read-write&sslmode=verify-full&application_name=x%20y";
        let (hosts, _) = read(url).unwrap();
        for host in hosts {
            assert_eq!(host.get_username(), "ann");
            assert_eq!(host.get_database(), Some("shop"));
            assert_eq!(host.get_application_name(), Some("x y"));
            let mode = host.get_ssl_mode();
            assert!(matches!(mode, sqlx::postgres::PgSslMode::VerifyFull));
        }
    }

    #[test]
    fn what_a_service_that_writes_cannot_use_is_refused() {
        for other in ["standby", "read-only", "prefer-standby", "READ-WRITE", ""] {
            let url = format!("postgres://a,b/shop?target_session_attrs={other}");
            let error = read(&url).unwrap_err().to_string();
            assert!(error.contains("any, read-write or primary"), "{error}");
        }
    }
}
