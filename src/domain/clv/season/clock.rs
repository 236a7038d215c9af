//! The seasonal clock: how much operational time has passed at the end of a day.
//!
//! A year is cut into [`PARTS`] equal parts of 365 or 366 fifty-seconds of a day, each with a level of the order rate. So every year, leap
//! year or not, passes exactly as many days of the clock as of the calendar, and a part is at the same time of each year to within a day.
//! (Weeks of ISO 8601 begin on another day each year, and there is a 53rd only in some.)

use crate::domain::calendar::Day;

/// Parts of a year: about a week each.
pub const PARTS: usize = 52;
const PARTS_F64: f64 = 52.0;
/// Rates lower than this part of the mean would make the clock stand still: an order there would be impossible.
pub const MIN_LEVEL: f64 = 1e-3;
/// Levels whose mean is 1 but for rounding are taken as they are, so that a stored index is the same after reading.
const ROUNDING: f64 = 1e-12;
/// Days from the first of January of year 1 to 1970-01-01.
const EPOCH: i32 = 719_162;
/// A mean year, in days.
const YEAR_DAYS: f64 = 365.242_5;

/// Why levels are no index.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum IndexError {
    /// More or fewer than [`PARTS`].
    #[error("{given} levels where a year has {PARTS} parts")]
    Count {
        /// Levels given.
        given: usize,
    },
    /// A level that is not a number, or so low that no order could come.
    #[error(
        "the level of part {part} of the year is {level:?}: it must be finite and at least {MIN_LEVEL} of the mean"
    )]
    Level {
        /// The part, from 1.
        part: usize,
        /// Its level, relative to the mean.
        level: f64,
    },
    /// A variance that is not a number or is negative.
    #[error(
        "the variance of part {part} of the year is {variance:?}: it must be finite and not negative"
    )]
    Variance {
        /// The part, from 1.
        part: usize,
        /// Its variance.
        variance: f64,
    },
}

/// A seasonal index of the order rate, as a clock.
#[derive(Debug, Clone, PartialEq)]
pub struct SeasonClock {
    /// Mean 1.
    levels: [f64; PARTS],
    /// Share of the year's clock that has passed at the beginning of each part.
    passed: [f64; PARTS],
    /// Variance of each level; 0 where the index is known.
    variances: [f64; PARTS],
}

impl SeasonClock {
    /// The clock of these levels of the order rate, the first that of the beginning of January; they are divided by their mean.
    ///
    /// # Errors
    /// Unless there are [`PARTS`], each finite and at least [`MIN_LEVEL`] of their mean.
    pub fn new(levels: &[f64]) -> Result<Self, IndexError> {
        let given = levels.len();
        let mut levels: [f64; PARTS] =
            levels.try_into().map_err(|_| IndexError::Count { given })?;
        let mean = levels.iter().sum::<f64>() / PARTS_F64;
        let has_mean_one = (mean - 1.0).abs() < ROUNDING;
        if !has_mean_one {
            for level in &mut levels {
                *level /= mean;
            }
        }
        let low = |level: f64| !(level.is_finite() && level >= MIN_LEVEL);
        if let Some(at) = levels.iter().position(|&level| low(level)) {
            return Err(IndexError::Level {
                part: at + 1,
                level: levels[at],
            });
        }
        let mut passed = [0.0; PARTS];
        let mut sum = 0.0;
        for (passed, level) in passed.iter_mut().zip(levels) {
            *passed = sum / PARTS_F64;
            sum += level;
        }
        Ok(Self {
            levels,
            passed,
            variances: [0.0; PARTS],
        })
    }

    /// The same of an estimated index: the variance of each level, which is taken to be independent of the others.
    ///
    /// # Errors
    /// Unless there are [`PARTS`], each finite and not negative.
    pub fn with_variances(self, variances: &[f64]) -> Result<Self, IndexError> {
        let given = variances.len();
        let variances = variances
            .try_into()
            .map_err(|_| IndexError::Count { given })?;
        let clock = Self { variances, ..self };
        let bad = |&variance: &f64| !(variance.is_finite() && variance >= 0.0);
        match clock.variances.iter().position(bad) {
            Some(at) => Err(IndexError::Variance {
                part: at + 1,
                variance: clock.variances[at],
            }),
            None => Ok(clock),
        }
    }

    /// A year without seasons.
    #[must_use]
    pub fn even() -> Self {
        Self {
            levels: [1.0; PARTS],
            passed: std::array::from_fn(|part| number(part) / PARTS_F64),
            variances: [0.0; PARTS],
        }
    }

    /// Level of the order rate in each part of the year, mean 1.
    #[must_use]
    pub const fn levels(&self) -> &[f64; PARTS] {
        &self.levels
    }

    /// Variance of each level.
    #[must_use]
    pub const fn variances(&self) -> &[f64; PARTS] {
        &self.variances
    }

    /// Standard error of the days of the clock from one time to a later one, as a part of them; both in days as [`Self::at`] takes them. Of
    /// whole years it is 0: how many orders come in a year is a matter of the model's parameters.
    #[must_use]
    pub fn relative_error(&self, from: f64, to: f64) -> f64 {
        let passed = self.at(to) - self.at(from);
        if passed <= 0.0 {
            return 0.0;
        }
        // Days of each part beyond whole years.
        let mut days = [0.0; PARTS];
        let mut now = from;
        let to = from + (to - from) % YEAR_DAYS;
        while now < to {
            let next = self.next_change(now).min(to);
            days[Place::find(f64::midpoint(now, next)).part] += next - now;
            now = next;
        }
        let mean = days.iter().sum::<f64>() / PARTS_F64;
        let parts = days.iter().zip(&self.variances);
        let variance = parts.map(|(days, variance)| (days - mean).powi(2) * variance);
        variance.sum::<f64>().sqrt() / passed
    }

    /// Reading of the clock, in days, at a time of the calendar: `days` after the end of 1970-01-01, which is day 0 of [`Day`]. At each end
    /// of a year both are the same. Never falls.
    #[must_use]
    pub fn at(&self, days: f64) -> f64 {
        let Place {
            year_end_before,
            year_days,
            part,
            into_part,
            ..
        } = Place::find(days);
        let share = self.passed[part] + self.levels[part] * into_part / PARTS_F64;
        year_end_before + year_days * share
    }

    /// When the level changes next, in days as [`Self::at`] takes them.
    #[must_use]
    pub fn next_change(&self, days: f64) -> f64 {
        let Place {
            year_end_before,
            year_days,
            part,
            ..
        } = Place::find(days);
        let next = year_end_before + year_days * number(part + 1) / PARTS_F64;
        // Rounding may put a border just before itself.
        if next - days > 1e-6 {
            next
        } else {
            days + year_days / PARTS_F64
        }
    }

    /// Mean level of the order rate in each month of a year of 365 days, January first.
    #[must_use]
    pub fn month_levels(&self) -> [f64; 12] {
        // 1970 begins at the end of day -1.
        let mut begin = -1.0;
        [
            31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0,
        ]
        .map(|days| {
            let level = (self.at(begin + days) - self.at(begin)) / days;
            begin += days;
            level
        })
    }

    /// Days of the clock that pass in a day: the mean level of the order rate in it.
    #[must_use]
    pub fn within(&self, day: Day) -> f64 {
        let end = f64::from(day.number());
        self.at(end) - self.at(end - 1.0)
    }

    /// Days of the clock from the first order to the last and to the end of `as_of`, of a customer whose first order was `age_days` before
    /// `as_of` and whose last was `recency_days` after the first.
    #[must_use]
    pub fn days_since_first(&self, recency_days: u32, age_days: u32, as_of: Day) -> [f64; 2] {
        let now = f64::from(as_of.number());
        let first = now - f64::from(age_days);
        let [at_first, at_now] = [first, now].map(|days| self.at(days));
        let recency = match recency_days {
            0 => 0.0,
            all if all == age_days => at_now - at_first,
            days => self.at(first + f64::from(days)) - at_first,
        };
        [recency, at_now - at_first]
    }
}

/// The year of a day, and the part of it in which the middle of the day lies, from 0.
#[must_use]
pub fn year_and_part(day: Day) -> (i32, usize) {
    let place = Place::find(f64::from(day.number()) - 0.5);
    (place.year, place.part)
}

/// Where a time lies in its year.
struct Place {
    year: i32,
    /// End of the last day of the year before.
    year_end_before: f64,
    year_days: f64,
    /// The part, from 0.
    part: usize,
    /// How much of it has passed, `0..=1`.
    into_part: f64,
}

impl Place {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "horizons end within a few hundred years, and parts are fewer than 53"
    )]
    fn find(days: f64) -> Self {
        // The end of day number -1, 1969-12-31, is the beginning of 1970.
        let guess = 1970 + ((days + 1.0) / YEAR_DAYS).floor() as i32;
        let begins_after = |year: i32| f64::from(start(year) - 1) > days;
        let year = if begins_after(guess) {
            guess - 1
        } else if begins_after(guess + 1) {
            guess
        } else {
            guess + 1
        };
        let year_end_before = f64::from(start(year) - 1);
        let year_days = f64::from(start(year + 1) - start(year));
        let parts = (days - year_end_before) / year_days * PARTS_F64;
        let part = (parts as usize).min(PARTS - 1);
        Self {
            year,
            year_end_before,
            year_days,
            part,
            into_part: parts - number(part),
        }
    }
}

/// Number of the first of January, in days since 1970-01-01.
const fn start(year: i32) -> i32 {
    let before = year - 1;
    365 * before + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - EPOCH
}

/// A part as a number.
#[expect(clippy::cast_precision_loss, reason = "at most 52")]
const fn number(part: usize) -> f64 {
    part as f64
}
