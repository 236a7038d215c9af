//! Numbers as people and programs write them, read exactly: decimal text to whole digits, never through a float.

/// How the numbers of a file are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Whether the decimal separator is a comma.
    pub comma: bool,
    /// The separator of thousands. `None`: there is none, and what looks like one is refused.
    pub thousands: Option<char>,
    /// Whether digits beyond the decimals of a currency are rounded instead of refused.
    pub round: bool,
}

/// Most digits of a number: more than any amount, rate or product of the two has, and few enough for exact arithmetic.
const DIGITS: usize = 30;
/// Greatest power of ten of a number in scientific notation.
const POWER: i32 = 18;

/// A decimal number: `digits` / 10^`scale`, negative or not. A zero keeps its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Whether it has a minus sign, before or behind it, or stands in parentheses.
    pub negative: bool,
    /// All its digits.
    pub digits: i128,
    /// How many of them are decimals.
    pub scale: u32,
}

impl Number {
    /// Reads a number: `-12.50`, `12.50-`, `(12.50)`, `1.25E+4`, with the separators of `numbers`.
    ///
    /// # Errors
    ///
    /// A sentence that states what is wrong and what is accepted.
    pub fn parse(text: &str, numbers: Numbers) -> Result<Self, String> {
        let shown = text.trim();
        let point = if numbers.comma { ',' } else { '.' };
        let wrong = || format!("{shown:?} is not a number: write digits, for example 12{point}50");
        let (negative, magnitude) = take_sign(shown).ok_or_else(wrong)?;
        let (mantissa, power) = match magnitude.split_once(['e', 'E']) {
            Some((mantissa, power)) => {
                let power: i32 = power.parse().map_err(|_| wrong())?;
                (mantissa, power)
            }
            None => (magnitude, 0),
        };
        let plain = ungroup(shown, mantissa, numbers)?;
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let empty = whole.is_empty() && fraction.is_empty();
        if empty || !all_digits(whole) || !all_digits(fraction) {
            return Err(wrong());
        }
        let digits = format!("{whole}{fraction}");
        if digits.trim_start_matches('0').len() > DIGITS
            || power.unsigned_abs() > POWER.unsigned_abs()
        {
            return Err(format!(
                "{shown:?} is too large: at most {DIGITS} digits are allowed"
            ));
        }
        let mut digits: i128 = digits.parse().map_err(|_| wrong())?;
        let mut scale = i32::try_from(fraction.len()).unwrap_or(i32::MAX) - power;
        while scale < 0 {
            digits = digits.checked_mul(10).ok_or_else(wrong)?;
            scale += 1;
        }
        Ok(Self {
            negative,
            digits,
            scale: scale.unsigned_abs(),
        })
    }

    /// The product of two numbers. `None` when it has more digits than can be kept.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Some(Self {
            negative: self.negative != other.negative,
            digits: self.digits.checked_mul(other.digits)?,
            scale: self.scale + other.scale,
        })
    }

    /// The sum of two numbers. `None` when it has more digits than can be kept. A sum of 0 has a sign if one of them has:
    /// what cancels out is not free.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let signed = |number: Self| {
            let power = 10_i128.checked_pow(scale - number.scale)?;
            let digits = number.digits.checked_mul(power)?;
            Some(if number.negative { -digits } else { digits })
        };
        let sum = signed(self)?.checked_add(signed(other)?)?;
        Some(Self {
            negative: sum < 0 || (sum == 0 && (self.negative || other.negative)),
            digits: sum.checked_abs()?,
            scale,
        })
    }

    /// Its magnitude with so many decimals, rounded half away from zero, and whether digits were lost.
    #[must_use]
    pub fn rounded(self, decimals: u32) -> Option<(i128, bool)> {
        if self.scale <= decimals {
            let power = 10_i128.checked_pow(decimals - self.scale)?;
            return Some((self.digits.checked_mul(power)?, false));
        }
        let Some(power) = 10_i128.checked_pow(self.scale - decimals) else {
            return Some((0, self.digits != 0));
        };
        let (kept, beyond) = (self.digits / power, self.digits % power);
        Some((kept + i128::from(beyond >= power - beyond), beyond != 0))
    }

    /// The number, if it is a whole one.
    #[must_use]
    pub fn to_whole(self) -> Option<i64> {
        let (digits, lost) = self.rounded(0)?;
        let whole = if self.negative { -digits } else { digits };
        i64::try_from(whole).ok().filter(|_| !lost)
    }

    /// The number as a float, where that is what is wanted.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.to_text().parse().unwrap_or(f64::NAN)
    }

    /// The number with a decimal point and nothing else.
    #[must_use]
    pub fn to_text(self) -> String {
        let sign = if self.negative && self.digits != 0 {
            "-"
        } else {
            ""
        };
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.digits, width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if scale == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// The sign of a number, and the rest. `None` when it has several.
fn take_sign(text: &str) -> Option<(bool, &str)> {
    let (brackets, text) = match text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(inner) => (true, inner.trim()),
        None => (false, text),
    };
    let is_minus = |c: char| c == '-' || c == '\u{2212}';
    let (before, text) = match text.strip_prefix(is_minus) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (behind, text) = match text.strip_suffix(is_minus) {
        Some(rest) => (true, rest.trim_end()),
        None => (false, text),
    };
    let signs = [brackets, before, behind];
    let count = signs.into_iter().filter(|sign| *sign).count();
    (count <= 1).then_some((count == 1, text))
}

/// A number without separators of thousands and with a decimal point.
fn ungroup(shown: &str, text: &str, numbers: Numbers) -> Result<String, String> {
    let (point, other) = if numbers.comma {
        (',', '.')
    } else {
        ('.', ',')
    };
    let Some(separator) = numbers.thousands else {
        if let Some(problem) = separator_problem(shown, text, point, other) {
            return Err(problem);
        }
        return Ok(text.replace(point, "."));
    };
    let (whole, fraction) = text.split_once(point).unwrap_or((text, ""));
    let mut groups = whole.split(|c| is_separator(c, separator));
    let first = groups.next().unwrap_or("");
    let mut plain = first.to_owned();
    let mut grouped = false;
    for group in groups {
        grouped = true;
        if group.len() != 3 {
            return Err(format!(
                "{shown:?} is not grouped by thousands: {separator:?} stands before {} digits, not 3",
                group.len()
            ));
        }
        plain.push_str(group);
    }
    if grouped && !(1..=3).contains(&first.len()) {
        return Err(format!(
            "{shown:?} is not grouped by thousands: its first group has {} digits",
            first.len()
        ));
    }
    if let Some(problem) = separator_problem(shown, &plain, point, other) {
        return Err(problem);
    }
    if !fraction.is_empty() {
        plain.push('.');
        plain.push_str(fraction);
    }
    Ok(plain)
}

/// Whether a character separates thousands: blanks and apostrophes have several forms.
fn is_separator(c: char, separator: char) -> bool {
    match separator {
        ' ' => matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'),
        '\'' => matches!(c, '\'' | '\u{2019}'),
        _ => c == separator,
    }
}

/// What is wrong with the separators of a number that should have none but the decimal one.
fn separator_problem(shown: &str, text: &str, point: char, other: char) -> Option<String> {
    let has = |separator: char| text.contains(separator);
    let grouped = |with: &str| {
        Some(format!(
            "{shown:?} has thousands separators: set --thousands {with}"
        ))
    };
    if has('\'') || has('\u{2019}') {
        return grouped("\"'\"");
    }
    if text.contains([' ', '\u{a0}', '\u{202f}', '\u{2009}']) {
        return grouped("space");
    }
    if !has(other) {
        return (text.matches(point).count() > 1).then(|| {
            format!("{shown:?} has several decimal separators: --decimal-comma and --thousands state what they mean")
        });
    }
    if has(point) || text.matches(other).count() > 1 {
        return grouped(&other.to_string());
    }
    Some(if other == ',' {
        format!(
            "{shown:?} has a comma: set --decimal-comma if it is the decimal separator, or --thousands ,"
        )
    } else {
        format!(
            "{shown:?} has a point although --decimal-comma is set: set --thousands . if it separates thousands"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Numbers = Numbers {
        comma: false,
        thousands: None,
        round: false,
    };

    #[track_caller]
    fn check(text: &str, numbers: Numbers, expected: &str) {
        let read = Number::parse(text, numbers).map(Number::to_text);
        assert_eq!(read.as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn signs_stand_before_behind_or_around_a_number() {
        for text in ["-12.50", "12.50-", "(12.50)", "\u{2212}12.50", "- 12.50"] {
            check(text, PLAIN, "-12.50");
        }
        assert!(Number::parse("(-12)", PLAIN).is_err());
        assert!(Number::parse("-12-", PLAIN).is_err());
        assert!(Number::parse("-0.00", PLAIN).unwrap().negative);
    }

    #[test]
    fn scientific_notation_is_read_exactly() {
        check("1.25E+4", PLAIN, "12500");
        check("1.2e6", PLAIN, "1200000");
        check("125e-2", PLAIN, "1.25");
        assert!(Number::parse("1e99", PLAIN).is_err());
        for power in [i32::MIN, i32::MAX] {
            assert!(Number::parse(&format!("1e{power}"), PLAIN).is_err());
            assert!(Number::parse(&format!("0e{power}"), PLAIN).is_err());
        }
        assert!(Number::parse("1e", PLAIN).is_err());
    }

    #[test]
    fn thousands_are_read_where_an_option_states_their_separator() {
        let with = |comma, thousands| Numbers {
            comma,
            thousands: Some(thousands),
            round: false,
        };
        check("1,299.00", with(false, ','), "1299.00");
        check("1.250,00", with(true, '.'), "1250.00");
        check("12\u{202f}345,6", with(true, ' '), "12345.6");
        check("1\u{2019}000", with(false, '\''), "1000");
        check("999.5", with(false, ','), "999.5");
        for wrong in ["1,29", "1234,567.00", ",123", "1,234,56"] {
            let reason = Number::parse(wrong, with(false, ',')).unwrap_err();
            assert!(
                reason.contains("not grouped by thousands"),
                "{wrong}: {reason}"
            );
        }
        let hint = Number::parse("1.250,00", with(false, ',')).unwrap_err();
        assert!(hint.contains("1.250,00"), "{hint}");
    }

    #[test]
    fn products_and_sums_are_exact() {
        let number = |text: &str| Number::parse(text, PLAIN).unwrap();
        let sum = number("6")
            .times(number("2.55"))
            .unwrap()
            .plus(number("2").times(number("3.39")).unwrap())
            .unwrap();
        assert_eq!(sum.to_text(), "22.08");
        let refund = number("-1").times(number("2.55")).unwrap();
        assert_eq!(refund.to_text(), "-2.55");
        assert_eq!(number("0.125").rounded(2), Some((13, true)));
        assert_eq!(number("1.2").rounded(2), Some((120, false)));
    }
}
