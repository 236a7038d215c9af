//! Whether the facts end before the day that they are read for.
//!
//! A model takes days without a purchase for silence of customers. Where an export ends in June and the fit reads until November, everybody
//! seems to have gone. One customer may be silent for any time; all of them together may not: a shop that sold every week of a year does
//! not sell nothing for two months. This compares the silence of everybody at the end with the silences before it. It reads no more than
//! what a fit reads, first and last purchase days, so the silences it knows before are at least as long as the true ones.

use crate::domain::clv::fit::rows::CollapsedRow;

/// So many days without a purchase of anybody are always plausible: holidays, and works that close for a fortnight.
const ALWAYS_PLAUSIBLE_DAYS: u32 = 14;
/// A silence is implausible only beyond so many times the longest one before.
const TIMES_LONGEST: u32 = 2;
/// A window before the last purchase with the last purchases of so many customers: if orders went on as in it, as long a silence would have
/// a probability below `exp(-12)`, 6 in a million, since at least so many orders were placed in it.
const CUSTOMERS_OF_WINDOW: u64 = 12;
/// Silences are looked for in so many days before the last purchase: three years, so that a shop that sells in one season has two silences
/// between seasons.
const LOOK_BACK_DAYS: u32 = 3 * 366;

/// The silence of everybody at the end of the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Days from anybody's last purchase to the end of observation.
    pub days: u32,
    /// The longest such silence that is plausible, in days; `None` where nothing can be said, because too few customers bought.
    pub plausible_days: Option<u32>,
}

impl Silence {
    /// The silence at the end of observation of these customers; `None` without customers.
    #[must_use]
    pub fn measure(rows: &[CollapsedRow]) -> Option<Self> {
        let last = |row: &CollapsedRow| row.age_days() - row.recency_days();
        let mut lasts: Vec<(u32, u64)> = rows.iter().map(|row| (last(row), row.count())).collect();
        lasts.sort_unstable();
        let days = lasts.first()?.0;
        let mut customers = 0;
        let window = lasts.iter().find(|(_, count)| {
            customers += count;
            customers >= CUSTOMERS_OF_WINDOW
        });
        let window = window.map(|(at, _)| at - days + 1);
        let mut known: Vec<u32> = rows
            .iter()
            .flat_map(|row| [last(row), row.age_days()])
            .filter(|&at| at - days <= LOOK_BACK_DAYS)
            .collect();
        known.sort_unstable();
        let longest = known.windows(2).map(|pair| pair[1] - pair[0]).max();
        Some(Self {
            days,
            plausible_days: window.map(|window| {
                let longest = longest.unwrap_or(0).saturating_mul(TIMES_LONGEST);
                longest.max(window).max(ALWAYS_PLAUSIBLE_DAYS)
            }),
        })
    }

    /// Whether so long a silence means that facts are missing.
    #[must_use]
    pub fn is_implausible(self) -> bool {
        self.plausible_days.is_some_and(|most| self.days > most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Customers with two orders: days from the first and from the last to the end of observation.
    fn customers(days: impl IntoIterator<Item = (u32, u32)>) -> Vec<CollapsedRow> {
        let rows = days.into_iter();
        rows.map(|(first, last)| CollapsedRow::new(1, first - last, first, 1).unwrap())
            .collect()
    }

    /// A shop that sold on every third day of a year until `silent` days ago.
    fn steady(silent: u32) -> Vec<CollapsedRow> {
        customers((0..120).map(|at| (silent + 3 * at + 1, silent + 3 * at)))
    }

    #[test]
    fn facts_that_go_on_until_the_day_are_plausible() {
        let silence = Silence::measure(&steady(0)).unwrap();
        assert_eq!(silence.days, 0);
        assert_eq!(silence.plausible_days, Some(34), "12 customers in 34 days");
        assert!(!silence.is_implausible());
    }

    #[test]
    fn an_export_that_ended_months_ago_is_not() {
        let silence = Silence::measure(&steady(150)).unwrap();
        assert_eq!((silence.days, silence.plausible_days), (150, Some(34)));
        assert!(silence.is_implausible());
    }

    #[test]
    fn a_fortnight_is_always_plausible_however_much_was_sold_before() {
        let busy = |silent| Silence::measure(&customers((1..300).map(|at| (silent + at, silent))));
        assert!(!busy(14).unwrap().is_implausible());
        assert!(busy(15).unwrap().is_implausible());
    }

    #[test]
    fn a_shop_that_sells_in_december_may_be_silent_until_november() {
        // Two seasons of a month; the last ended 300 days ago.
        let season = |end: u32| (1..31).map(move |at| (end + at, end + at / 2));
        let shop = customers(season(300).chain(season(665)));
        let silence = Silence::measure(&shop).unwrap();
        assert_eq!(silence.plausible_days, Some(2 * (665 - 330)));
        assert!(!silence.is_implausible());
    }

    #[test]
    fn eleven_customers_tell_nothing() {
        let few = customers((0..11).map(|at| (400 + at, 390)));
        let silence = Silence::measure(&few).unwrap();
        assert_eq!(
            silence,
            Silence {
                days: 390,
                plausible_days: None
            }
        );
        assert!(!silence.is_implausible());
        assert_eq!(Silence::measure(&[]), None);
    }
}
