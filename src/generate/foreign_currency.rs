//! Customers of the demo who pay in another currency, and the monthly rates by which their amounts are converted.
//!
//! The population is invented in euros; here some of it moves across the border. Fully determined by the seed and the last day.

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use super::history::{CURRENCY, HISTORY_DAYS};
use super::population::{DemoOptions, Population};
use super::random::Random;
use crate::pb;

/// What they pay in.
pub const ABROAD: &str = "CHF";
/// Every so many-th customer lives in a foreign-currency country: 2.5 %.
const EVERY: usize = 40;
/// The first of them, by number.
const FIRST: usize = 17;
/// The first rate, euros for a franc in ten-thousandths, and how far the later ones go from it at most.
const RATE: (i64, i64) = (10_400, 900);
/// By how much the rate of a month differs from that of the month before at most.
const STEP: usize = 120;
/// Prices in foreign currency for one in euros: 24 for 25. One price list for all days, so that what was paid back is still what was paid.
const PRICE: (i64, i64) = (24, 25);

/// Lets some customers pay in francs: their purchases, refunds and costs. What serving them costs stays in euros.
pub fn move_abroad(population: &mut Population) {
    let transactions = population.transactions.iter_mut();
    for fact in transactions.chain(&mut population.late_transactions) {
        if !is_abroad(&fact.customer_id) {
            continue;
        }
        let price = |minor: i64| (minor * PRICE.0 + PRICE.1 / 2) / PRICE.1;
        if let Some(amount) = &mut fact.amount {
            amount.amount_minor = price(amount.amount_minor);
            ABROAD.clone_into(&mut amount.currency);
        }
        fact.cost_minor = fact.cost_minor.map(price);
    }
}

/// Whether a customer of the demo lives in a foreign-currency country.
fn is_abroad(customer_id: &str) -> bool {
    let number: Option<usize> = customer_id.trim_start_matches("c-").parse().ok();
    number.is_some_and(|number| number % EVERY == FIRST)
}

/// A rate from francs to euros for the first day of every month of the histories.
#[must_use]
pub fn rates(options: DemoOptions) -> Vec<pb::ExchangeRate> {
    let mut random = Random::seeded(options.seed);
    let first_day = options.as_of.saturating_sub(Span::new().days(HISTORY_DAYS));
    let mut month: Date = first_day.first_of_month();
    let mut rate = RATE.0;
    let mut rates = Vec::new();
    while month <= options.as_of {
        rates.push(pb::ExchangeRate {
            from_currency: ABROAD.to_owned(),
            to_currency: CURRENCY.to_owned(),
            day: month.to_string(),
            rate: format!("{}.{:04}", rate / 10_000, rate % 10_000),
        });
        let step = i64::try_from(random.below(2 * STEP + 1)).unwrap_or_default();
        let step = step - i64::try_from(STEP).unwrap_or_default();
        rate = (rate + step).clamp(RATE.0 - RATE.1, RATE.0 + RATE.1);
        month = month.saturating_add(1.month());
    }
    rates
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::super::population::generate;
    use super::*;
    use crate::domain::rates::Rate;

    const OPTIONS: DemoOptions = DemoOptions {
        seed: 1,
        customers: 2_000,
        as_of: date(2024, 6, 30),
    };

    #[test]
    fn a_small_share_pays_abroad_and_every_day_of_the_histories_has_a_rate() {
        let mut population = generate(OPTIONS);
        let before = population.transactions.clone();
        move_abroad(&mut population);
        let mut foreign = BTreeSet::new();
        for (fact, was) in population.transactions.iter().zip(&before) {
            let (amount, was) = (fact.amount.as_ref().unwrap(), was.amount.as_ref().unwrap());
            if amount.currency == ABROAD {
                foreign.insert(&fact.customer_id);
                // 24 for 25, to the nearest cent.
                assert!((amount.amount_minor * 25 - was.amount_minor * 24).abs() <= 12);
            } else {
                assert_eq!(amount, was);
            }
        }
        assert!((30..=50).contains(&foreign.len()), "{}", foreign.len());
        let rates = rates(OPTIONS);
        assert_eq!(rates.len(), 36);
        assert_eq!(rates[0].day, "2021-07-01");
        assert_eq!(rates.last().unwrap().day, "2024-06-01");
        for one in &rates {
            let value = one.rate.parse::<Rate>().unwrap().value();
            assert!((0.95..=1.13).contains(&value), "{value}");
        }
    }
}
