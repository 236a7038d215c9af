//! Amounts as people write them, read exactly: decimal text to whole minor units, never through a float.

/// Greatest amount that Patron takes, in minor units.
pub const LIMIT_MINOR: i64 = 1_000_000_000_000_000;

/// A decimal amount in minor units of a currency with `exponent` decimals. May be negative.
///
/// Zeros beyond the decimals of the currency are accepted, other digits there are refused, and so are thousands separators and
/// currency signs: guessing their meaning could be wrong by a factor of a thousand.
///
/// # Errors
///
/// A sentence that says what is wrong and what would be accepted.
pub fn parse_minor(text: &str, exponent: u32, decimal_comma: bool) -> Result<i64, String> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (point, other) = if decimal_comma {
        (',', '.')
    } else {
        ('.', ',')
    };
    if let Some(problem) = separator_problem(text, digits, point, other) {
        return Err(problem);
    }
    let (whole, fraction) = digits.split_once(point).unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return Err(format!(
            "{text:?} is not an amount: write digits, for example 12{point}50, without a currency sign"
        ));
    }
    let decimals = exponent as usize;
    let (kept, beyond) = fraction.split_at(fraction.len().min(decimals));
    if beyond.bytes().any(|byte| byte != b'0') {
        return Err(format!(
            "{text:?} has more decimals than the currency, which has {decimals}"
        ));
    }
    let minor: i64 = format!("{whole}{kept:0<decimals$}")
        .parse()
        .ok()
        .filter(|minor| *minor <= LIMIT_MINOR)
        .ok_or_else(|| format!("{text:?} is too large: at most 10^15 minor units are allowed"))?;
    Ok(if negative { -minor } else { minor })
}

/// A number with a decimal point instead of the comma that it may be written with; digits are not checked.
///
/// # Errors
///
/// A sentence that says what is wrong with its separators.
pub fn plain_decimal(text: &str, decimal_comma: bool) -> Result<String, String> {
    let text = text.trim();
    let (point, other) = if decimal_comma {
        (',', '.')
    } else {
        ('.', ',')
    };
    match separator_problem(text, text, point, other) {
        Some(problem) => Err(problem),
        None => Ok(text.replace(point, ".")),
    }
}

/// What is wrong with the separators of a number.
fn separator_problem(text: &str, digits: &str, point: char, other: char) -> Option<String> {
    let grouped = |separator: char| digits.contains(separator);
    if grouped('\'') || grouped('_') || digits.contains([' ', '\u{a0}', '\u{202f}', '\u{2019}']) {
        return Some(format!(
            "{text:?} has thousands separators: write it without them"
        ));
    }
    if !grouped(other) {
        return digits.matches(point).nth(1).map(|_| {
            format!("{text:?} has several decimal separators: write it without grouping")
        });
    }
    if grouped(point) || digits.matches(other).count() > 1 {
        return Some(format!(
            "{text:?} has thousands separators: write it without them"
        ));
    }
    Some(if other == ',' {
        format!(
            "{text:?} has a comma: for a decimal comma use --decimal-comma; thousands separators are not supported"
        )
    } else {
        format!(
            "{text:?} has a point although --decimal-comma is set; thousands separators are not supported"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_becomes_whole_minor_units_exactly() {
        for (text, exponent, expected) in [
            ("29.33", 2, 2_933),
            ("0.0", 2, 0),
            ("0.1", 2, 10),
            (".5", 2, 50),
            ("7.", 2, 700),
            ("-12.50", 2, -1_250),
            ("+3", 2, 300),
            ("1.2300", 2, 123),
            ("1999", 0, 1_999),
            ("1999.00", 0, 1_999),
            ("1.234", 3, 1_234),
            ("10000000000000", 2, LIMIT_MINOR),
            // A float would make this 1999999999999.98 or so.
            ("1999999999999.99", 2, 199_999_999_999_999),
        ] {
            assert_eq!(parse_minor(text, exponent, false), Ok(expected), "{text}");
        }
        assert_eq!(parse_minor("12,50", 2, true), Ok(1_250));
    }

    #[test]
    fn what_could_be_misread_is_refused_with_a_hint() {
        for (text, comma, part) in [
            ("1,234.56", false, "thousands separators"),
            ("1.234,56", true, "thousands separators"),
            ("12,50", false, "--decimal-comma"),
            ("12.50", true, "--decimal-comma"),
            ("1 234", false, "thousands separators"),
            ("1'234", false, "thousands separators"),
            ("1.2.3", false, "several decimal separators"),
            ("1.234", false, "more decimals"),
            ("€5", false, "currency sign"),
            ("1e3", false, "not an amount"),
            ("NaN", false, "not an amount"),
            ("-", false, "not an amount"),
            ("", false, "not an amount"),
            (".", false, "not an amount"),
            ("--1", false, "not an amount"),
            ("10000000000000.01", false, "too large"),
            ("99999999999999999999999", false, "too large"),
        ] {
            let reason = parse_minor(text, 2, comma).unwrap_err();
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }
}
