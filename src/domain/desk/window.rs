//! The days that figures are about.

use crate::domain::calendar::Day;

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First day.
    pub first: Day,
    /// Last day.
    pub last: Day,
}

/// Whole calendar months, one after another, the last of which ends on the day of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthWindow {
    months: Vec<Window>,
}

impl Window {
    /// The last `days` days up to `last`, at least one.
    #[must_use]
    pub fn of_days(last: Day, days: u32) -> Self {
        let before = i32::try_from(days.max(1) - 1).unwrap_or(i32::MAX);
        Self {
            first: last.plus_days(-before),
            last,
        }
    }

    /// Whether the day is one of them.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }

    /// How many days there are.
    #[must_use]
    pub fn days(self) -> i32 {
        (self.last - self.first + 1).max(0)
    }

    /// The days that are in both; none where the result ends before it begins.
    #[must_use]
    pub fn overlap(self, other: Self) -> Self {
        Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        }
    }
}

impl MonthWindow {
    /// `months` calendar months up to `last`, at least one. Each begins on the day after the same day of the month before, so that a
    /// contract that renews every month renews once in each, save where a short month ends early.
    #[must_use]
    pub fn new(last: Day, months: u32) -> Self {
        let ends = (0..=months.max(1)).rev();
        let ends: Vec<Day> = ends.map(|back| last.minus_months(back)).collect();
        let months = ends.windows(2).map(|pair| Window {
            first: pair[0].plus_days(1),
            last: pair[1],
        });
        Self {
            months: months.collect(),
        }
    }

    /// The months, the earliest first.
    #[must_use]
    pub fn months(&self) -> &[Window] {
        &self.months
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.months.len()).unwrap_or(u32::MAX)
    }

    /// All days.
    #[must_use]
    pub fn whole(&self) -> Window {
        // There is at least one month.
        Window {
            first: self.months[0].first,
            last: self.months[self.months.len() - 1].last,
        }
    }

    /// The place of the month that a day is in.
    #[must_use]
    pub fn place(&self, day: Day) -> Option<usize> {
        let at = self.months.partition_point(|month| month.last < day);
        let month = self.months.get(at)?;
        month.contains(day).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_of_days_ends_on_its_day() {
        let window = Window::of_days(day("2026-03-01"), 30);
        assert_eq!(window.first.to_string(), "2026-01-31");
        assert_eq!(window.days(), 30);
        assert!(window.contains(window.first) && window.contains(window.last));
        assert!(!window.contains(window.first.plus_days(-1)));
        assert_eq!(Window::of_days(day("2026-03-01"), 1).days(), 1);
    }

    #[test]
    fn months_end_on_the_day_of_the_month_or_on_the_last_there_is() {
        let window = MonthWindow::new(day("2026-03-31"), 2);
        let text = |month: &Window| format!("{} {}", month.first, month.last);
        let months: Vec<String> = window.months().iter().map(text).collect();
        assert_eq!(months, ["2026-02-01 2026-02-28", "2026-03-01 2026-03-31"]);
    }

    proptest! {
        #[test]
        fn months_follow_each_other_without_a_gap(last in 0..80_000_i32, months in 1..121_u32) {
            let last = Day::from_number(last).unwrap();
            let window = MonthWindow::new(last, months);
            prop_assert_eq!(window.count(), months);
            prop_assert_eq!(window.whole().last, last);
            let days: i32 = window.months().iter().map(|month| month.days()).sum();
            prop_assert_eq!(days, window.whole().days());
            for (at, month) in window.months().iter().enumerate() {
                prop_assert!((28..=31).contains(&month.days()), "{:?}", month);
                prop_assert_eq!(window.place(month.first), Some(at));
                prop_assert_eq!(window.place(month.last), Some(at));
            }
            prop_assert_eq!(window.place(last.plus_days(1)), None);
        }
    }
}
