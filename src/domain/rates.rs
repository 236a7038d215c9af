//! Exchange rates: exact decimals with the day from which they hold, and the conversion of amounts by them.
//!
//! It knows no history and no reporting currency: which amounts are converted, and into what, is for the basis to say.

mod table;

use std::{fmt, str::FromStr};

use jiff::Timestamp;

pub use table::{Quote, RateTable};

use crate::domain::{calendar::Day, money::Currency};

/// Most significant digits of a rate. Chosen: central banks publish at most nine, and fifteen are exact in an `f64`.
pub const MAX_DIGITS: usize = 15;
/// Most decimals of a rate, for the same reason.
pub const MAX_DECIMALS: usize = 15;

/// How many units of one currency a unit of another is worth: a positive decimal of at most [`MAX_DIGITS`] significant digits and
/// [`MAX_DECIMALS`] decimals, kept exactly. Zeros at the end mean nothing: `1.10` and `1.1` are the same rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// The digits without the point; less than 10^15, not a multiple of ten unless `decimals` is 0.
    mantissa: u64,
    /// How many of them stand behind the point.
    decimals: u8,
}

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not digits with at most one point among them.
    #[error("{0:?} is not a rate: write digits with a decimal point, for example 1.0845")]
    NotADecimal(String),
    /// Zero or negative.
    #[error(
        "{0:?} is not greater than 0: write the units of the second currency per unit of the first"
    )]
    NotPositive(String),
    /// Too many digits or decimals.
    #[error("{0:?} is too long: at most 15 significant digits and 15 decimals are kept")]
    TooLong(String),
}

/// From `day` on, a unit of `from` is worth `rate` units of `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExchangeRate {
    from: Currency,
    to: Currency,
    /// The first day on which it holds.
    pub day: Day,
    /// The rate.
    pub rate: Rate,
}

/// A recorded rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedRate {
    /// Number in the order of recording, from 1.
    pub number: i64,
    /// The rate.
    pub rate: ExchangeRate,
    /// Whether no later one of the same pair and day was recorded.
    pub holds: bool,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Which rates to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateFilter {
    /// Only those from this currency.
    pub from: Option<Currency>,
    /// Only those to this currency.
    pub to: Option<Currency>,
    /// Only those of this day and later ones.
    pub since: Option<Day>,
}

/// A rate by which an amount was converted; of two, the older one. The oldest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsedRate {
    /// The day of the rate.
    pub day: Day,
    /// The currency of the amount.
    pub from: Currency,
    /// The currency that it was converted to.
    pub to: Currency,
}

/// The two currencies of a rate are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is the same currency twice: a rate needs two different ones")]
pub struct SameCurrency;

impl Rate {
    /// The rate as the nearest `f64`: both parts are exact, so that the one division rounds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "less than 2^53")]
    pub fn value(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(i32::from(self.decimals))
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let shown = || text.chars().take(40).collect::<String>();
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
            return Err(RateError::NotADecimal(shown()));
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        if whole.len() + fraction.len() == 0 || unsigned.len() != text.len() {
            return Err(RateError::NotPositive(shown()));
        }
        let joined = format!("{whole}{fraction}");
        let joined = joined.trim_start_matches('0');
        if joined.len() > MAX_DIGITS || fraction.len() > MAX_DECIMALS {
            return Err(RateError::TooLong(shown()));
        }
        let too_long = |_| RateError::TooLong(shown());
        Ok(Self {
            mantissa: joined
                .parse()
                .map_err(|_| RateError::NotADecimal(shown()))?,
            decimals: u8::try_from(fraction.len()).map_err(too_long)?,
        })
    }
}

impl fmt::Display for Rate {
    /// Plain decimal digits, without zeros at the end: `1.0845`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u64.pow(u32::from(self.decimals));
        let (whole, fraction) = (self.mantissa / scale, self.mantissa % scale);
        match usize::from(self.decimals) {
            0 => write!(f, "{whole}"),
            decimals => write!(f, "{whole}.{fraction:0decimals$}"),
        }
    }
}

impl ExchangeRate {
    /// A rate between two currencies.
    ///
    /// # Errors
    /// When they are the same.
    pub fn new(from: Currency, to: Currency, day: Day, rate: Rate) -> Result<Self, SameCurrency> {
        if from == to {
            return Err(SameCurrency);
        }
        Ok(Self {
            from,
            to,
            day,
            rate,
        })
    }

    /// The currency of which one unit is valued.
    #[must_use]
    pub fn from(&self) -> Currency {
        self.from
    }

    /// The currency in which it is valued.
    #[must_use]
    pub fn to(&self) -> Currency {
        self.to
    }
}

#[cfg(test)]
mod tests;
