//! Amounts of money as people write them in conditions and definitions. Exact: no floating-point number is involved.

use crate::domain::money::{Currency, Money, UnknownCurrency};

/// Reads an amount such as `5000 EUR`, `-19.99 EUR`.
///
/// # Errors
/// A sentence that says why it is none.
pub fn parse(text: &str) -> Result<Money, String> {
    let refused = || format!("{text:?} is not an amount of money");
    let (amount, code) = text.split_once(' ').ok_or_else(refused)?;
    let currency: Currency = code
        .parse()
        .map_err(|error: UnknownCurrency| error.to_string())?;
    let (sign, digits) = amount
        .strip_prefix('-')
        .map_or((1, amount), |rest| (-1, rest));
    let (major, minor) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if major.is_empty()
        || !is_number(major)
        || !is_number(minor)
        || (minor.is_empty() && digits.contains('.'))
    {
        return Err(refused());
    }
    let decimals = currency.exponent() as usize;
    if minor.len() > decimals {
        return Err(format!(
            "{currency} has {decimals} decimals, not {}",
            minor.len()
        ));
    }
    format!("{major}{minor:0<decimals$}")
        .parse::<i64>()
        .map(|value| Money {
            amount_minor: sign * value,
            currency,
        })
        .map_err(|_| format!("{text:?} is too large"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, minor) in [
            ("5000 EUR", 500_000),
            ("19.9 EUR", 1_990),
            ("-0.05 USD", -5),
            ("1999 JPY", 1_999),
            ("1.234 KWD", 1_234),
        ] {
            assert_eq!(parse(text).unwrap().amount_minor, minor, "{text}");
        }
        for text in [
            "5000",
            "EUR 5000",
            "5,000 EUR",
            "5000  EUR",
            "5000 eur",
            "1.999 EUR",
            "1. EUR",
            ".5 EUR",
            "1.5 JPY",
            "+5 EUR",
            "99999999999999999999 EUR",
            "",
            " EUR",
            "--5 EUR",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
