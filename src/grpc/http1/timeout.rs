//! The time limit of a call over HTTP: `Connect-Timeout-Ms`, or `grpc-timeout` as it is.

use http::{HeaderMap, HeaderValue};
use tonic::Status;

use crate::api::error::Violation;
use crate::grpc::status;

const CONNECT_TIMEOUT: &str = "connect-timeout-ms";

/// Most digits of either header.
const MAX_DIGITS: usize = 10;
const MAX_GRPC_MILLIS: u64 = 99_999_999;

/// Puts `grpc-timeout` in place of `Connect-Timeout-Ms`.
///
/// # Errors
/// `INVALID_TIMEOUT`: a caller that meant to set a limit must not wait forever.
pub(super) fn translate(headers: &mut HeaderMap) -> Result<(), Status> {
    let mut values = headers.get_all(CONNECT_TIMEOUT).iter();
    let Some(value) = values.next() else {
        return Ok(());
    };
    let is_single = values.next().is_none() && !headers.contains_key("grpc-timeout");
    let text = value.to_str().unwrap_or_default();
    let is_number =
        (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    let millis: Option<u64> = text.parse().ok().filter(|_| is_number && is_single);
    let Some(millis) = millis else {
        let sentence = "must be 1 to 10 digits, sent once and without grpc-timeout";
        let violation = Violation::new(CONNECT_TIMEOUT, sentence);
        return Err(status::invalid_argument("INVALID_TIMEOUT", vec![violation]));
    };
    // grpc-timeout has eight digits.
    let text = if millis <= MAX_GRPC_MILLIS {
        format!("{millis}m")
    } else {
        format!("{}S", millis.div_ceil(1000))
    };
    // Digits and a letter are a value; the fallback is never taken.
    let value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("0m"));
    headers.insert("grpc-timeout", value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[(&'static str, &str)], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let translated = translate(&mut headers);
        let found = headers.get("grpc-timeout");
        let found = translated
            .is_ok()
            .then(|| found.map_or("", |it| it.to_str().unwrap()));
        assert_eq!(found, expected, "{given:?}");
    }

    #[test]
    fn a_limit_of_connect_becomes_one_of_grpc() {
        check(&[], Some(""));
        check(&[("grpc-timeout", "1S")], Some("1S"));
        check(&[("connect-timeout-ms", "250")], Some("250m"));
        check(&[("connect-timeout-ms", "0")], Some("0m"));
        check(&[("connect-timeout-ms", "99999999")], Some("99999999m"));
        check(&[("connect-timeout-ms", "9999999999")], Some("10000000S"));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", "1s", "-1", "+1", "1.5", "12345678901", " 1"] {
            check(&[("connect-timeout-ms", bad)], None);
        }
        check(
            &[("connect-timeout-ms", "1"), ("connect-timeout-ms", "2")],
            None,
        );
        check(&[("connect-timeout-ms", "1"), ("grpc-timeout", "1S")], None);
    }
}
