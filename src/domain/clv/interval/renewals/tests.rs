//! Coverage: simulated contracts, whose renewals are known, fall into the intervals as often as promised.

use super::*;
use crate::domain::clv::fit::contracts::{
    ContractFit, ContractOutcome, ContractRow, fit_contracts,
};

/// Renewals looked ahead, and what each brings.
const DUE: usize = 12;

fn amounts() -> Vec<f64> {
    // Falling as by a discount, and whole, so that equal sums are equal.
    (1..=12).map(|month| f64::from(100 - month)).collect()
}

/// A contract that ends at each renewal with its own probability: renewals until it was last looked at, at most `observed`.
fn renewals(ending: f64, observed: u32, random: &mut Random) -> u32 {
    let renewed = (0..observed).take_while(|_| random.uniform() >= ending);
    u32::try_from(renewed.count()).unwrap()
}

/// Contracts that still ran after up to two years, each with its probability of ending, and the fit to all of them.
fn book(draw: impl Fn(&mut Random) -> f64, random: &mut Random) -> (Vec<(u32, f64)>, ContractFit) {
    let mut running = vec![];
    let mut rows = vec![];
    for _ in 0..6_000 {
        let ending = draw(random);
        let observed = u32::try_from(random.bits() % 24).unwrap();
        let renewed = renewals(ending, observed, random);
        let outcome = if renewed < observed {
            ContractOutcome::Ended
        } else {
            running.push((renewed, ending));
            ContractOutcome::Running
        };
        rows.push(ContractRow {
            renewals: renewed,
            outcome,
            count: 1,
        });
    }
    (running, fit_contracts(&rows).unwrap())
}

fn uncertain(fit: &ContractFit) -> UncertainRenewals {
    let fitted = Estimated {
        model: &fit.model,
        log_covariance: fit.report.log_covariance.as_deref(),
    };
    UncertainRenewals::new(&fitted, 17).unwrap()
}

/// Whether the outcome lies in the central 90 % of the futures; ties are broken at random, so that whole numbers count as they should.
fn is_central(futures: &Distribution, outcome: f64, random: &mut Random) -> bool {
    let below = 1.0 - futures.probability_at_least(outcome);
    let not_above = 1.0 - futures.probability_at_least(outcome.next_up());
    (0.05..0.95).contains(&(below + (not_above - below) * random.uniform()))
}

#[test]
fn ninety_percent_intervals_of_renewals_cover_eighty_six_to_ninety_four_percent() {
    let differing = |random: &mut Random| random.beta(0.9, 9.0);
    let alike = |_: &mut Random| 0.08;
    let draws: [&dyn Fn(&mut Random) -> f64; 2] = [&differing, &alike];
    for (at, draw) in draws.into_iter().enumerate() {
        let mut random = Random::new(31);
        let (running, fit) = book(draw, &mut random);
        let model = uncertain(&fit);
        let amounts = amounts();
        let (mut renewed_central, mut value_central, mut printed, mut count) = (0.0, 0.0, 0.0, 0.0);
        // Customers with two contracts each, whose futures are added.
        for pair in running.chunks_exact(2) {
            let contracts = pair.iter().map(|&(renewals, _)| Renewable {
                model: &model,
                renewals,
                amounts: &amounts,
            });
            let futures = RenewalFutures::new(&contracts.collect::<Vec<_>>(), 17);
            let (mut renewed, mut value) = (0.0, 0.0);
            for &(_, ending) in pair {
                let times = renewals(ending, 12, &mut random);
                renewed += f64::from(times);
                value += amounts.iter().take(times as usize).sum::<f64>();
            }
            let of_value = futures.value();
            let central = is_central(&futures.renewals(), renewed, &mut random);
            renewed_central += f64::from(u8::from(central));
            let central = is_central(&of_value, value, &mut random);
            value_central += f64::from(u8::from(central));
            let (low, high) = of_value.interval(0.9);
            printed += f64::from(u8::from((low - 1e-9..=high + 1e-9).contains(&value)));
            count += 1.0;
        }
        // Of a share of 0.9 of so many the standard error is 0.01.
        assert!(count > 900.0, "{count}");
        let coverage = [renewed_central / count, value_central / count];
        for share in coverage {
            assert!((0.86..=0.94).contains(&share), "{at}: {coverage:?}");
        }
        // An interval of whole renewals holds more than promised.
        assert!(printed / count >= 0.86, "{at}: {}", printed / count);
    }
}

#[test]
fn futures_average_to_the_expectation_and_are_the_same_every_time() {
    let mut random = Random::new(5);
    let (_, fit) = book(|random| random.beta(0.9, 9.0), &mut random);
    let model = uncertain(&fit);
    let amounts = amounts();
    let contract = Renewable {
        model: &model,
        renewals: 7,
        amounts: &amounts,
    };
    let futures = RenewalFutures::new(&[contract], 3);
    assert_eq!(futures, RenewalFutures::new(&[contract], 3));
    assert_ne!(futures, RenewalFutures::new(&[contract], 4));
    let (mut probability, mut expected, mut value) = (1.0, 0.0, 0.0);
    for (number, amount) in (7..).zip(&amounts) {
        probability *= fit.model.retention(number);
        expected += probability;
        value += probability * amount;
    }
    assert_eq!(amounts.len(), DUE);
    let mean = |all: &[f64]| all.iter().sum::<f64>() / 1_000.0;
    // A standard deviation of about 3 renewals in a thousand futures.
    assert!(
        (mean(&futures.renewals) - expected).abs() < 0.4,
        "{expected}"
    );
    assert!((mean(&futures.value) / value - 1.0).abs() < 0.05, "{value}");
    let none = RenewalFutures::new(&[], 3);
    assert_eq!(none.value().interval(0.9), (0.0, 0.0));
}

#[test]
fn a_fit_that_does_not_say_how_uncertain_it_is_gives_no_futures() {
    let mut random = Random::new(5);
    let (_, fit) = book(|_| 0.1, &mut random);
    let without = Estimated {
        model: &fit.model,
        log_covariance: None,
    };
    let error = UncertainRenewals::new(&without, 1).unwrap_err();
    assert!(matches!(error, IntervalError::NoCovariance { .. }));
    let alike = RenewalModel::Alike(Geometric::new(0.1).unwrap());
    let of_two = [vec![1.0, 0.0], vec![0.0, 1.0]];
    let other = Estimated {
        model: &alike,
        log_covariance: Some(&of_two[..]),
    };
    let error = UncertainRenewals::new(&other, 1).unwrap_err();
    assert!(matches!(error, IntervalError::OtherModel { .. }));
}
