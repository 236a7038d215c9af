//! Small shops that buy exactly as a model says: how many get an answer, how far the forecast is off, and how often the 90 % interval of
//! all orders to come holds what came.
//!
//! A measurement of answers, not of time: it prints one table. Unless a row names CDNOW, each shop has parameters of its own, drawn around
//! those of real shops, and customers of up to two years. `PATRON_SHOPS` changes the number of shops in each row.

#![expect(
    clippy::unwrap_used,
    reason = "the simulated customers are possible by construction"
)]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use patron::domain::clv::fit::fit_orders;
use patron::domain::clv::fit::rows::{CollapsedRow, collapse};
use patron::domain::clv::history::PurchaseHistory;
use patron::domain::clv::interval::total::Total;
use patron::domain::clv::interval::{Estimated, UncertainModel};
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::domain::clv::random::Random;
use patron::domain::clv::season::TimeAhead;
use patron::domain::clv::simulation::{DrawnCustomer, Ending};
use patron::domain::clv::stages::Stages;

const DEFAULT_SHOPS: u64 = 200;
/// Ages of customers, in days: of a shop of two years, and of the CDNOW sample after nine months.
const AGES: (u32, u32) = (14, 728);
const CDNOW_AGES: (u32, u32) = (189, 273);
/// MBG/NBD of the CDNOW sample.
const CDNOW: [f64; 4] = [0.525, 6.183, 0.891, 1.614];
/// What is forecast, in weeks: a quarter, a year.
const HORIZONS: [f64; 2] = [13.0, 52.0];
const LEVEL: f64 = 0.9;

/// How a shop's customers buy.
#[derive(Clone, Copy, PartialEq)]
enum Truth {
    /// Exactly as the model that is fitted.
    Model,
    /// The same, with parameters and ages of CDNOW.
    Cdnow,
    /// As MBG/NBD, but never leaving.
    NeverLeaving,
    /// As MBG/NBD, but with Erlang-3 times between orders.
    Regular,
}

/// What became of one shop.
struct Shop {
    held: bool,
    converged: bool,
    /// By horizon: expected, actual, whether the interval holds it.
    forecasts: [(f64, f64, bool); 2],
}

/// Parameters around those of CDNOW, groceries and apparel.
fn parameters(kind: ModelKind, random: &mut Random) -> [f64; 4] {
    let mut around = |median: f64, spread: f64| median * (spread * random.normal()).exp();
    let [r, weeks] = [around(0.8, 0.4), around(8.0, 0.4)];
    let [leaving, odds] = [around(0.8, 0.3), around(0.35, 0.4)];
    match kind {
        ModelKind::ParetoNbd => [r, r * weeks, leaving, leaving * weeks / odds],
        ModelKind::BgNbd | ModelKind::MbgNbd | ModelKind::MbgCnbd(_) => {
            [r, r * weeks, leaving, leaving / odds]
        }
    }
}

/// Days of the orders after the first within so many, one a day at most.
fn days(customer: &DrawnCustomer, truth: Truth, until: u32, random: &mut Random) -> Vec<u32> {
    let weeks = f64::from(until) / 7.0;
    let times: Vec<f64> = match truth {
        Truth::Regular => {
            // Every third event of a process three times as fast, leaving after orders alone.
            let fast = DrawnCustomer {
                orders_per_week: 3.0 * customer.orders_per_week,
                ending: Ending::AtTime {
                    weeks: f64::INFINITY,
                },
                stages: Stages::ONE,
                stages_passed: 0,
            };
            let all: Vec<f64> = fast.orders(weeks, 100_000, random).collect();
            let leaving = match customer.ending {
                Ending::AfterOrders { probability } => probability,
                Ending::Gone => 1.0,
                Ending::AtTime { .. } => 0.0,
            };
            let orders = all.into_iter().skip(2).step_by(3);
            let mut stays = customer.ending != Ending::Gone;
            orders
                .take_while(|_| {
                    let now = stays;
                    stays = stays && random.uniform() > leaving;
                    now
                })
                .collect()
        }
        Truth::Model | Truth::Cdnow | Truth::NeverLeaving => {
            customer.orders(weeks, 100_000, random).collect()
        }
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole days"
    )]
    let mut days: Vec<u32> = times
        .into_iter()
        .map(|time| ((time * 7.0).ceil() as u32).min(until))
        .collect();
    days.dedup();
    days
}

/// A shop of so many customers, forecast and then looked at; `None` where there is nothing to fit.
fn shop(kind: ModelKind, truth: Truth, customers: u32, seed: u64) -> Option<Shop> {
    let mut random = Random::new(seed);
    let (parameters, ages) = match truth {
        Truth::Cdnow => (CDNOW, CDNOW_AGES),
        Truth::Model | Truth::NeverLeaving | Truth::Regular => {
            (parameters(kind, &mut random), AGES)
        }
    };
    let model = OrderModel::new(kind, parameters).unwrap();
    let mut rows = vec![];
    let mut came = [0.0; 2];
    for _ in 0..customers {
        let spread = u64::from(ages.1 - ages.0);
        let age = ages.0 + u32::try_from(random.bits() % spread).unwrap();
        let mut customer = DrawnCustomer::draw(&model.newcomer(), &mut random);
        if truth == Truth::NeverLeaving {
            customer.ending = Ending::AtTime {
                weeks: f64::INFINITY,
            };
        }
        let all = days(&customer, truth, age + 364, &mut random);
        let known = all.partition_point(|&day| day <= age);
        let last = known.checked_sub(1).map_or(0, |at| all[at]);
        rows.push(CollapsedRow::new(u32::try_from(known).unwrap(), last, age, 1).unwrap());
        for (sum, weeks) in came.iter_mut().zip(HORIZONS) {
            let to_come = all[known..]
                .iter()
                .filter(|&&day| f64::from(day - age) <= 7.0 * weeks);
            *sum += f64::from(u32::try_from(to_come.count()).unwrap());
        }
    }
    let fit = fit_orders(kind, &collapse(rows.iter().copied())).ok()?;
    let covariance = fit.report.log_covariance.as_deref();
    let estimated = Estimated {
        model: &fit.model,
        log_covariance: covariance,
    };
    let uncertain = UncertainModel::of_orders(&estimated, 1).ok();
    let forecasts = std::array::from_fn(|at| {
        let (weeks, actual) = (HORIZONS[at], came[at]);
        let mut random = Random::new(7);
        let mut expected = 0.0;
        let mut totals: Vec<Total> = vec![];
        for row in &rows {
            let history =
                PurchaseHistory::from_days(row.frequency(), row.recency_days(), row.age_days())
                    .unwrap();
            expected += fit.model.outlook(&history).expected_orders(weeks);
            if let Some(uncertain) = &uncertain {
                totals.push(
                    uncertain
                        .totals(&history, None, weeks, &TimeAhead::CALENDAR, &mut random)
                        .orders,
                );
            }
        }
        let total = Total::sum(totals.iter().map(|one| (0, 1.0, one)), 1);
        let holds = uncertain.is_some() && total.standard_deviation().is_finite() && {
            let (low, high) = total.interval(LEVEL);
            (low..=high).contains(&actual)
        };
        (expected, actual, holds)
    });
    Some(Shop {
        held: fit.report.held.is_some(),
        converged: fit.report.convergence.is_converged(),
        forecasts,
    })
}

#[expect(clippy::cast_precision_loss, reason = "some hundred shops")]
fn print_row(name: &str, kind: ModelKind, truth: Truth, customers: u32, count: u64) {
    let shops: Vec<Option<Shop>> = (0..count)
        .map(|seed| shop(kind, truth, customers, 1_000 * u64::from(customers) + seed))
        .collect();
    let of_all = |what: &dyn Fn(&Shop) -> bool| {
        let found = shops.iter().flatten().filter(|shop| what(shop)).count();
        100.0 * found as f64 / count as f64
    };
    print!(
        "{name:<28} {customers:>5} {:>8.1} {:>6.1}",
        of_all(&|shop| shop.converged),
        of_all(&|shop| shop.held)
    );
    for at in 0..2 {
        let within = of_all(&|shop| shop.forecasts[at].2);
        let of_held = |held: bool| {
            let chosen = shops.iter().flatten().filter(|shop| shop.held == held);
            let chosen: Vec<bool> = chosen.map(|shop| shop.forecasts[at].2).collect();
            let within = chosen.iter().filter(|&&within| within).count();
            100.0 * within as f64 / chosen.len().max(1) as f64
        };
        let mut ratios: Vec<f64> = shops
            .iter()
            .flatten()
            .map(|shop| shop.forecasts[at])
            .map(|(expected, actual, _)| expected / actual.max(1.0))
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let median = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN);
        print!(
            " | {within:>5.1} {:>5.1} {:>5.1} {median:>6.2}",
            of_held(true),
            of_held(false)
        );
    }
    println!();
}

fn main() {
    let shops = std::env::var("PATRON_SHOPS").ok();
    let shops = shops.and_then(|text| text.parse().ok());
    let shops = shops.unwrap_or(DEFAULT_SHOPS);
    println!(
        "{shops} shops a row. Shares in %: answered, of these held by weak priors; total of the next quarter and the next year within its \
         90 % interval (all shops, held ones, others), and median of expected over actual."
    );
    println!(
        "shop                    customers answered   held |   quarter                |   year"
    );
    for (name, truth) in [
        ("MBG/NBD", Truth::Model),
        ("MBG/NBD of CDNOW", Truth::Cdnow),
    ] {
        for customers in [50, 100, 150, 300] {
            print_row(name, ModelKind::MbgNbd, truth, customers, shops);
        }
    }
    for (name, kind) in [
        ("BG/NBD", ModelKind::BgNbd),
        ("Pareto/NBD", ModelKind::ParetoNbd),
    ] {
        for customers in [100, 300] {
            print_row(name, kind, Truth::Model, customers, shops);
        }
    }
    for (name, truth) in [
        ("MBG/NBD, never leaving", Truth::NeverLeaving),
        ("MBG/NBD, Erlang-3 times", Truth::Regular),
    ] {
        print_row(name, ModelKind::MbgNbd, truth, 150, shops);
    }
}
