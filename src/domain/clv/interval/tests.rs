//! Coverage: simulated customers, whose futures are known, fall into the intervals as often as promised.

use super::*;
use crate::domain::clv::fit::report::FitReport;
use crate::domain::clv::fit::rows::{CollapsedRow, SpendRow, collapse};
use crate::domain::clv::fit::{fit_orders, fit_spend};
use crate::domain::clv::lifetime::discounted_orders;
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::simulation::DrawnCustomer;
use crate::domain::clv::stages::Stages;

/// A simulated customer: what is known at the end of calibration, and what came after.
struct Subject {
    row: CollapsedRow,
    spend: Option<SpendHistory>,
    orders_later: f64,
    revenue_later: f64,
    /// Discounted at the end of the month of each order.
    value_later: f64,
}

const CALIBRATION_WEEKS: f64 = 52.0;
const WEEKS_PER_MONTH: f64 = CALIBRATION_WEEKS / 12.0;
const SPEND: [f64; 3] = [4.0, 3.5, 20.0];
const MARGIN: f64 = 0.3;

fn subject(model: &OrderModel, random: &mut Random) -> Subject {
    let [p, q, v] = SPEND;
    let customer = DrawnCustomer::draw(&model.newcomer(), random);
    let times: Vec<f64> = customer
        .orders(2.0 * CALIBRATION_WEEKS, usize::MAX, random)
        .collect();
    let spend_rate = random.gamma(q) / v;
    let spends: Vec<f64> = times.iter().map(|_| random.gamma(p) / spend_rate).collect();
    let known = times.partition_point(|&time| time <= CALIBRATION_WEEKS);
    let frequency = u32::try_from(known).unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole days"
    )]
    let recency_days = times[..known]
        .last()
        .map_or(0, |weeks| (weeks * 7.0).ceil() as u32);
    let mean = spends[..known].iter().sum::<f64>() / f64::from(frequency.max(1));
    let discounted = |(time, spend): (&f64, &f64)| {
        let months = ((time - CALIBRATION_WEEKS) / WEEKS_PER_MONTH).ceil();
        MARGIN * spend * 1.01_f64.powf(-months)
    };
    Subject {
        row: CollapsedRow::new(frequency, recency_days, 364, 1).unwrap(),
        spend: SpendHistory::new(frequency, mean).ok(),
        orders_later: f64::from(u32::try_from(times.len() - known).unwrap()),
        revenue_later: spends[known..].iter().sum(),
        value_later: times[known..]
            .iter()
            .zip(&spends[known..])
            .map(discounted)
            .sum(),
    }
}

fn history(row: &CollapsedRow) -> PurchaseHistory {
    PurchaseHistory::from_days(row.frequency(), row.recency_days(), row.age_days()).unwrap()
}

fn fitted(kind: ModelKind, subjects: &[Subject]) -> UncertainModel {
    let orders = fit_orders(kind, &collapse(subjects.iter().map(|subject| subject.row))).unwrap();
    let spend: Vec<SpendRow> = subjects
        .iter()
        .filter_map(|subject| subject.spend)
        .map(|spend| SpendRow::new(spend.orders(), spend.mean_spend(), 1).unwrap())
        .collect();
    let spend = fit_spend(&spend).unwrap();
    UncertainModel::new(
        &estimated(&orders.model, &orders.report),
        &estimated(&spend.model, &spend.report),
        17,
    )
    .unwrap()
}

fn estimated<'a, M>(model: &'a M, report: &'a FitReport) -> Estimated<'a, M> {
    Estimated {
        model,
        log_covariance: report.log_covariance.as_deref(),
    }
}

/// Where the outcome lies among the futures, uniform on (0, 1) if they are right; ties are broken at random, so that the
/// many customers without an order count as they should.
fn position(futures: &Distribution, outcome: f64, random: &mut Random) -> f64 {
    let (below, not_above) = (
        1.0 - futures.probability_at_least(outcome),
        1.0 - futures.probability_at_least(outcome.next_up()),
    );
    below + (not_above - below) * random.uniform()
}

#[test]
fn ninety_percent_intervals_cover_eighty_six_to_ninety_four_percent() {
    let year = Horizon::new(12, 0.01, WEEKS_PER_MONTH).unwrap();
    for (kind, parameters) in [
        (ModelKind::BgNbd, [0.8, 6.0, 0.8, 2.5]),
        (ModelKind::MbgNbd, [0.8, 6.0, 0.8, 2.5]),
        (ModelKind::ParetoNbd, [0.8, 6.0, 0.8, 15.0]),
        (ModelKind::MbgCnbd(Stages::TWO), [0.8, 3.0, 0.8, 2.5]),
    ] {
        let mut random = Random::new(23);
        let model = OrderModel::new(kind, parameters).unwrap();
        let subjects: Vec<Subject> = (0..1_000).map(|_| subject(&model, &mut random)).collect();
        let uncertain = fitted(kind, &subjects);
        let mut central = [0.0; 3];
        let (mut active, mut covered) = (0.0, 0.0);
        for subject in &subjects {
            let futures = uncertain.futures(
                &history(&subject.row),
                subject.spend.as_ref(),
                MARGIN,
                &year,
            );
            let outcomes = [
                (&futures.orders, subject.orders_later),
                (&futures.revenue, subject.revenue_later),
                (&futures.value, subject.value_later),
            ];
            for (sum, (futures, outcome)) in central.iter_mut().zip(outcomes) {
                if (0.05..0.95).contains(&position(futures, outcome, &mut random)) {
                    *sum += 1.0 / 1_000.0;
                }
            }
            // Of customers who most likely order again, the interval as it is printed.
            if futures.orders.quantile(0.5) >= 2.0 {
                let (low, high) = futures.value.interval(0.9);
                covered += f64::from(u8::from((low..=high).contains(&subject.value_later)));
                active += 1.0;
            }
        }
        let name = kind.name();
        println!(
            "{name}: orders, revenue, value {central:.3?}, printed intervals of {active} active {:.3}",
            covered / active
        );
        for coverage in central {
            assert!((0.86..=0.94).contains(&coverage), "{name}: {coverage}");
        }
        // An interval that begins at 0 holds a little more than promised.
        assert!(
            active > 50.0 && (0.86..=0.98).contains(&(covered / active)),
            "{name}"
        );
    }
}

#[test]
fn futures_average_to_the_expectation_and_are_the_same_every_time() {
    let mut random = Random::new(29);
    let model = OrderModel::new(ModelKind::MbgNbd, [0.8, 6.0, 0.8, 2.5]).unwrap();
    let subjects: Vec<Subject> = (0..4_000).map(|_| subject(&model, &mut random)).collect();
    let uncertain = fitted(ModelKind::MbgNbd, &subjects);
    let long = Horizon::new(60, 0.01, 4.345).unwrap();
    let history = PurchaseHistory::from_days(12, 350, 364).unwrap();
    let spend = SpendHistory::new(12, 30.0).unwrap();
    let futures = uncertain.futures(&history, Some(&spend), 0.3, &long);
    assert_eq!(
        futures,
        uncertain.futures(&history, Some(&spend), 0.3, &long)
    );
    let mean = |distribution: &Distribution| distribution.ascending.iter().sum::<f64>() / 1_000.0;
    let expected = model.outlook(&history).expected_orders(long.weeks());
    assert!(
        (mean(&futures.orders) / expected - 1.0).abs() < 0.15,
        "{} {expected}",
        mean(&futures.orders)
    );
    let value =
        0.3 * 30.0 * discounted_orders(&model.outlook(&history), &long, &TimeAhead::CALENDAR);
    assert!(
        (mean(&futures.value) / value - 1.0).abs() < 0.15,
        "{} {value}",
        mean(&futures.value)
    );
}

#[test]
fn long_horizons_are_discounted_as_by_the_month() {
    for (kind, parameters) in [
        (ModelKind::BgNbd, [0.8, 6.0, 0.8, 2.5]),
        (ModelKind::MbgNbd, [3.0, 2.0, 2.0, 20.0]),
        (ModelKind::ParetoNbd, [0.8, 6.0, 0.8, 15.0]),
        (ModelKind::MbgCnbd(Stages::TWO), [0.8, 3.0, 0.8, 2.5]),
        // Who leaves, leaves within weeks.
        (ModelKind::ParetoNbd, [3.0, 2.0, 2.0, 8.0]),
    ] {
        let outlook = OrderModel::new(kind, parameters).unwrap().newcomer();
        let mut random = Random::new(43);
        for (months, rate) in [(24, 0.01), (60, 0.01), (120, 0.01), (120, 0.03)] {
            let horizon = Horizon::new(months, rate, WEEKS_PER_MONTH).unwrap();
            let blocks = blocks(&horizon, &TimeAhead::CALENDAR);
            let (mut orders, mut discounted) = (0.0, 0.0);
            for _ in 0..60_000 {
                let (bought, after_discount) =
                    orders_within(outlook.process(), &blocks, 1.0, &mut random);
                orders += bought;
                discounted += after_discount;
            }
            // The mean discount of an order: chance in the number of orders is in both sums.
            let expected = discounted_orders(&outlook, &horizon, &TimeAhead::CALENDAR)
                / outlook.expected_orders(horizon.weeks());
            let off = discounted / orders / expected - 1.0;
            println!(
                "{} {parameters:?} {months} months at {rate}: {:+.2} %",
                kind.name(),
                100.0 * off
            );
            assert!(off.abs() < 0.015, "{kind:?} {months} {rate}: {off}");
        }
    }
}

#[test]
fn tier_probabilities_add_up_and_follow_the_edges() {
    let distribution = Distribution::new(vec![
        0.0, 0.0, 1.0, 5.0, 10.0, 10.0, 50.0, 70.0, 90.0, 100.0,
    ]);
    assert_eq!(
        distribution.band_probabilities(&[10.0, 60.0]),
        vec![0.4, 0.6 - 0.3, 0.3]
    );
    assert_eq!(distribution.interval(0.8), (0.0, 90.0));
    assert!((distribution.probability_at_least(10.0) - 0.6).abs() < 1e-15);
}

#[test]
fn a_fit_without_covariance_gives_no_intervals() {
    let row = |x, t, age, n| CollapsedRow::new(x, t, age, n).unwrap();
    let orders = fit_orders(ModelKind::BgNbd, &[row(1, 7, 7, 1)]).unwrap();
    let spend = fit_spend(&[
        SpendRow::new(2, 10.0, 5).unwrap(),
        SpendRow::new(1, 20.0, 5).unwrap(),
        SpendRow::new(1, 9.0, 5).unwrap(),
    ])
    .unwrap();
    let spend_estimated = estimated(&spend.model, &spend.report);
    let without = Estimated {
        model: &orders.model,
        log_covariance: None,
    };
    let error = UncertainModel::new(&without, &spend_estimated, 1).unwrap_err();
    assert!(matches!(error, IntervalError::NoCovariance { .. }));
    let of_three = vec![
        vec![1.0, 0.0, 0.0],
        vec![0.0, 1.0, 0.0],
        vec![0.0, 0.0, 1.0],
    ];
    let other = Estimated {
        model: &orders.model,
        log_covariance: Some(&of_three),
    };
    let error = UncertainModel::new(&other, &spend_estimated, 1).unwrap_err();
    assert_eq!(
        error,
        IntervalError::OtherModel {
            given: 3,
            expected: 4
        }
    );
}
