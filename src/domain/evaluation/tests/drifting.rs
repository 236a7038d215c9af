//! Customers who change and customers who do not, and what cannot be told.

use super::super::drift::verdict::{FEWEST_CUSTOMERS, judge};
use super::super::drift::{
    Evidence, ParameterSet, Verdict, compare, expected_orders, holdout, significance,
};
use super::simulated::{fitted, purchases};
use super::*;
use crate::domain::clv::fit::covariates::{CovariateGroup, CovariateModel};
use crate::domain::clv::fit::rows::CollapsedRow;
use crate::domain::clv::fit::{OrderFit, fit_orders};
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::random::Random;

const KIND: ModelKind = ModelKind::MbgNbd;
/// Orders half as often, and leave sooner, than [`BEFORE`].
const AFTER: [f64; 4] = [0.8, 12.0, 1.6, 2.5];
const BEFORE: [f64; 4] = [0.8, 6.0, 0.8, 2.5];

/// What can be known of a fit until 2024-12-31 and of what these customers did until 2025-12-31, half of them after a law.
fn evidence(law_of_the_others: [f64; 4], customers: u32) -> Evidence {
    let law = |parameters| OrderModel::new(KIND, parameters).unwrap();
    let mut random = Random::new(43);
    let customers = (0..customers).map(|at| {
        let shift = if at % 2 == 0 { 0 } else { 400 };
        let parameters = if shift == 0 {
            BEFORE
        } else {
            law_of_the_others
        };
        let mut days = purchases(&law(parameters), &mut random);
        // The others came later, and are cut where the present is.
        for entry in &mut days {
            entry.day = entry.day.plus_days(shift);
        }
        days
    });
    found_of(day("2024-12-31"), customers)
}

/// What can be known of a fit until a day and of what these customers did until 2025-12-31.
fn found_of(fitted_until: Day, customers: impl Iterator<Item = Vec<PurchaseDay>>) -> Evidence {
    let (split, until) = (day("2025-09-30"), day("2025-12-31"));
    let population = |split, until| Population::new(Window::new(split, until).unwrap());
    let (mut known, mut before, mut today) = (
        population(fitted_until, until),
        population(split, until),
        population(until, until.plus_days(1)),
    );
    for days in customers {
        for population in [&mut known, &mut before, &mut today] {
            add(population, CustomerKind::Person, &days);
        }
    }
    for population in [&mut known, &mut before, &mut today] {
        population.sort();
    }
    let fit = |population: &Population| fit_orders(KIND, &population.order_rows(None)).unwrap();
    let (active, refit, refit_before) = (fit(&known), fit(&today), fit(&before));
    let groups = [everybody(today.order_rows(None))];
    let compared = compare(None, &groups, &parameters(&active), &parameters(&refit));
    Evidence {
        active_until: fitted_until,
        split,
        until,
        sets: vec![compared],
        pooled_customers: 0,
        refit_problem: None,
        outlook: (
            expected_orders(&today, &models(active.model), 92),
            expected_orders(&today, &models(refit.model), 92),
        ),
        holdout: Some((
            holdout(&before, &models(active.model)),
            holdout(&before, &models(refit_before.model)),
        )),
        totals: totals(&before, &fitted(KIND, &known), 1),
        since_fit: (fitted_until < split)
            .then(|| totals(&known, &fitted(KIND, &known), 1)[0])
            .flatten(),
        has_prior: false,
        facts_end: None,
    }
}

/// What 3,000 customers of one law did, once the holdout changed it, as in [`changed_after`].
fn changed(fitted_until: &str, times_as_often: f64, times_spent: i64) -> Evidence {
    changed_after(
        3_000,
        "2025-09-30",
        fitted_until,
        times_as_often,
        times_spent,
    )
}

/// What customers of one law did, once it changed after a day: each later purchase is there so many times (its money `times_spent` over), or with
/// a probability below 1.
fn changed_after(
    customers: u32,
    last_day: &str,
    fitted_until: &str,
    times_as_often: f64,
    times_spent: i64,
) -> Evidence {
    let law = OrderModel::new(KIND, BEFORE).unwrap();
    let (mut random, mut chance) = (Random::new(47), Random::new(53));
    let split = day(last_day);
    let customers = (0..customers).map(|_| {
        let days = purchases(&law, &mut random);
        let mut all = vec![];
        for entry in days {
            if entry.day <= split {
                all.push(entry);
                continue;
            }
            let whole = times_as_often.floor();
            let more = f64::from(u8::from(chance.uniform() < times_as_often - whole));
            #[expect(clippy::cast_possible_truncation, reason = "small")]
            for at in 0..(whole + more) as i32 {
                // Not on the same day, which would be one purchase.
                let mut entry = entry.clone();
                entry.day = entry.day.plus_days(-2 * at);
                entry.amount_minor *= times_spent;
                all.push(entry);
            }
        }
        all.sort_by_key(|entry| entry.day);
        all.dedup_by_key(|entry| entry.day);
        all
    });
    found_of(day(fitted_until), customers)
}

#[test]
fn customers_who_change_in_the_last_days_are_a_drift_however_long_the_past() {
    for fitted_until in ["2025-09-30", "2025-03-31"] {
        for (often, spent, drifts) in [
            (1.0, 1, false),
            (2.0, 1, true),
            (0.5, 1, true),
            (1.0, 3, true),
        ] {
            let evidence = changed(fitted_until, often, spent);
            let judgement = judge(&evidence);
            println!(
                "{fitted_until}: {often} times as often, {spent} times as much: {judgement:?}"
            );
            let expected = if drifts {
                Verdict::Drift
            } else {
                Verdict::NoDrift
            };
            assert_eq!(judgement.verdict, expected, "{judgement:?}");
        }
    }
}

#[test]
fn half_as_many_orders_since_the_fit_are_a_drift_that_the_holdout_alone_does_not_show() {
    let last_day = "2024-12-31";
    let evidence = changed_after(500, last_day, last_day, 0.5, 1);
    let judgement = judge(&evidence);
    println!("{judgement:?}\n{:?}", evidence.since_fit);
    assert_eq!(judgement.verdict, Verdict::Drift, "{judgement:?}");
    let since = evidence.since_fit.unwrap();
    assert!(since.expected > 1.5 * since.actual, "{since:?}");
    let unchanged = changed_after(500, last_day, last_day, 1.0, 1);
    let judgement = judge(&unchanged);
    println!("{judgement:?}");
    assert_eq!(judgement.verdict, Verdict::NoDrift, "{judgement:?}");
    // From the day of the fit on there is nothing that the holdout does not show.
    assert_eq!(changed("2025-09-30", 1.0, 1).since_fit, None);
}

/// Customers without covariates.
fn everybody(rows: Vec<CollapsedRow>) -> CovariateGroup {
    CovariateGroup {
        values: vec![],
        rows,
    }
}

fn parameters(fit: &OrderFit) -> ParameterSet<'_> {
    ParameterSet {
        model: CovariateModel::plain(fit.model),
        log_covariance: fit.report.log_covariance.as_deref(),
    }
}

#[test]
fn customers_who_stay_as_they_were_do_not_drift() {
    let evidence = evidence(BEFORE, 1_500);
    let judgement = judge(&evidence);
    println!("{judgement:?}\n{:?}", significance(&evidence.sets));
    assert_eq!(judgement.verdict, Verdict::NoDrift, "{judgement:?}");
    let set = &evidence.sets[0];
    assert!(set.refit_log_likelihood >= set.active_log_likelihood - 1e-6);
    assert!(
        set.parameters
            .iter()
            .all(|shift| shift.z.unwrap().abs() < 3.0),
        "{set:?}"
    );
}

#[test]
fn newcomers_of_another_kind_are_a_drift() {
    let evidence = evidence(AFTER, 3_000);
    let judgement = judge(&evidence);
    println!(
        "{judgement:?}\n{:?}\n{:?}",
        significance(&evidence.sets),
        evidence.holdout
    );
    assert_eq!(judgement.verdict, Verdict::Drift, "{judgement:?}");
    assert!(judgement.reason.contains("significant and large"));
}

#[track_caller]
fn check_undecidable(evidence: &Evidence, word: &str) {
    let judgement = judge(evidence);
    assert_eq!(judgement.verdict, Verdict::NotDecidable, "{judgement:?}");
    assert!(judgement.reason.contains(word), "{judgement:?}");
}

#[test]
fn what_cannot_be_told_is_said_with_its_reason() {
    let sound = evidence(BEFORE, 400);
    assert_ne!(
        judge(&sound).verdict,
        Verdict::NotDecidable,
        "{:?}",
        judge(&sound)
    );
    let with = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = sound.clone();
        change(&mut evidence);
        evidence
    };
    check_undecidable(
        &with(&|it| it.refit_problem = Some("no optimum".to_owned())),
        "no optimum",
    );
    check_undecidable(
        &with(&|it| it.sets[0].customers = FEWEST_CUSTOMERS - 1),
        "99 customers",
    );
    check_undecidable(&with(&|it| it.holdout = None), "no customer had ordered");
    check_undecidable(
        &with(&|it| it.holdout.as_mut().unwrap().0.actual_total = 29.0),
        "29 orders",
    );
    check_undecidable(
        &with(&|it| it.active_until = it.split.plus_days(1)),
        "2025-10-01",
    );
    check_undecidable(&with(&|it| it.totals[0] = None), "no standard errors");
    check_undecidable(
        &with(&|it| it.facts_end = Some(it.split)),
        "no purchases after 2025-09-30",
    );
}

#[test]
fn a_difference_beyond_chance_that_changes_nothing_is_no_drift() {
    let mut evidence = evidence(AFTER, 3_000);
    evidence.outlook.1 = evidence.outlook.0 * 1.05;
    let (mut active, _) = evidence.holdout.unwrap();
    active.expected_total = 1.1 * active.actual_total;
    evidence.holdout = Some((active, active));
    let spend = evidence.totals[1].as_mut().unwrap();
    spend.actual = 1.1 * spend.expected;
    let judgement = judge(&evidence);
    assert_eq!(judgement.verdict, Verdict::NoDrift);
    assert!(
        judgement.reason.contains("too small to matter"),
        "{judgement:?}"
    );
}

#[test]
fn a_shift_is_measured_by_what_the_refit_knows_beyond_the_version() {
    let groups = [everybody(vec![CollapsedRow::new(1, 7, 70, 5).unwrap()])];
    let covariance = |variance: f64| -> Vec<Vec<f64>> {
        (0..4)
            .map(|i| {
                (0..4)
                    .map(|j| if i == j { variance } else { 0.0 })
                    .collect()
            })
            .collect()
    };
    let (of_active, of_refit) = (covariance(0.41), covariance(0.16));
    let model = |r: f64| OrderModel::new(KIND, [r, 6.0, 0.9, 1.6]).unwrap();
    let active = ParameterSet {
        model: CovariateModel::plain(model(1.0)),
        log_covariance: Some(&of_active),
    };
    let refit = ParameterSet {
        model: CovariateModel::plain(model(1.0_f64.exp())),
        log_covariance: Some(&of_refit),
    };
    let found = compare(None, &groups, &active, &refit);
    // ln r moved by 1, and of the variance of the version the refit leaves 0.16 of 0.41.
    assert_near("z", found.parameters[0].z.unwrap(), 2.0, 1e-12);
    assert_near("scale", found.scale.unwrap(), 0.41 / 0.16 - 1.0, 1e-12);
    assert_eq!(found.customers, 5);
    let history = crate::domain::clv::history::PurchaseHistory::from_days(1, 7, 70).unwrap();
    let expected = 5.0 * model(1.0).log_likelihood(&history);
    assert_near(
        "log-likelihood",
        found.active_log_likelihood,
        expected,
        1e-12,
    );
    let without = ParameterSet {
        log_covariance: None,
        ..active
    };
    assert_eq!(compare(None, &groups, &without, &refit).scale, None);
}

#[test]
fn effects_of_covariates_are_compared_as_they_are_and_count_as_parameters() {
    let rows = |orders| vec![CollapsedRow::new(orders, 7 * orders, 70, 5).unwrap()];
    let groups = [(0.0, 1), (1.0, 4)].map(|(value, orders)| CovariateGroup {
        values: vec![value],
        rows: rows(orders),
    });
    let with = |effect: f64| {
        let names = vec!["member".to_owned()];
        CovariateModel::new(KIND, BEFORE, vec![0.0], names, vec![effect], vec![-0.5]).unwrap()
    };
    let covariance = |variance: f64| -> Vec<Vec<f64>> {
        let row = |i| (0..6).map(move |j| if i == j { variance } else { 0.0 });
        (0..6).map(|i| row(i).collect()).collect()
    };
    let (of_active, of_refit) = (covariance(0.06), covariance(0.02));
    let set = |effect, covariance| ParameterSet {
        model: with(effect),
        log_covariance: Some(covariance),
    };
    let found = compare(None, &groups, &set(0.2, &of_active), &set(0.8, &of_refit));
    let names: Vec<&str> = found.parameters.iter().map(|it| &*it.name).collect();
    assert_eq!(
        names,
        ["r", "alpha", "a", "b", "orders:member", "dropout:member"]
    );
    // The effect on orders moved by 0.6, with a variance of 0.06 before and 0.02 after: 0.6 / 0.2 standard errors.
    assert_near("z", found.parameters[4].z.unwrap(), 3.0, 1e-12);
    assert_near("z", found.parameters[5].z.unwrap(), 0.0, 1e-12);
    assert_near("scale", found.scale.unwrap(), 2.0, 1e-12);
    assert_eq!(
        (found.customers, &found.covariates[..]),
        (10, &["member".to_owned()][..])
    );
    let expected = |effect: f64| -> f64 {
        let each = groups.iter().map(|group| {
            // alpha of a member is divided by exp(effect), a is multiplied by exp(-0.5).
            let member = group.values[0];
            let [r, alpha, a, b] = BEFORE;
            let own = [
                r,
                alpha / (effect * member).exp(),
                a * (-0.5 * member).exp(),
                b,
            ];
            let row = group.rows[0];
            let days = (row.frequency(), row.recency_days(), row.age_days());
            let history =
                crate::domain::clv::history::PurchaseHistory::from_days(days.0, days.1, days.2);
            5.0 * OrderModel::new(KIND, own)
                .unwrap()
                .log_likelihood(&history.unwrap())
        });
        each.sum()
    };
    assert_near("active", found.active_log_likelihood, expected(0.2), 1e-9);
    assert_near("refit", found.refit_log_likelihood, expected(0.8), 1e-9);
    let all = significance(&[found]);
    assert_eq!(all.degrees_of_freedom, 6);
}
