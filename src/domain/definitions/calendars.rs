//! Calendars: when a team works, and how working time passes.
//!
//! Hours are those of a clock on the wall in the calendar's zone; times are instants. A span belongs to the day on which it begins, also if it
//! ends on the next one. Where the clocks change, working time is what passes in fact: a night shift in spring is an hour shorter. A clock time
//! that is left out stands for the moment of the change, one that comes twice for the first of the two.

mod holidays;
mod read;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

pub use self::holidays::{Holiday, HolidayDate};
pub(super) use self::read::{Calendars, calendar_of, read};
use super::LocalizedText;
use crate::domain::text::Label;

/// Index of a calendar in [`super::Policies::calendars`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarId(pub u32);

/// Minutes of a day.
pub(super) const DAY_MINUTES: u16 = 24 * 60;

/// Days in which a calendar that is open is searched for its end: one that stays open longer has none to speak of.
const CLOSES_WITHIN_DAYS: usize = 31;
/// Days in which a calendar that is closed is searched for its next opening.
const OPENS_WITHIN_DAYS: usize = 370;
/// Days in which agreed times must end. What [`Calendar::holds`] accepts does so, but for holidays without end.
const DUE_WITHIN_DAYS: usize = 800;

/// Working hours of a day: minutes after midnight, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// When they begin, before midnight.
    pub opens: u16,
    /// When they end: up to a day later, so that they may run over midnight.
    pub closes: u16,
}

/// When a team works.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Its name.
    pub name: Label,
    /// The zone of its hours.
    pub zone: TimeZone,
    /// The hours of each weekday, from Monday on, in their order and apart.
    pub(super) week: [Vec<Hours>; 7],
    /// Days with other hours; of several for one day the first counts.
    pub(super) holidays: Vec<Holiday>,
}

/// Whether a calendar is open at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opening<'a> {
    /// Whether it is.
    pub is_open: bool,
    /// When that changes; `None` if not soon: an open one within a month, a closed one within a year.
    pub changes_at: Option<Timestamp>,
    /// The holiday of the day, if it is one.
    pub holiday: Option<&'a LocalizedText>,
}

/// Working time between two instants.
type Span = (Timestamp, Timestamp);

impl Calendar {
    /// Whether it is open at an instant.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.spans(at, 0)
            .next()
            .is_some_and(|(opens, _)| opens <= at)
    }

    /// Whether it is open at an instant, and when that changes.
    #[must_use]
    pub fn opening(&self, at: Timestamp) -> Opening<'_> {
        let holiday = self.holiday(self.zone.to_datetime(at).date());
        let is_open = self.is_open(at);
        let changes_at = match is_open {
            _ if self.is_always_open() => None,
            true => self.closes_at(at),
            false => self.spans(at, OPENS_WITHIN_DAYS).next().map(|it| it.0),
        };
        Opening {
            is_open,
            changes_at,
            holiday: holiday.map(|holiday| &holiday.name),
        }
    }

    fn closes_at(&self, at: Timestamp) -> Option<Timestamp> {
        let (_, closes) = joined(self.spans(at, CLOSES_WITHIN_DAYS)).next()?;
        // Where the search ends, the hours may go on.
        let goes_on = self
            .spans(closes, 1)
            .next()
            .is_some_and(|it| it.0 <= closes);
        (!goes_on).then_some(closes)
    }

    /// The first instant at which so many minutes of working time have passed since `from`; `None` where that is not within two years.
    #[must_use]
    pub fn due(&self, from: Timestamp, minutes: u32) -> Option<Timestamp> {
        let mut left = SignedDuration::from_secs(i64::from(minutes) * 60);
        if left.is_zero() || self.is_always_open() {
            return from.checked_add(left).ok();
        }
        for (opens, closes) in self.spans(from, DUE_WITHIN_DAYS) {
            let opens = opens.max(from);
            let lasts = closes.duration_since(opens);
            if left <= lasts {
                return opens.checked_add(left).ok();
            }
            left -= lasts;
        }
        None
    }

    /// Whether so many minutes of working time pass within a year.
    #[must_use]
    pub(super) fn holds(&self, minutes: u32) -> bool {
        let lasts = |hours: &Hours| u64::from(hours.closes - hours.opens);
        let weekly: u64 = self.week.iter().flatten().map(lasts).sum();
        weekly * 52 >= u64::from(minutes)
    }

    /// Whether its hours on weekdays never end.
    fn is_always_open(&self) -> bool {
        let is_whole = |hours: &Vec<Hours>| matches!(hours.as_slice(), [all] if all.opens == 0 && all.closes == DAY_MINUTES);
        self.holidays.is_empty() && self.week.iter().all(is_whole)
    }

    fn holiday(&self, date: Date) -> Option<&Holiday> {
        self.holidays.iter().find(|holiday| holiday.falls_on(date))
    }

    fn hours_on(&self, date: Date) -> &[Hours] {
        if let Some(holiday) = self.holiday(date) {
            return &holiday.hours;
        }
        let weekday = date.weekday().to_monday_zero_offset();
        &self.week[usize::try_from(weekday).unwrap_or_default()]
    }

    /// The working times that end after `from`, in their order and apart, of its day, the day before and so many days after.
    fn spans(&self, from: Timestamp, days_after: usize) -> impl Iterator<Item = Span> {
        // Hours of the day before may run into this one.
        let mut date = self.zone.to_datetime(from).date().yesterday().ok();
        let dates = std::iter::from_fn(move || {
            let today = date?;
            date = today.tomorrow().ok();
            Some(today)
        });
        let hours = dates.take(days_after + 2).flat_map(|date| {
            let hours = self.hours_on(date).iter();
            hours.map(move |hours| (date, *hours))
        });
        let mut last_closed = Timestamp::MIN;
        hours.filter_map(move |(date, hours)| {
            // The hours of a holiday may begin before those of the night before it end.
            let opens = self.instant(date, hours.opens)?.max(last_closed);
            let closes = self.instant(date, hours.closes)?;
            last_closed = last_closed.max(closes);
            (closes > opens && closes > from).then_some((opens, closes))
        })
    }

    /// The instant at which clocks of the zone show so many minutes after midnight. Never earlier for a later clock time.
    fn instant(&self, date: Date, minutes: u16) -> Option<Timestamp> {
        let days = jiff::Span::new().days(minutes / DAY_MINUTES);
        let (date, minutes) = (date.checked_add(days).ok()?, minutes % DAY_MINUTES);
        let (hour, minute) = (i8::try_from(minutes / 60), i8::try_from(minutes % 60));
        let shown: DateTime = date.at(hour.ok()?, minute.ok()?, 0, 0);
        match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(shown).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(shown).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_change = after.to_timestamp(shown).ok()?;
                let mut changes = self.zone.following(before_change);
                changes.next().map(|change| change.timestamp())
            }
        }
    }
}

/// The spans with those joined that touch.
fn joined(spans: impl Iterator<Item = Span>) -> impl Iterator<Item = Span> {
    let mut spans = spans.peekable();
    std::iter::from_fn(move || {
        let (opens, mut closes) = spans.next()?;
        while let Some((_, later)) = spans.next_if(|(next, _)| *next <= closes) {
            closes = later;
        }
        Some((opens, closes))
    })
}

#[cfg(test)]
mod tests;
