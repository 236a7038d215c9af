//! Reads `grpc-timeout` exactly as "gRPC over HTTP2" specifies it. What follows from it is decided elsewhere.

use std::time::Duration;

use http::HeaderMap;

/// Why a `grpc-timeout` header was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 8 digits and one unit of H, M, S, m, u, n, sent once")]
pub struct InvalidTimeout;

/// Reads `grpc-timeout`; `Ok(None)` when the caller sent none.
///
/// The specification asks for a positive integer; zero is read as "already over", for the Go client sends `0n` when its deadline has
/// passed.
///
/// # Errors
///
/// [`InvalidTimeout`] for anything else than 1 to 8 digits and a unit, and for more than one header.
pub fn parse_timeout(headers: &HeaderMap) -> Result<Option<Duration>, InvalidTimeout> {
    let mut values = headers.get_all("grpc-timeout").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(InvalidTimeout);
    }
    let Some((unit, digits)) = value.as_bytes().split_last() else {
        return Err(InvalidTimeout);
    };
    if digits.is_empty() || digits.len() > 8 {
        return Err(InvalidTimeout);
    }
    let mut amount: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(InvalidTimeout);
        }
        amount = amount * 10 + u64::from(digit - b'0');
    }
    let timeout = match unit {
        b'H' => Duration::from_secs(amount * 3600),
        b'M' => Duration::from_secs(amount * 60),
        b'S' => Duration::from_secs(amount),
        b'm' => Duration::from_millis(amount),
        b'u' => Duration::from_micros(amount),
        b'n' => Duration::from_nanos(amount),
        _ => return Err(InvalidTimeout),
    };
    Ok(Some(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Result<Duration, InvalidTimeout>) {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", header.parse().unwrap());
        assert_eq!(parse_timeout(&headers), expected.map(Some), "{header:?}");
    }

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        check("2H", Ok(Duration::from_hours(2)));
        check("3M", Ok(Duration::from_mins(3)));
        check("42S", Ok(Duration::from_secs(42)));
        check("500m", Ok(Duration::from_millis(500)));
        check("7u", Ok(Duration::from_micros(7)));
        check("82n", Ok(Duration::from_nanos(82)));
        check("0n", Ok(Duration::ZERO));
        check("99999999H", Ok(Duration::from_hours(99_999_999)));
        check("00000001S", Ok(Duration::from_secs(1)));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "S",
            "1",
            "1s",
            "1x",
            "1.5S",
            "-1S",
            "+1S",
            " 1S",
            "1 S",
            "1S ",
            "123456789m",
            "1mS",
            "0x1S",
            "1e3m",
            "١S",
        ] {
            check(bad, Err(InvalidTimeout));
        }
        let mut twice = HeaderMap::new();
        twice.append("grpc-timeout", "1S".parse().unwrap());
        twice.append("grpc-timeout", "2S".parse().unwrap());
        assert_eq!(parse_timeout(&twice), Err(InvalidTimeout));
        assert_eq!(parse_timeout(&HeaderMap::new()), Ok(None));
    }
}
