//! Where the facts of a fit end, and whether that is plausible.

use crate::domain::{calendar::Day, clv::checks::silence::Silence};

/// Where the facts of a fit end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsEnd {
    /// The day until which facts were read: of the request, or the day of the fit.
    pub read_until: Day,
    /// The day of anybody's last purchase by then.
    pub last_purchase: Day,
    /// The longest plausible silence of everybody, in days; `None` where nothing can be said ([`Silence::plausible_days`]).
    pub plausible_silence_days: Option<u32>,
    /// The day of anybody's first purchase; `None` in versions of earlier programs.
    pub first_purchase: Option<Day>,
}

impl FactsEnd {
    /// Where the facts end that were read until this day.
    #[must_use]
    pub fn new(read_until: Day, silence: Silence) -> Self {
        Self {
            read_until,
            last_purchase: read_until.plus_days(-i32::try_from(silence.days).unwrap_or(i32::MAX)),
            plausible_silence_days: silence.plausible_days,
            first_purchase: None,
        }
    }

    /// The same with the day of anybody's first purchase, so many days before the end.
    #[must_use]
    pub fn observed_for(self, days: u32) -> Self {
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        Self {
            first_purchase: Some(self.read_until.plus_days(-days)),
            ..self
        }
    }

    /// Whether a silence of everybody that lasts from `last_purchase` to `day` means that facts are missing.
    #[must_use]
    pub fn is_implausible(self, last_purchase: Day, day: Day) -> bool {
        let days = u32::try_from(day - last_purchase).unwrap_or(0);
        let silence = Silence {
            days,
            plausible_days: self.plausible_silence_days,
        };
        silence.is_implausible()
    }

    /// Whether facts are missing at the end of those that were read.
    #[must_use]
    pub fn lacks_facts(self) -> bool {
        self.is_implausible(self.last_purchase, self.read_until)
    }
}
