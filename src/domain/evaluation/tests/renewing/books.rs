//! Books of contracts whose model is known.

use std::time::Duration;

use super::super::simulated::{fitted as fitted_orders, purchases_until};
use super::*;
use crate::domain::clv::fit::contracts::{ContractRow, fit_contracts};
use crate::domain::clv::random::Random;
use crate::domain::customer::contracts::terms_on;
use crate::domain::evaluation::renewals::renewal_rate;
use crate::domain::fitted::contract_models::{ContractRows, PeriodFit};
use crate::domain::fitted::report::StoredReport;

/// Models fitted to contracts, each period by itself.
fn fitted(rows: &ContractRows) -> ContractModels {
    let fit = |period_months, rows: &[ContractRow]| {
        let fitted = fit_contracts(rows).unwrap();
        PeriodFit {
            period_months,
            contracts: 0,
            fit: Ok((
                fitted.model,
                StoredReport::new(&fitted.report, Duration::ZERO),
            )),
            fallback: None,
        }
    };
    let all: Vec<ContractRow> = rows.values().flatten().copied().collect();
    let each = rows.iter().map(|(months, rows)| fit(Some(*months), rows));
    let fits: Vec<PeriodFit> = std::iter::once(fit(None, &all)).chain(each).collect();
    ContractModels::of_fits(&fits)
}

/// A book whose contracts end at each renewal with a probability of their own; notice is given, and recorded, so many days before.
fn book(seed: u64, each: usize, notice_days: i32) -> Vec<Vec<ContractFact>> {
    let mut random = Random::new(seed);
    let mut book = vec![];
    for (months, [alpha, beta]) in [(1, [0.9, 9.0]), (12, [1.4, 4.0])] {
        for _ in 0..each {
            let theta = random.beta(alpha, beta);
            let ago = i32::try_from(random.bits() % 2_000).unwrap();
            let start = day("2026-11-22").plus_days(-ago);
            let opened = fact(&start.to_string(), months, None, &start.to_string());
            let mut facts = vec![opened.clone()];
            for number in 1.. {
                let Some(due) = opened
                    .terms
                    .renewal_day(number)
                    .filter(|due| *due <= day("2026-11-22"))
                else {
                    break;
                };
                if random.uniform() < theta {
                    let told = due.plus_days(-notice_days).max(start).to_string();
                    let due = due.to_string();
                    facts.push(fact(&start.to_string(), months, Some(&due), &told));
                    break;
                }
            }
            book.push(facts);
        }
    }
    book
}

/// A population of these contracts, and what a fit at the split takes.
fn populate(book: &[Vec<ContractFact>], window: Window) -> (Population, ContractRows) {
    let mut population = Population::new(window);
    let mut left_out = ContractsLeftOut::default();
    let mut rows = ContractRows::new();
    for facts in book {
        if let Some(found) = ContractAhead::of_facts(facts, window, &mut left_out, price) {
            population.add_contracts_alone(Box::new([found]));
        }
        let known = terms_on(facts, window.split());
        let outcome =
            known.and_then(|terms| Some((terms.period_months, terms.outcome_on(window.split())?)));
        if let Some((months, (renewals, outcome))) = outcome {
            rows.entry(months).or_default().push(ContractRow {
                renewals,
                outcome,
                count: 1,
            });
        }
    }
    population.leave_out_contracts(left_out);
    (population, rows)
}

#[test]
fn renewals_of_simulated_books_lie_in_their_intervals() {
    const BOOKS: u64 = 60;
    let window = window("2025-11-22", "2026-11-22");
    let (mut held, mut value_held, mut ratio) = (0, 0, 0.0);
    let (mut calibrated, mut better) = (0.0, 0);
    for seed in 0..BOOKS {
        let (population, rows) = populate(&book(seed, 300, 0), window);
        let models = fitted(&rows);
        let rate = renewal_rate(&rows);
        let found = evaluate_renewals(&population, &models, rate, seed).unwrap();
        assert_eq!(found.built_in_contracts, 0);
        let [all, monthly, yearly] = &found.groups[..] else {
            panic!("{found:?}");
        };
        assert_eq!(all.due, monthly.due + yearly.due);
        // With the future in sight, what falls due is what comes.
        assert!(all.renewed < all.due, "{all:?}");
        let total = all.total.unwrap();
        held += u32::from(total.low <= total.actual && total.actual <= total.high);
        ratio += all.expected / total.actual / f64::from(u32::try_from(BOOKS).unwrap());
        calibrated += all.coverage[1].calibrated_share / f64::from(u32::try_from(BOOKS).unwrap());
        better += u32::from(all.brier_score < all.baseline_brier_score.unwrap());
        let value = evaluate_value(&population, None, &models, rate, seed).unwrap();
        let total = value.quantity.total.unwrap();
        value_held += u32::from(total.low <= total.actual && total.actual <= total.high);
    }
    println!(
        "held {held}, value {value_held} of {BOOKS}; ratio {ratio:.4}, calibrated {calibrated:.4}, better {better}"
    );
    // 54 are expected, 4 to either side are two standard deviations.
    assert!((49..=59).contains(&held), "{held}");
    assert_eq!(held, value_held);
    assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
    assert!((calibrated - 0.9).abs() < 0.01, "{calibrated}");
    assert_eq!(better, u32::try_from(BOOKS).unwrap());
}

/// The models know nothing of notice, and scores expect nothing of a contract with a known end: where notice is recorded early, contracts
/// without it are renewed more often than all contracts together.
#[test]
fn early_notice_shows_as_a_forecast_that_is_too_low() {
    const BOOKS: u64 = 20;
    let window = window("2025-11-22", "2026-11-22");
    let (mut expected, mut actual, mut above) = (0.0, 0.0, 0);
    for seed in 0..BOOKS {
        let book = book(seed, 300, 90);
        let yearly: Vec<_> = book.into_iter().skip(300).collect();
        let (population, rows) = populate(&yearly, window);
        let models = fitted(&rows);
        let found = evaluate_renewals(&population, &models, renewal_rate(&rows), seed).unwrap();
        assert!(found.left_out.ending > 0, "{found:?}");
        let all = &found.groups[0];
        let total = all.total.unwrap();
        expected += all.expected;
        actual += total.actual;
        above += u32::from(total.actual > total.high);
    }
    let ratio = expected / actual;
    println!("three months of notice: expected/actual {ratio:.4}, above in {above} of {BOOKS}");
    assert!((0.9..0.99).contains(&ratio), "{ratio}");
}

/// Buyers whose model is known, every other one with a contract, and customers with contracts alone; prices from 10 to 50 EUR.
fn mixed(seed: u64, window: Window) -> (Population, ContractRows) {
    let truth = OrderModel::new(ModelKind::MbgNbd, [0.8, 9.0, 0.9, 2.5]).unwrap();
    let mut random = Random::new(seed ^ 0xB0B);
    let euro = "EUR".parse().unwrap();
    let basis = Basis::new(
        Revision::built_in().unwrap(),
        None,
        Some(euro),
        Arc::default(),
    );
    let mut left_out = ContractsLeftOut::default();
    let price =
        |terms: &ContractTerms, _| Some(f64::from(10 + 10 * (terms.started_on.number() % 5)));
    let book = book(seed, 400, 0);
    let (_, rows) = populate(&book, window);
    let ahead = book
        .iter()
        .map(|facts| ContractAhead::of_facts(facts, window, &mut left_out, price));
    let mut ahead = ahead.collect::<Vec<_>>().into_iter().flatten();
    let mut population = Population::new(window);
    for at in 0..400 {
        let days = purchases_until(window.until(), &truth, &mut random);
        let split = days.partition_point(|entry| entry.day <= window.split());
        let (known, later) = days.split_at(split);
        let margins = |days: &[PurchaseDay]| OrderMargins::of(days, &basis).unwrap();
        let own = (at % 2 == 0).then(|| ahead.next()).flatten();
        let value = ValueFacts {
            known_margins: Some(margins(known)),
            holdout_margin: Some(margins(later).realised()),
            contracts: own.into_iter().collect(),
        };
        let person = Stratum::of_kind(CustomerKind::Person);
        population
            .add_valued(person, &days, &days, value, major)
            .unwrap();
    }
    ahead.for_each(|one| population.add_contracts_alone(Box::new([one])));
    population.sort();
    (population, rows)
}

#[test]
fn the_value_of_simulated_customers_lies_in_its_interval() {
    const POPULATIONS: u64 = 20;
    let window = window("2025-11-22", "2026-11-22");
    let (mut known, mut held, mut expected, mut actual) = (0, 0, 0.0, 0.0);
    for seed in 0..POPULATIONS {
        let (population, rows) = mixed(seed, window);
        let model = fitted_orders(ModelKind::MbgNbd, &population);
        let models = fitted(&rows);
        let rate = renewal_rate(&rows);
        let found = evaluate_value(&population, Some(&model), &models, rate, seed).unwrap();
        assert!(found.customers > 400, "nobody has contracts alone");
        assert_eq!(found.unconvertible, 0);
        // Where a draw of the spend model has no variance, the total has none.
        let Some(total) = found.quantity.total else {
            continue;
        };
        known += 1;
        held += u32::from((total.low..=total.high).contains(&total.actual));
        expected += found.orders.unwrap().expected + found.contracts.expected;
        actual += total.actual;
    }
    let ratio = expected / actual;
    println!("value: held {held} of {known}, expected/actual {ratio:.4}");
    assert!(known > 15, "{known}");
    // Nine of ten are expected; of 40 populations 37 were within.
    assert!(
        (known * 8 / 10..=known).contains(&held),
        "{held} of {known}"
    );
    assert!((ratio - 1.0).abs() < 0.05, "{ratio}");
}
