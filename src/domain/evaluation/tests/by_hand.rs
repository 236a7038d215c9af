//! Every figure on examples small enough to reckon by hand.

use super::super::{
    bins::bins,
    population::LeftOut,
    ranking::{deciles, gain},
};
use super::baselines::compared;
use super::*;
use crate::domain::clv::fit::rows::CollapsedRow;

#[test]
fn bins_are_by_frequency_and_the_last_one_takes_all_above() {
    let customers = [
        (0, compared(0.0, 0.2)),
        (0, compared(1.0, 0.4)),
        (2, compared(2.0, 2.0)),
        (7, compared(5.0, 6.0)),
        (30, compared(9.0, 8.0)),
    ];
    let found = bins(&customers);
    let shape: Vec<(u32, usize)> = found
        .iter()
        .map(|bin| (bin.frequency, bin.customers))
        .collect();
    assert_eq!(shape, [(0, 2), (2, 1), (7, 2)]);
    assert_near("actual of 0", found[0].actual_mean, 0.5, 1e-15);
    assert_near("expected of 0", found[0].expected_mean, 0.3, 1e-15);
    assert_near("actual of 7 and more", found[2].actual_mean, 7.0, 1e-15);
}

#[test]
fn deciles_and_gain_follow_the_rank_and_share_out_among_equals() {
    // Twenty customers: two at the top brought 6 and 2 of 16, the rest are equals who brought half a unit each on average.
    let mut pairs = vec![(9.0, 6.0), (8.0, 2.0)];
    pairs.extend((0..18).map(|at| (1.0, if at < 8 { 1.0 } else { 0.0 })));
    pairs.reverse();
    let found = deciles(&pairs);
    assert_eq!(found.len(), 10);
    assert_eq!((found[0].decile, found[0].customers), (1, 2));
    assert_near("best tenth", found[0].actual_mean, 4.0, 1e-12);
    assert_near("its expectation", found[0].expected_mean, 8.5, 1e-12);
    assert_near("its lift", found[0].lift.unwrap(), 5.0, 1e-12);
    for decile in &found[1..] {
        assert_near("equals", decile.actual_mean, 8.0 / 18.0, 1e-12);
    }
    let curve = gain(&pairs);
    assert_eq!(curve.len(), 101);
    assert_near("nobody", curve[0].actual_share, 0.0, 1e-15);
    assert_near("the best 5 %", curve[5].actual_share, 6.0 / 16.0, 1e-12);
    assert_near("the best tenth", curve[10].actual_share, 0.5, 1e-12);
    assert_near(
        "half",
        curve[50].actual_share,
        (8.0 + 8.0 * 8.0 / 18.0) / 16.0,
        1e-12,
    );
    assert_near(
        "the best possible half",
        curve[50].perfect_share,
        1.0,
        1e-12,
    );
    assert_near(
        "the best possible tenth",
        curve[10].perfect_share,
        0.5,
        1e-12,
    );
    assert_near("all", curve[100].actual_share, 1.0, 1e-12);

    let few = deciles(&[(1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
    assert_eq!(few.iter().map(|decile| decile.customers).sum::<usize>(), 3);
    assert!(few.iter().all(|decile| decile.lift.is_none()));
    assert!(gain(&[(1.0, 0.0)]).is_empty(), "nothing came of anybody");
    assert!(deciles(&[]).is_empty());
}

/// A split with a year and a half before it, and a holdout of 73 days: a fifth of a year.
pub(super) fn population() -> Population {
    let window = Window::new(day("2025-06-30"), day("2025-09-11")).unwrap();
    let mut population = Population::new(window);
    let days = |days: &[(&str, i64)]| -> Vec<PurchaseDay> {
        days.iter()
            .map(|(on, cents)| purchase(day(on), *cents))
            .collect()
    };
    let ada = [
        ("2024-01-01", 1_000),
        // The first day of the year before the split is 2024-07-01.
        ("2024-06-30", 2_000),
        ("2024-07-01", 3_000),
        ("2025-06-30", 4_000),
        ("2025-07-01", 5_000),
        ("2025-09-11", 6_000),
        ("2025-09-12", 7_000),
    ];
    add(&mut population, CustomerKind::Person, &days(&ada));
    add(
        &mut population,
        CustomerKind::Company,
        &days(&[("2025-06-30", 500)]),
    );
    add(
        &mut population,
        CustomerKind::Employee,
        &days(&[("2025-01-01", 1)]),
    );
    add(
        &mut population,
        CustomerKind::Employee,
        &days(&[("2025-08-01", 1)]),
    );
    add(
        &mut population,
        CustomerKind::Person,
        &days(&[("2025-07-01", 1)]),
    );
    add(
        &mut population,
        CustomerKind::Person,
        &days(&[("2025-09-12", 1)]),
    );
    add(&mut population, CustomerKind::Person, &[]);
    // Bought twice, and both went back after the split: what was known at the split stands, what came after is none.
    let known = days(&[("2025-01-01", 100), ("2025-03-01", 100)]);
    population
        .add(Stratum::of_kind(CustomerKind::Person), &known, &[], major)
        .unwrap();
    population.sort();
    population
}

#[test]
fn a_customer_is_split_into_what_was_known_and_what_came() {
    let population = population();
    assert_eq!(
        population.left_out(),
        LeftOut {
            employees: 1,
            newcomers: 1,
            unconvertible: 0
        }
    );
    let [ada, returner, company] = population.subjects() else {
        panic!("{:?}", population.subjects());
    };
    assert_eq!(ada.kind(), CustomerKind::Person);
    assert_eq!(
        (
            ada.frequency(),
            ada.row().recency_days(),
            ada.row().age_days()
        ),
        (3, 546, 546)
    );
    assert_eq!((ada.last_year_repeats, ada.holdout_orders), (2, 2));
    let known = ada.known_spend.unwrap();
    assert_near(
        "mean of the repeats",
        known.amounts.mean_repeat(),
        30.0,
        1e-12,
    );
    assert_near("last year", known.last_year_repeats, 70.0, 1e-12);
    assert_near("holdout", ada.holdout_spend.unwrap(), 110.0, 1e-12);
    assert_eq!((returner.frequency(), returner.holdout_orders), (1, 0));
    assert_eq!(company.kind(), CustomerKind::Company);
    assert_eq!((company.frequency(), company.row().age_days()), (0, 0));

    let rows = population.order_rows(None);
    assert_eq!(rows.iter().map(CollapsedRow::count).sum::<u64>(), 3);
    assert_eq!(population.order_rows(Some(CustomerKind::Company)).len(), 1);
    assert_eq!(
        population.spend_rows(None, SpendOrders::RepeatMeans).len(),
        2
    );
}

#[test]
fn an_amount_without_a_rate_takes_a_customer_out_of_spend_only() {
    let window = Window::new(day("2025-06-30"), day("2025-07-07")).unwrap();
    let mut population = Population::new(window);
    let purchases = [
        purchase(day("2025-01-01"), 100),
        purchase(day("2025-07-01"), 100),
    ];
    let only_known = |entry: &PurchaseDay| major(entry).filter(|_| entry.day <= day("2025-06-30"));
    population
        .add(
            Stratum::of_kind(CustomerKind::Person),
            &purchases,
            &purchases,
            only_known,
        )
        .unwrap();
    assert_eq!(population.left_out().unconvertible, 1);
    let subject = &population.subjects()[0];
    assert_eq!((subject.holdout_orders, subject.holdout_spend), (1, None));
    assert!(subject.known_spend.is_some());
}

/// What came, by week: its number, last day, whether it is of the holdout, its orders, and those so far.
fn actual(weeks: &[TrackedWeek]) -> Vec<(u32, String, bool, u64, u64)> {
    let each = weeks.iter().map(|week| {
        let (last_day, so_far) = (week.last_day.to_string(), week.actual_cumulative);
        (week.week, last_day, week.in_holdout, week.actual, so_far)
    });
    each.collect()
}

#[test]
fn weeks_end_at_the_split_and_the_last_one_with_the_holdout() {
    let window = Window::new(day("2025-06-30"), day("2025-07-10")).unwrap();
    let mut population = Population::new(window);
    let on = |days: &[&str]| -> Vec<PurchaseDay> {
        days.iter().map(|on| purchase(day(on), 100)).collect()
    };
    let ada = on(&[
        "2025-06-20",
        "2025-06-23",
        "2025-06-24",
        "2025-07-01",
        "2025-07-08",
    ]);
    add(&mut population, CustomerKind::Person, &ada);
    add(
        &mut population,
        CustomerKind::Company,
        &on(&["2025-06-30", "2025-07-10"]),
    );
    let model = OrderModel::new(
        crate::domain::clv::model::ModelKind::BgNbd,
        [0.8, 6.0, 0.8, 2.5],
    )
    .unwrap();
    let found = evaluate(&population, &models(model), 1);
    let [all, persons, companies] = &found.groups[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        actual(&all.tracking),
        [
            (1, "2025-06-23".to_owned(), false, 1, 1),
            (2, "2025-06-30".to_owned(), false, 1, 2),
            (3, "2025-07-07".to_owned(), true, 1, 3),
            (4, "2025-07-10".to_owned(), true, 2, 5),
        ]
    );
    // Ada is 20 days old on 2025-07-10, the company 10.
    let newcomer = model.newcomer();
    let of_ada = newcomer.expected_orders(20.0 / 7.0);
    let of_company = newcomer.expected_orders(10.0 / 7.0);
    assert_near(
        "expected",
        all.tracking[3].expected_cumulative,
        of_ada + of_company,
        1e-12,
    );
    assert_near(
        "in the last week",
        all.tracking[3].expected,
        {
            of_ada + of_company
                - newcomer.expected_orders(17.0 / 7.0)
                - newcomer.expected_orders(1.0)
        },
        1e-12,
    );
    assert_near(
        "of persons",
        persons.tracking[3].expected_cumulative,
        of_ada,
        1e-12,
    );
    assert_eq!(
        companies.tracking.len(),
        3,
        "its first week ends on its first day"
    );
    assert_eq!(found.interval_customers, 0);
    assert!(all.orders.coverage.is_empty() && all.spend.is_none());
}

#[test]
fn days_after_the_last_purchase_may_be_missing_ones() {
    let window = Window::new(day("2025-06-30"), day("2025-07-10")).unwrap();
    for (last, days) in [
        (Some("2025-07-10"), 0),
        (Some("2025-08-01"), 0),
        (Some("2025-07-03"), 7),
        (Some("2025-06-30"), 10),
        (Some("2025-01-01"), 10),
        (None, 10),
    ] {
        assert_eq!(window.days_after(last.map(day)), days, "{last:?}");
    }
}

#[test]
fn a_window_has_at_least_one_day() {
    let split = day("2025-06-30");
    assert_eq!(Window::new(split, split), None);
    assert_eq!(Window::new(split, split.plus_days(-1)), None);
    assert_eq!(
        Window::new(split, split.plus_days(1))
            .unwrap()
            .holdout_days(),
        1
    );
}
