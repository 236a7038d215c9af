//! Amounts of money: whole minor units of an ISO 4217 currency, never a floating-point number.

mod withdrawn;

use std::{fmt, str::FromStr};

use withdrawn::Withdrawn;

/// An ISO 4217 currency that has a minor unit or is used in whole units, or had while it was current: facts are never refused for the
/// currency they were booked in. Metals, funds codes without an exponent and the testing codes are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(Listed);

/// The list of ISO 4217 that a currency is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Listed {
    Current(iso_currency::Currency),
    Withdrawn(Withdrawn),
}

/// The text is no currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ISO 4217 currency code: write three capitals, for example EUR")]
pub struct UnknownCurrency(String);

impl Currency {
    /// Number of decimals of a major unit: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        match self.0 {
            Listed::Current(currency) => currency.exponent().map_or(0, u32::from),
            Listed::Withdrawn(currency) => currency.exponent().into(),
        }
    }

    /// Minor units in one major unit: 100 for EUR.
    #[must_use]
    pub fn minor_per_major(self) -> f64 {
        10f64.powi(i32::try_from(self.exponent()).unwrap_or(0))
    }

    /// The code, three capitals.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self.0 {
            Listed::Current(currency) => currency.code(),
            Listed::Withdrawn(currency) => currency.code(),
        }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(text)
            .filter(|currency| currency.exponent().is_some() && !matches!(text, "XXX" | "XTS"))
            .map(Listed::Current)
            .or_else(|| Withdrawn::from_code(text).map(Listed::Withdrawn))
            .map(Self)
            .ok_or_else(|| UnknownCurrency(text.chars().take(20).collect()))
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in whole minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Amount in minor units of `currency`.
    pub amount_minor: i64,
    /// The currency.
    pub currency: Currency,
}

/// Greatest amount of a single fact, in minor units: ten trillion in a currency with cents. Nine thousand of them still fit a sum.
pub const MAX_AMOUNT_MINOR: i64 = 1_000_000_000_000_000;

impl Money {
    /// The amount in major units, rounded as `f64` rounds; for the value models.
    #[must_use]
    pub fn major(self) -> f64 {
        minor_to_major(self.amount_minor, self.currency)
    }
}

/// `amount_minor` in major units of `currency`.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "amounts are bounded; the models work in f64"
)]
pub fn minor_to_major(amount_minor: i64, currency: Currency) -> f64 {
    amount_minor as f64 / currency.minor_per_major()
}

/// A computed amount in major units, rounded to minor units, half away from zero. `None` when it is not finite or too large to keep.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the bound is checked before the cast"
)]
pub fn major_to_money(major: f64, currency: Currency) -> Option<Money> {
    let minor = (major * currency.minor_per_major()).round();
    // 2^62: exactly representable, and far beyond any sum of amounts.
    (minor.abs() < 4.6e18).then_some(Money {
        amount_minor: minor as i64,
        currency,
    })
}

impl fmt::Display for Money {
    /// Major units with all decimals of the currency, then the code: `19.99 EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let scale = 10u64.pow(self.currency.exponent());
        let (major, minor) = (
            self.amount_minor.unsigned_abs() / scale,
            self.amount_minor.unsigned_abs() % scale,
        );
        match self.currency.exponent() {
            0 => write!(f, "{sign}{major} {}", self.currency),
            decimals => write!(
                f,
                "{sign}{major}.{minor:0width$} {}",
                self.currency,
                width = decimals as usize
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_the_decimals_of_their_currency() {
        for (amount_minor, code, text) in [
            (1999, "EUR", "19.99 EUR"),
            (-5, "USD", "-0.05 USD"),
            (1999, "JPY", "1999 JPY"),
            (1_234_567, "KWD", "1234.567 KWD"),
            (i64::MIN, "EUR", "-92233720368547758.08 EUR"),
        ] {
            let currency = code.parse().unwrap();
            assert_eq!(
                Money {
                    amount_minor,
                    currency
                }
                .to_string(),
                text
            );
        }
    }

    #[test]
    fn only_spendable_iso_4217_codes_in_capitals_are_currencies() {
        for code in ["EUR", "JPY", "KWD", "CHF"] {
            assert_eq!(code.parse::<Currency>().unwrap().code(), code);
        }
        for code in ["eur", "EURO", "", "XXX", "XTS", "XAU", "ABC", "E R"] {
            assert!(code.parse::<Currency>().is_err(), "{code:?}");
        }
    }

    #[test]
    fn a_currency_that_was_withdrawn_keeps_its_code_and_its_decimals() {
        for (code, text) in [
            ("DEM", "19.99 DEM"),
            ("LTL", "19.99 LTL"),
            ("ANG", "19.99 ANG"),
            ("ITL", "1999 ITL"),
            ("ESP", "1999 ESP"),
        ] {
            let currency: Currency = code.parse().unwrap();
            assert_eq!(currency.code(), code);
            let amount = Money {
                amount_minor: 1999,
                currency,
            };
            assert_eq!(amount.to_string(), text);
        }
        for code in ["dem", "DEMX", "USS", "XFO"] {
            assert!(code.parse::<Currency>().is_err(), "{code:?}");
        }
        assert!("DEM".parse::<Currency>().unwrap() < "EUR".parse().unwrap());
    }

    #[test]
    fn a_computed_amount_is_rounded_to_minor_units_or_refused() {
        let eur = "EUR".parse().unwrap();
        assert_eq!(major_to_money(1.005, eur).unwrap().amount_minor, 100);
        assert_eq!(
            major_to_money(-2.5, "JPY".parse().unwrap())
                .unwrap()
                .amount_minor,
            -3
        );
        for not_money in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(major_to_money(not_money, eur), None);
        }
    }
}
