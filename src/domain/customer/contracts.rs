//! Contracts on the calendar: when they renew, whether they run, and how they stood on an earlier day.
//!
//! It knows days and periods, not what renewals are worth or how likely they are.

use std::collections::BTreeMap;

use crate::domain::{
    calendar::Day,
    clv::fit::contracts::ContractOutcome,
    customer::facts::{ContractFact, ContractTerms},
    text::Label,
};

impl ContractTerms {
    /// The day of the renewal of that number, from 1; counted from the first day, so that the end of a short month shifts no later
    /// renewal. `None` beyond the calendar.
    #[must_use]
    pub fn renewal_day(&self, number: u32) -> Option<Day> {
        let months = number.checked_mul(self.period_months)?;
        self.started_on.plus_months(months)
    }

    /// Whether it has begun and not ended.
    #[must_use]
    pub fn runs_on(&self, day: Day) -> bool {
        self.started_on <= day && self.ended_on.is_none_or(|end| day < end)
    }

    /// Whether there was a day on which it ran. One that ended on its first day never did: that is how a mistaken one is taken back.
    #[must_use]
    pub fn ever_runs(&self) -> bool {
        self.ended_on.is_none_or(|end| self.started_on < end)
    }

    /// How often it was renewed until `day`, which is included. A renewal due on the day it ends, or later, does not happen.
    #[must_use]
    pub fn renewals_until(&self, day: Day) -> u32 {
        let last = match self.ended_on {
            Some(end) => day.min(end.plus_days(-1)),
            None => day,
        };
        self.whole_months_until(last) / self.period_months.max(1)
    }

    /// The renewals due after `day` and within `months` more of the contract's own months, those on or after a known end left out: each
    /// with its number. Of a contract whose period goes into `months` without a rest these are `months / period_months`, on whatever days
    /// it began and it is asked: a month that is shorter than another neither adds a renewal nor takes one away.
    pub fn renewals_within(&self, day: Day, months: u32) -> impl Iterator<Item = (u32, Day)> {
        let reached = self.whole_months_until(day);
        let period = self.period_months.max(1);
        let numbers = reached / period + 1..=reached.saturating_add(months) / period;
        numbers
            .map_while(|number| Some((number, self.renewal_day(number)?)))
            .take_while(|(_, day)| self.ended_on.is_none_or(|end| *day < end))
    }

    /// The renewals due after `day` and by another one, which is included, those on or after a known end left out: each with its number.
    pub fn renewals_between(&self, day: Day, until: Day) -> impl Iterator<Item = (u32, Day)> {
        // As many of the contract's own months may be over between the two, and one more.
        let months = u32::try_from(until.months_since(day)).map_or(0, |months| months + 1);
        self.renewals_within(day, months)
            .take_while(move |(_, due)| *due <= until)
    }

    /// Months of the contract that are over on `day`: each ends on the day of the month of its start, or on the last day of a shorter one.
    fn whole_months_until(&self, day: Day) -> u32 {
        let months = u32::try_from(day.months_since(self.started_on)).unwrap_or(0);
        match self.started_on.plus_months(months) {
            // The month is reached, the day of the month is not.
            Some(reached) if reached > day => months.saturating_sub(1),
            Some(_) | None => months,
        }
    }

    /// How often it was renewed until `day`, and whether the renewal after those was due by then and did not happen.
    ///
    /// What is known of renewals still to come is left out: ends become known ahead, renewals do not, and a fit that counted only the
    /// former would expect too many ends. `None` before it began, and for one that never ran.
    #[must_use]
    pub fn outcome_on(&self, day: Day) -> Option<(u32, ContractOutcome)> {
        if self.started_on > day || !self.ever_runs() {
            return None;
        }
        let renewals = self.renewals_until(day);
        let due = self.renewal_day(renewals.saturating_add(1));
        let outcome = match due {
            Some(due) if due <= day => ContractOutcome::Ended,
            Some(_) | None => ContractOutcome::Running,
        };
        Some((renewals, outcome))
    }
}

/// The observations as they stood on `day`: those effective by then. Of a contract that had begun before anything about it became
/// effective, the earliest observation holds back to its first day, except for its end, which was not known then.
#[must_use]
pub fn known_on(facts: Vec<ContractFact>, day: Day) -> Vec<ContractFact> {
    let mut by_contract: BTreeMap<(Label, Label), Vec<ContractFact>> = BTreeMap::new();
    for fact in facts {
        if fact.terms.started_on <= day {
            let key = (fact.source.clone(), fact.contract_id.clone());
            by_contract.entry(key).or_default().push(fact);
        }
    }
    by_contract
        .into_values()
        .flat_map(|facts| known_of_one(facts, day))
        .collect()
}

/// The terms of one contract as they stood on `day`, from all its observations; `None` before it began.
#[must_use]
pub fn terms_on(facts: &[ContractFact], day: Day) -> Option<ContractTerms> {
    let begun = facts.iter().filter(|fact| fact.terms.started_on <= day);
    let known = known_of_one(begun.cloned().collect(), day).into_iter();
    let held = known.max_by_key(|fact| (fact.effective_on, fact.profile_version));
    held.map(|fact| fact.terms)
}

fn known_of_one(facts: Vec<ContractFact>, day: Day) -> Vec<ContractFact> {
    let (known, later): (Vec<_>, Vec<_>) =
        facts.into_iter().partition(|fact| fact.effective_on <= day);
    if !known.is_empty() {
        return known;
    }
    let earliest = later
        .into_iter()
        .min_by_key(|fact| (fact.effective_on, std::cmp::Reverse(fact.profile_version)));
    let opening = earliest.map(|fact| ContractFact {
        effective_on: fact.terms.started_on,
        terms: ContractTerms {
            ended_on: None,
            ..fact.terms
        },
        ..fact
    });
    opening.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Money;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn terms(started_on: &str, period_months: u32, ended_on: Option<&str>) -> ContractTerms {
        ContractTerms {
            started_on: day(started_on),
            period_months,
            price: Money {
                amount_minor: 1_000,
                currency: "EUR".parse().unwrap(),
            },
            cost_minor: None,
            category: None,
            ended_on: ended_on.map(day),
        }
    }

    #[test]
    fn renewals_fall_on_the_day_of_the_month_of_the_start_or_the_last_one_there_is() {
        let monthly = terms("2024-01-31", 1, None);
        for (number, on) in [
            (0, "2024-01-31"),
            (1, "2024-02-29"),
            (2, "2024-03-31"),
            (3, "2024-04-30"),
            (13, "2025-02-28"),
        ] {
            assert_eq!(monthly.renewal_day(number), Some(day(on)));
            assert_eq!(monthly.renewals_until(day(on)), number);
            let before = day(on).plus_days(-1);
            assert_eq!(monthly.renewals_until(before), number.saturating_sub(1));
        }
        assert_eq!(monthly.renewal_day(u32::MAX), None);
        assert_eq!(terms("2024-01-31", 120, None).renewal_day(18), None);
    }

    /// Every first day of two years, a leap year among them, and every day of the answer of two others; monthly, quarterly, yearly.
    #[test]
    fn a_horizon_of_whole_periods_has_as_many_renewals_on_whatever_days() {
        for (period, months) in [(1, 1), (1, 6), (3, 12), (12, 12), (12, 36)] {
            for start in 0..731 {
                let begun = terms("2023-01-01", period, None);
                let begun = ContractTerms {
                    started_on: begun.started_on.plus_days(start),
                    ..begun
                };
                // Days of the answer that differ in nothing that matters are left out: the ends of months are not.
                for offset in (0..731).filter(|offset| (offset + start) % 7 == 0 || start % 31 > 26)
                {
                    let as_of = day("2027-01-01").plus_days(offset);
                    let renewals = begun.renewals_until(as_of);
                    let mut expected = renewals;
                    let mut before = as_of;
                    for (number, on) in begun.renewals_within(as_of, months) {
                        expected += 1;
                        assert!(number == expected && on > before, "{begun:?} {as_of}");
                        before = on;
                    }
                    assert_eq!(expected - renewals, months / period, "{begun:?} {as_of}");
                }
            }
        }
    }

    #[test]
    fn renewals_at_the_end_of_short_months_stay_within_the_horizon() {
        let due = |terms: &ContractTerms, as_of, months| -> Vec<String> {
            let due = terms.renewals_within(day(as_of), months);
            due.map(|(_, day)| day.to_string()).collect()
        };
        let leap = terms("2020-02-29", 12, None);
        assert_eq!(due(&leap, "2023-02-27", 12), ["2023-02-28"]);
        assert_eq!(due(&leap, "2023-02-28", 12), ["2024-02-29"]);
        assert_eq!(due(&leap, "2023-03-01", 12), ["2024-02-29"]);
        let last_days = terms("2025-12-31", 1, None);
        assert_eq!(due(&last_days, "2026-06-30", 1), ["2026-07-31"]);
        assert_eq!(due(&last_days, "2026-06-30", 6).len(), 6);
        let ends = terms("2025-12-31", 1, Some("2026-09-30"));
        assert_eq!(due(&ends, "2026-06-30", 6), ["2026-07-31", "2026-08-31"]);
    }

    #[test]
    fn renewals_between_two_days_are_those_counted_by_the_later_one() {
        // Each end of a month, a leap year among them, and periods up to a year.
        for (start, period) in [("2023-12-31", 1), ("2024-02-29", 12), ("2024-01-30", 3)] {
            let begun = terms(start, period, None);
            for offset in 0..400 {
                let from = day(start).plus_days(offset);
                for days in [1, 27, 28, 29, 30, 31, 59, 90, 365, 366] {
                    let until = from.plus_days(days);
                    let numbers = begun
                        .renewals_between(from, until)
                        .map(|(number, _)| number);
                    let expected = begun.renewals_until(from) + 1..=begun.renewals_until(until);
                    assert!(numbers.eq(expected), "{begun:?} {from} {until}");
                }
            }
        }
        let ends = terms("2025-12-31", 1, Some("2026-04-30"));
        let due: Vec<_> = ends
            .renewals_between(day("2026-02-28"), day("2026-12-31"))
            .collect();
        assert_eq!(due, [(3, day("2026-03-31"))]);
    }

    #[test]
    fn the_terms_of_a_day_are_those_said_last_for_it() {
        let fact = |effective_on: &str, profile_version, ended_on| ContractFact {
            source: "erp".into(),
            contract_id: "1".into(),
            terms: terms("2025-01-01", 12, ended_on),
            effective_on: day(effective_on),
            profile_version,
        };
        let facts = [
            fact("2025-01-01", 1, None),
            fact("2026-03-01", 2, Some("2027-01-01")),
            fact("2026-03-01", 3, Some("2026-06-01")),
            fact("2026-05-01", 4, None),
        ];
        let end_on = |on| terms_on(&facts, day(on)).unwrap().ended_on;
        assert_eq!(end_on("2026-02-28"), None);
        assert_eq!(end_on("2026-04-30"), Some(day("2026-06-01")));
        assert_eq!(end_on("2026-05-01"), None);
        assert_eq!(terms_on(&facts, day("2024-12-31")), None);
        // What becomes known later does not reach back.
        let ended = &facts[1..2];
        assert_eq!(terms_on(ended, day("2026-02-28")).unwrap().ended_on, None);
    }

    #[test]
    fn a_renewal_due_on_the_day_of_the_end_does_not_happen() {
        for (end, renewals) in [
            ("2025-06-01", 0),
            ("2026-01-01", 0),
            ("2026-01-02", 1),
            ("2027-01-01", 1),
        ] {
            let yearly = terms("2025-01-01", 12, Some(end));
            assert_eq!(yearly.renewals_until(day("2030-01-01")), renewals, "{end}");
            assert!(yearly.runs_on(day(end).plus_days(-1)), "{end}");
            assert!(!yearly.runs_on(day(end)), "{end}");
        }
        assert_eq!(
            terms("2025-01-01", 1, None).renewals_until(day("2024-06-01")),
            0
        );
    }

    #[test]
    fn an_end_counts_when_the_renewal_that_it_prevents_was_due() {
        use ContractOutcome::{Ended, Running};
        for (end, on, outcome) in [
            (None, "2025-06-01", Some((0, Running))),
            (None, "2026-01-01", Some((1, Running))),
            // Ended within the year: the others of its age have not faced their renewal yet.
            (Some("2025-03-01"), "2025-06-01", Some((0, Running))),
            (Some("2025-03-01"), "2026-01-01", Some((0, Ended))),
            (Some("2026-01-01"), "2026-01-01", Some((0, Ended))),
            (Some("2026-01-01"), "2029-01-01", Some((0, Ended))),
            // Notice given for a later year.
            (Some("2027-01-01"), "2026-06-01", Some((1, Running))),
            (Some("2025-01-01"), "2026-06-01", None),
            (None, "2024-12-31", None),
        ] {
            let found = terms("2025-01-01", 12, end).outcome_on(day(on));
            assert_eq!(found, outcome, "{end:?} {on}");
        }
    }

    #[test]
    fn an_earlier_day_sees_what_was_effective_then_and_no_end_that_was_not() {
        let fact = |effective_on: &str, version, ended_on| ContractFact {
            source: "erp".into(),
            contract_id: "1".into(),
            terms: terms("2025-01-01", 12, ended_on),
            effective_on: day(effective_on),
            profile_version: version,
        };
        let ended = fact("2026-03-01", 2, Some("2027-01-01"));
        let opened = fact("2025-01-01", 1, None);
        let both = vec![ended.clone(), opened.clone()];
        assert_eq!(
            known_on(both.clone(), day("2026-02-28")),
            vec![opened.clone()]
        );
        assert_eq!(known_on(both.clone(), day("2026-03-01")).len(), 2);
        assert_eq!(known_on(both, day("2024-12-31")), vec![]);
        // The opening was never said: the terms hold back, the end does not.
        let implied = ContractFact {
            profile_version: 2,
            ..opened
        };
        assert_eq!(known_on(vec![ended], day("2026-02-28")), vec![implied]);
    }
}
