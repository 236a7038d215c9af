//! Amounts of money in cells: a number, perhaps with the sign or code of its currency, to whole minor units.

use super::number::{Number, Numbers};
use crate::cli::text::currency_exponent;

/// Greatest amount that Patron takes, in minor units.
pub const LIMIT_MINOR: i64 = 1_000_000_000_000_000;

/// Signs of currencies, longer ones first, with the codes that they stand for.
const SIGNS: [(&str, &[&str]); 16] = [
    ("US$", &["USD"]),
    ("CA$", &["CAD"]),
    ("AU$", &["AUD"]),
    ("R$", &["BRL"]),
    ("Fr.", &["CHF"]),
    ("z\u{142}", &["PLN"]),
    ("K\u{10d}", &["CZK"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
    ("\u{20ac}", &["EUR"]),
    ("\u{a3}", &["GBP"]),
    ("\u{a5}", &["JPY", "CNY"]),
    ("\u{20b9}", &["INR"]),
    ("\u{20ba}", &["TRY"]),
    ("\u{20bd}", &["RUB"]),
    ("\u{20a9}", &["KRW"]),
    (
        "$",
        &[
            "USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD",
        ],
    ),
];

/// Differences up to this share of a number are noise of binary arithmetic, not digits that a person wrote.
const NOISE_SHARE: f64 = 1e-12;
/// And never more than this, whatever the number.
const NOISE_LIMIT: f64 = 1e-6;

/// An amount in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Never negative.
    pub minor: i64,
    /// Whether it has a minus sign; a zero may have one too.
    pub negative: bool,
}

impl Amount {
    /// The amount with its sign.
    #[must_use]
    pub fn signed(self) -> i64 {
        if self.negative {
            -self.minor
        } else {
            self.minor
        }
    }
}

/// Reads an amount of a currency. A sign or code of a currency in the cell has to be that of `currency`.
///
/// # Errors
///
/// A sentence that states what is wrong and what is accepted.
pub fn parse_amount(text: &str, currency: &str, numbers: Numbers) -> Result<Amount, String> {
    to_minor(
        parse_number(text, currency, numbers)?,
        text,
        currency,
        numbers,
    )
}

/// Reads the number of a cell of a currency, without rounding.
///
/// # Errors
///
/// A sentence that states what is wrong and what is accepted.
pub fn parse_number(text: &str, currency: &str, numbers: Numbers) -> Result<Number, String> {
    let text = text.trim();
    let (number, codes) = take_currency(text);
    if !codes.is_empty() && !codes.iter().any(|code| code == currency) {
        return Err(format!(
            "{text:?} is in {}, but the currency of the row is {currency}",
            codes.join(" or ")
        ));
    }
    Number::parse(&number, numbers)
}

/// A number in minor units of a currency.
///
/// Digits beyond the decimals of the currency are refused, unless they are zeros, noise of binary arithmetic (118.22999999999999), or `round`
/// is set.
///
/// # Errors
///
/// A sentence that states what is wrong and what to do.
pub fn to_minor(
    number: Number,
    text: &str,
    currency: &str,
    numbers: Numbers,
) -> Result<Amount, String> {
    let text = text.trim();
    let decimals = currency_exponent(currency).unwrap_or(0);
    let too_large = || format!("{text:?} is too large: at most 10^15 minor units are allowed");
    let (minor, lost) = number.rounded(decimals).ok_or_else(too_large)?;
    if lost && !numbers.round && !is_noise(number, minor, decimals) {
        return Err(format!(
            "{text:?} has more decimals than {currency}, which has {decimals}: set --round to round it"
        ));
    }
    let minor = i64::try_from(minor)
        .ok()
        .filter(|minor| *minor <= LIMIT_MINOR);
    Ok(Amount {
        minor: minor.ok_or_else(too_large)?,
        negative: number.negative,
    })
}

/// Whether a number differs from the rounded one by no more than sums of binary fractions do.
fn is_noise(number: Number, rounded: i128, decimals: u32) -> bool {
    let exact = Number {
        negative: false,
        ..number
    };
    let near = Number {
        negative: false,
        digits: rounded,
        scale: decimals,
    };
    let (exact, near) = (exact.to_f64(), near.to_f64());
    (exact - near).abs() <= (near * NOISE_SHARE).min(NOISE_LIMIT)
}

/// The currency that a cell names by its code, or by a sign that only one currency has.
///
/// # Errors
///
/// A sentence that states that there is none, or that several have the sign.
pub fn currency_in(text: &str) -> Result<String, String> {
    let (_, codes) = take_currency(text.trim());
    match &codes[..] {
        [code] => Ok(code.clone()),
        [] => Err(format!(
            "{text:?} has no currency: write it as a code, for example 12.50 EUR"
        )),
        several => Err(format!(
            "{text:?} can be in {}: set --currency",
            several.join(", ")
        )),
    }
}

/// A cell without the sign or code of a currency, and the codes that it can mean.
fn take_currency(text: &str) -> (String, Vec<String>) {
    let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    for (sign, codes) in SIGNS {
        if let Some(at) = text.find(sign) {
            let rest = format!("{}{}", &text[..at], &text[at + sign.len()..]);
            return (tidy(&rest), owned(codes));
        }
    }
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let letters = text.trim_matches(|c| !is_letter(c));
    let is_code = letters.len() == 3 && letters.chars().all(is_letter);
    let code = letters.to_ascii_uppercase();
    if is_code && currency_exponent(&code).is_some() {
        return (tidy(&text.replace(letters, "")), vec![code]);
    }
    (text.to_owned(), vec![])
}

/// A number without the blanks that stood between it and its currency.
fn tidy(text: &str) -> String {
    let is_blank = |c: char| c.is_whitespace();
    let text = text.trim_matches(is_blank);
    match text.strip_prefix(['-', '(']) {
        Some(rest) => format!("{}{}", &text[..1], rest.trim_matches(is_blank)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Numbers = Numbers {
        comma: false,
        thousands: None,
        round: false,
    };

    fn minor(text: &str, currency: &str, numbers: Numbers) -> Result<i64, String> {
        parse_amount(text, currency, numbers).map(Amount::signed)
    }

    #[test]
    fn decimal_text_becomes_whole_minor_units_exactly() {
        for (text, currency, expected) in [
            ("29.33", "EUR", 2_933),
            ("0.0", "EUR", 0),
            ("0.1", "EUR", 10),
            (".5", "EUR", 50),
            ("7.", "EUR", 700),
            ("-12.50", "EUR", -1_250),
            ("+3", "EUR", 300),
            ("1.2300", "EUR", 123),
            ("1999", "JPY", 1_999),
            ("1999.00", "JPY", 1_999),
            ("1.234", "KWD", 1_234),
            ("1.25E+4", "EUR", 1_250_000),
            ("10000000000000", "EUR", LIMIT_MINOR),
            // A float would make this 1999999999999.98 or so.
            ("1999999999999.99", "EUR", 199_999_999_999_999),
        ] {
            assert_eq!(minor(text, currency, PLAIN), Ok(expected), "{text}");
        }
        let comma = Numbers {
            comma: true,
            ..PLAIN
        };
        assert_eq!(minor("12,50", "EUR", comma), Ok(1_250));
    }

    #[test]
    fn noise_of_binary_arithmetic_is_no_digit_that_somebody_wrote() {
        assert_eq!(minor("118.22999999999999", "EUR", PLAIN), Ok(11_823));
        assert_eq!(minor("47.410000000000004", "EUR", PLAIN), Ok(4_741));
        assert_eq!(minor("-0.30000000000000004", "EUR", PLAIN), Ok(-30));
        for wrong in ["118.234", "118.2299", "0.0000001", "12345678901.1234"] {
            let reason = minor(wrong, "EUR", PLAIN).unwrap_err();
            assert!(reason.contains("--round"), "{wrong}: {reason}");
        }
        let round = Numbers {
            round: true,
            ..PLAIN
        };
        assert_eq!(minor("118.235", "EUR", round), Ok(11_824));
        assert_eq!(minor("-118.234", "EUR", round), Ok(-11_823));
    }

    #[test]
    fn signs_and_codes_of_the_currency_may_stand_in_the_cell() {
        for text in [
            "\u{20ac}5",
            "5 \u{20ac}",
            "5.00 EUR",
            "EUR 5",
            "eur5.00",
            "\u{20ac} 5.00",
        ] {
            assert_eq!(minor(text, "EUR", PLAIN), Ok(500), "{text}");
        }
        assert_eq!(minor("-\u{20ac}5", "EUR", PLAIN), Ok(-500));
        assert_eq!(minor("(\u{20ac} 5.00)", "EUR", PLAIN), Ok(-500));
        assert_eq!(minor("$5", "CAD", PLAIN), Ok(500));
        assert!(
            minor("5 USD", "EUR", PLAIN)
                .unwrap_err()
                .contains("is in USD")
        );
        assert_eq!(currency_in("5 EUR").as_deref(), Ok("EUR"));
        assert_eq!(currency_in("\u{a3}5").as_deref(), Ok("GBP"));
        assert!(currency_in("$5").unwrap_err().contains("USD, CAD"));
        assert!(currency_in("5").is_err());
    }

    #[test]
    fn what_could_be_misread_is_refused_with_a_hint() {
        let comma = Numbers {
            comma: true,
            ..PLAIN
        };
        for (text, numbers, part) in [
            ("1,234.56", PLAIN, "--thousands ,"),
            ("1.234,56", comma, "--thousands ."),
            ("12,50", PLAIN, "--decimal-comma"),
            ("12.50", comma, "--decimal-comma"),
            ("1 234", PLAIN, "--thousands space"),
            ("1'234", PLAIN, "thousands separators"),
            ("1.2.3", PLAIN, "several decimal separators"),
            ("1.234", PLAIN, "more decimals"),
            ("five", PLAIN, "not a number"),
            ("NaN", PLAIN, "not a number"),
            ("-", PLAIN, "not a number"),
            ("", PLAIN, "not a number"),
            (".", PLAIN, "not a number"),
            ("--1", PLAIN, "not a number"),
            ("10000000000000.01", PLAIN, "too large"),
            ("99999999999999999999999", PLAIN, "too large"),
        ] {
            let reason = minor(text, "EUR", numbers).unwrap_err();
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }
}
