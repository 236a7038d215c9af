//! Evaluations by kind and with covariates: planted differences help, forecasts are those of scores, and the future stays unknown.

mod covariates;
mod fallbacks;

use std::collections::BTreeMap;

use patron::domain::calendar::Day;
use patron::domain::clv::random::Random;
use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::{CustomerKind, Forecaster, OrderModelKind, ParameterSelection};

use super::{evaluate, of_kind, of_version};
use crate::models::planted::{FIRST, expected_by_law, purchases, write};
use crate::models::{BATCH, fit, request};
use crate::support::messages::{attribute, by_id, patch};
use crate::support::service::{Service, ServiceWithDatabase};

/// A year after the first day of half of the customers, and a week after that of the others: of these the history says little.
const SPLIT: &str = "2024-12-30";
const NEWCOMERS: &str = "2024-12-23";
/// Sixteen months of 30.4375 days, so that scores can look as far ahead.
const HOLDOUT_DAYS: u32 = 487;
const HOLDOUT_MONTHS: i32 = 16;
const UNTIL: &str = "2026-05-01";
/// From these first days to the end of the holdout.
const WEEKS: f64 = 121.5;
const NEWCOMERS_WEEKS: f64 = 70.5;

/// Customers who order seldom, and others who order ten times as often: MBG/NBD in weeks.
const SELDOM: [f64; 4] = [4.0, 80.0, 0.4, 1.6];
const OFTEN: [f64; 4] = [4.0, 8.0, 0.4, 1.6];

/// A customer of a law, with what is known of them.
struct Planted {
    id: String,
    law: [f64; 4],
    group: &'static str,
    purchases: Vec<pb::Transaction>,
}

impl Planted {
    /// The customer of this number: of twenty, ten came late.
    fn new(at: usize, law: [f64; 4], group: &'static str, random: &mut Random) -> Self {
        let id = format!("c{at}");
        let (first, weeks) = if at / 10 % 2 == 1 {
            (NEWCOMERS, NEWCOMERS_WEEKS)
        } else {
            (FIRST, WEEKS)
        };
        Self {
            purchases: purchases(&id, law, first, weeks, random),
            id,
            law,
            group,
        }
    }
}

fn covariates(names: &[&str]) -> pb::EvaluateModelRequest {
    pb::EvaluateModelRequest {
        covariates: names.iter().map(|&name| name.to_owned()).collect(),
        ..of_kind(OrderModelKind::MbgNbd, SPLIT, UNTIL)
    }
}

fn by_kind() -> pb::EvaluateModelRequest {
    pb::EvaluateModelRequest {
        grouping: pb::FitGrouping::ByKind.into(),
        ..of_kind(OrderModelKind::MbgNbd, SPLIT, UNTIL)
    }
}

fn member(id: &str, is_member: bool, observed_on: &str) -> pb::CustomerPatch {
    pb::CustomerPatch {
        attributes: vec![pb::AttributeValue {
            observed_on: observed_on.to_owned(),
            ..attribute("member", Some(Value::BoolValue(is_member)))
        }],
        ..patch(id)
    }
}

/// An evaluation without the time it took.
fn timeless(evaluation: &pb::ModelEvaluation) -> pb::ModelEvaluation {
    pb::ModelEvaluation {
        duration: None,
        ..evaluation.clone()
    }
}

/// Orders expected of a group: by the model, and by its pooled parameters.
fn expected(group: &pb::GroupEvaluation) -> [f64; 2] {
    let accuracy = &group.orders.as_ref().unwrap().accuracy;
    assert_eq!(accuracy[0].forecaster(), Forecaster::Model);
    assert_eq!(accuracy[1].forecaster(), Forecaster::Pooled);
    [accuracy[0].expected_total, accuracy[1].expected_total]
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64, relative: f64) {
    assert!(
        (found / expected - 1.0).abs() <= relative,
        "{what}: {found}, not {expected}"
    );
}

/// The model is nearer to what came than its pooled parameters, beyond chance.
#[track_caller]
fn assert_improved(group: &pb::GroupEvaluation) {
    let orders = group.orders.as_ref().unwrap();
    let improvement = orders.improvement.unwrap();
    assert_eq!(improvement.customers, group.customers);
    assert!(
        improvement.squared_error_reduction > 2.0 * improvement.standard_error,
        "{improvement:?}"
    );
    let [model, pooled, ..] = orders.accuracy[..] else {
        panic!("{orders:?}");
    };
    assert!(model.root_mean_squared_error < pooled.root_mean_squared_error);
    let gain = pooled.root_mean_squared_error.powi(2) - model.root_mean_squared_error.powi(2);
    assert!((gain - improvement.squared_error_reduction).abs() < 1e-9);
}

/// A group's forecast is near what the planted law expects of the same histories, at least twice as near as the pooled one.
#[track_caller]
fn assert_near_the_law(name: &str, group: &pb::GroupEvaluation, customers: &[Planted]) {
    let split: Day = SPLIT.parse().unwrap();
    let members = customers.iter().filter(|it| it.group == name);
    let law = members.map(|it| expected_by_law(it.law, &it.purchases, split, HOLDOUT_DAYS));
    let law: f64 = law.sum();
    let [model, pooled] = expected(group);
    // What of a year's drop-out is to be seen leaves the totals uncertain by a tenth or so.
    assert_near(name, model, law, 0.2);
    assert!(
        (model - law).abs() < 0.5 * (pooled - law).abs(),
        "{name}: {model} and {pooled}, not {law}"
    );
}

/// What scores as of the split expect, in sum, and of how many customers, by the parameters that they rest on.
async fn scored(
    service: &Service,
    customers: &[Planted],
) -> BTreeMap<(ParameterSelection, &'static str), (i64, f64)> {
    let mut sums = BTreeMap::new();
    for batch in customers.chunks(BATCH) {
        let asked = pb::BatchScoreLifetimeValueRequest {
            subjects: batch.iter().map(|it| by_id(&it.id)).collect(),
            as_of: SPLIT.to_owned(),
            horizon_months: HOLDOUT_MONTHS,
            ..Default::default()
        };
        let answer = service.scoring().batch_score_lifetime_value(asked).await;
        for (one, answer) in batch.iter().zip(answer.unwrap().into_inner().responses) {
            let score = answer.score.unwrap();
            let key = (score.parameter_selection(), one.group);
            let (count, sum) = sums.entry(key).or_insert((0, 0.0));
            *count += 1;
            *sum += score.expected_orders.unwrap();
        }
    }
    sums
}

/// 900 customers, a quarter of them companies, who order ten times as often.
async fn persons_and_companies(service: &Service) -> Vec<Planted> {
    let mut random = Random::new(22);
    let (mut customers, mut patches) = (vec![], vec![]);
    for at in 0..900 {
        let (kind, law, group) = if at % 4 == 0 {
            (CustomerKind::Company, OFTEN, "company")
        } else {
            (CustomerKind::Person, SELDOM, "person")
        };
        let customer = Planted::new(at, law, group, &mut random);
        patches.push(pb::CustomerPatch {
            kind: kind.into(),
            ..patch(&customer.id)
        });
        customers.push(customer);
    }
    let facts: Vec<_> = customers
        .iter()
        .flat_map(|it| it.purchases.clone())
        .collect();
    write(service, &patches, &facts).await;
    customers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_that_differ_are_predicted_better_apart() {
    let service = ServiceWithDatabase::start().await;
    let customers = persons_and_companies(&service).await;
    let found = evaluate(&service, by_kind()).await.unwrap();
    let sets: Vec<_> = found
        .parameters
        .iter()
        .map(|it| (it.customer_kind(), it.customers, it.converged))
        .collect();
    assert_eq!(
        sets,
        [
            (CustomerKind::Unspecified, 0, true),
            (CustomerKind::Person, 675, true),
            (CustomerKind::Company, 225, true)
        ],
        "{:?}",
        found.parameters
    );
    let [all, persons, companies] = &found.groups[..] else {
        panic!("{found:?}");
    };
    assert_improved(all);
    assert_near_the_law("person", persons, &customers);
    assert_near_the_law("company", companies, &customers);
    assert_eq!(all.spend.as_ref().unwrap().accuracy.len(), 5);
    // The pooled part is what a fit for all gives alone.
    let plain = evaluate(&service, of_kind(OrderModelKind::MbgNbd, SPLIT, UNTIL)).await;
    let plain = plain.unwrap();
    let orders = plain.groups[0].orders.as_ref().unwrap();
    assert_near(
        "pooled",
        expected(all)[1],
        orders.accuracy[0].expected_total,
        1e-12,
    );
    assert_eq!((orders.accuracy.len(), orders.improvement), (4, None));

    let model = pb::FitModelRequest {
        grouping: pb::FitGrouping::ByKind.into(),
        ..request(OrderModelKind::MbgNbd, SPLIT)
    };
    let model = fit(&service, model).await.unwrap();
    assert!(model.active, "{model:?}");
    let stored = pb::EvaluateModelRequest {
        until: UNTIL.to_owned(),
        ..of_version(model.version, SPLIT)
    };
    let stored = evaluate(&service, stored).await.unwrap();
    let by_scores = scored(&service, &customers).await;
    for (name, at) in [("person", 1), ("company", 2)] {
        let (count, sum) = by_scores[&(ParameterSelection::OwnKind, name)];
        for evaluation in [&found, &stored] {
            let group = &evaluation.groups[at];
            assert_eq!(group.customers, count);
            assert_near(name, expected(group)[0], sum, 1e-6);
        }
    }
}
