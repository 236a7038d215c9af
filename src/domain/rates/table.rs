//! All rates at one time, arranged for looking them up.

use std::sync::Arc;

use super::{ExchangeRate, UsedRate};
use crate::domain::{
    calendar::Day,
    money::{Currency, Money, major_to_money, minor_to_major},
};

/// All rates, as they were recorded until a certain one. An amount of a day is converted by the latest rate on or before that day:
/// by a rate of its pair; else, divided, by one of the pair the other way round; else over a third currency, two such steps. Of several
/// third currencies that one is taken whose older step is the latest, of equal ones the first by its code. A rate that is older than the
/// largest age on the day of the amount is as good as none. Clones share the rates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RateTable {
    generation: i64,
    /// Largest age of a rate in days; `None`: any.
    max_age_days: Option<u32>,
    /// By `from`, then `to`.
    pairs: Arc<Vec<Pair>>,
    /// For each pair with rates in at least one direction both directions, by `from`, then `to`.
    links: Arc<Vec<Link>>,
}

/// The rates of a pair, by day, one a day.
#[derive(Debug, Clone, PartialEq)]
struct Pair {
    from: Currency,
    to: Currency,
    rates: Vec<(Day, f64)>,
}

/// Where the rates between two currencies stand.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Link {
    from: Currency,
    to: Currency,
    /// Index of the pair in this direction.
    direct: Option<usize>,
    /// Index of the pair in the other direction.
    inverse: Option<usize>,
}

/// How an amount of a day is converted: `amount * multiply / divide`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote {
    multiply: f64,
    divide: f64,
    /// The day of the rate; of two, the earlier one.
    pub dated: Day,
    /// The currency between.
    pub via: Option<Currency>,
}

impl Quote {
    /// An amount in major units, converted.
    #[must_use]
    pub fn convert(&self, major: f64) -> f64 {
        major * self.multiply / self.divide
    }
}

impl RateTable {
    /// This table and what was recorded after it, in that order: of several rates of a pair and day, the last holds. `generation` is the
    /// number of the last of them.
    #[must_use]
    pub fn with(&self, generation: i64, recorded: impl IntoIterator<Item = ExchangeRate>) -> Self {
        let mut table = Self {
            generation,
            ..self.clone()
        };
        for rate in recorded {
            table.add(&rate);
        }
        table.links = Arc::new(links(&table.pairs));
        table
    }

    /// The same rates, none of which converts an amount that is more than so many days younger.
    #[must_use]
    pub fn with_max_age(&self, days: u32) -> Self {
        Self {
            max_age_days: Some(days),
            ..self.clone()
        }
    }

    /// The number of the last recorded rate; 0 while there is none. Tables of equal generation are equal.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// How to convert an amount of `day`; `None` when no rate leads from one currency to the other.
    #[must_use]
    pub fn quote(&self, from: Currency, to: Currency, day: Day) -> Option<Quote> {
        self.step(from, to, day)
            .or_else(|| self.over_a_third(from, to, day))
    }

    /// The oldest rate that converts one of the amounts, each a currency with a day; `None` where none is converted.
    #[must_use]
    pub fn oldest_used(
        &self,
        amounts: impl Iterator<Item = (Currency, Day)>,
        to: Currency,
    ) -> Option<UsedRate> {
        if self.pairs.is_empty() {
            return None;
        }
        let others = amounts.filter(|&(from, _)| from != to);
        let used = others.filter_map(|(from, day)| {
            let day = self.quote(from, to, day)?.dated;
            Some(UsedRate { day, from, to })
        });
        used.min()
    }

    /// An amount of `day` in major units of `to`, rounded as `f64` rounds; `None` when there is no rate.
    #[must_use]
    pub fn convert_major(
        &self,
        amount_minor: i64,
        from: Currency,
        to: Currency,
        day: Day,
    ) -> Option<f64> {
        let major = minor_to_major(amount_minor, from);
        if from == to {
            return Some(major);
        }
        Some(self.quote(from, to, day)?.convert(major))
    }

    /// An amount of `day` in whole minor units of `to`, rounded half away from zero, or as it is in its own currency; `None` when there
    /// is no rate, or the amount is too large to keep.
    #[must_use]
    pub fn convert(&self, money: Money, to: Currency, day: Day) -> Option<Money> {
        if money.currency == to {
            return Some(money);
        }
        let major = self.convert_major(money.amount_minor, money.currency, to, day)?;
        major_to_money(major, to)
    }

    /// The first day from which amounts can be converted on every day up to `until`; `None` where they cannot on that day.
    #[must_use]
    pub fn convertible_since(&self, from: Currency, to: Currency, until: Day) -> Option<Day> {
        let first = self.first_day(from, to)?;
        let days = (0..).map(|before: i32| until.plus_days(-before));
        days.take_while(|&day| day >= first && self.quote(from, to, day).is_some())
            .last()
    }

    /// The first day on which amounts can be converted; `None` when they never can.
    #[must_use]
    pub fn first_day(&self, from: Currency, to: Currency) -> Option<Day> {
        let step = |from, to| {
            let link = self.link(from, to)?;
            let first = |pair: usize| self.pairs[pair].rates.first().map(|&(day, _)| day);
            let days = [link.direct.and_then(first), link.inverse.and_then(first)];
            days.into_iter().flatten().min()
        };
        let over = self.links_from(from).iter().filter_map(|link| {
            let days = (step(from, link.to)?, step(link.to, to)?);
            Some(days.0.max(days.1))
        });
        over.chain(step(from, to)).min()
    }

    fn add(&mut self, rate: &ExchangeRate) {
        let key = (rate.from(), rate.to());
        let pairs = Arc::make_mut(&mut self.pairs);
        let place = pairs.binary_search_by_key(&key, |pair| (pair.from, pair.to));
        let index = place.unwrap_or_else(|index| {
            let pair = Pair {
                from: rate.from(),
                to: rate.to(),
                rates: Vec::new(),
            };
            pairs.insert(index, pair);
            index
        });
        let rates = &mut pairs[index].rates;
        let value = rate.rate.value();
        match rates.binary_search_by_key(&rate.day, |&(day, _)| day) {
            Ok(known) => rates[known].1 = value,
            Err(place) => rates.insert(place, (rate.day, value)),
        }
    }

    /// Conversion by a rate of the pair, in this direction or the other.
    fn step(&self, from: Currency, to: Currency, day: Day) -> Option<Quote> {
        let link = self.link(from, to)?;
        let latest = |pair: usize| {
            let (dated, rate) = self.pairs[pair].latest(day)?;
            let age_days = day.number() - dated.number();
            let is_too_old = self
                .max_age_days
                .is_some_and(|most| i64::from(age_days) > i64::from(most));
            (!is_too_old).then_some((dated, rate))
        };
        let direct = link.direct.and_then(latest).map(|(dated, rate)| Quote {
            multiply: rate,
            divide: 1.0,
            dated,
            via: None,
        });
        direct.or_else(|| {
            let (dated, rate) = link.inverse.and_then(latest)?;
            Some(Quote {
                multiply: 1.0,
                divide: rate,
                dated,
                via: None,
            })
        })
    }

    fn over_a_third(&self, from: Currency, to: Currency, day: Day) -> Option<Quote> {
        let mut best: Option<Quote> = None;
        for link in self.links_from(from) {
            let steps = self
                .step(from, link.to, day)
                .zip(self.step(link.to, to, day));
            let Some((one, two)) = steps else {
                continue;
            };
            let dated = one.dated.min(two.dated);
            if best.is_none_or(|best| best.dated < dated) {
                best = Some(Quote {
                    multiply: one.multiply * two.multiply,
                    divide: one.divide * two.divide,
                    dated,
                    via: Some(link.to),
                });
            }
        }
        best
    }

    fn link(&self, from: Currency, to: Currency) -> Option<&Link> {
        let found = self
            .links
            .binary_search_by_key(&(from, to), |link| (link.from, link.to));
        found.ok().map(|index| &self.links[index])
    }

    fn links_from(&self, from: Currency) -> &[Link] {
        let begin = self.links.partition_point(|link| link.from < from);
        let end = self.links.partition_point(|link| link.from <= from);
        &self.links[begin..end]
    }
}

impl Pair {
    /// The latest rate on or before a day.
    fn latest(&self, day: Day) -> Option<(Day, f64)> {
        let after = self.rates.partition_point(|&(dated, _)| dated <= day);
        self.rates[..after].last().copied()
    }
}

fn links(pairs: &[Pair]) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::with_capacity(2 * pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        for (from, to, is_direct) in [(pair.from, pair.to, true), (pair.to, pair.from, false)] {
            let key = (from, to);
            let place = links.binary_search_by_key(&key, |link| (link.from, link.to));
            let at = place.unwrap_or_else(|at| {
                let link = Link {
                    from,
                    to,
                    direct: None,
                    inverse: None,
                };
                links.insert(at, link);
                at
            });
            if is_direct {
                links[at].direct = Some(index);
            } else {
                links[at].inverse = Some(index);
            }
        }
    }
    links
}
