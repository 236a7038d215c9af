//! A covariate that tells, unknown of some, and what is observed of it later.

use patron::domain::clv::random::Random;
use patron::pb;
use patron::pb::{OrderModelKind, ParameterSelection};

use super::super::{evaluate, of_version};
use super::{
    OFTEN, Planted, SELDOM, SPLIT, UNTIL, assert_improved, assert_near, assert_near_the_law,
    covariates, expected, member, scored, timeless,
};
use crate::models::planted::{DEFINITIONS, FIRST, write};
use crate::models::{fit, request};
use crate::support::messages::{attribute, patch, refund};
use crate::support::service::{Service, ServiceWithDatabase};

/// 900 customers, a quarter of them members; a member orders ten times as often. Of every fifth it is known only after the split.
async fn members_and_others(service: &Service) -> Vec<Planted> {
    let mut random = Random::new(21);
    let mut customers = vec![];
    let mut patches = vec![];
    for at in 0..900 {
        let is_member = at % 4 == 0;
        let law = if is_member { OFTEN } else { SELDOM };
        let (group, observed_on) = match (at % 10, is_member) {
            (8 | 9, _) => ("unknown", "2024-12-31"),
            (_, true) => ("member", FIRST),
            (_, false) => ("other", FIRST),
        };
        let customer = Planted::new(at, law, group, &mut random);
        patches.push(member(&customer.id, is_member, observed_on));
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
async fn a_covariate_that_tells_helps_and_forecasts_are_those_of_scores() {
    let service = ServiceWithDatabase::start().await;
    service.publish(DEFINITIONS).await;
    let customers = members_and_others(&service).await;
    let found = evaluate(&service, covariates(&["member"])).await.unwrap();
    assert_eq!(found.covariates, ["member"]);
    let [pooled, own] = &found.parameters[..] else {
        panic!("{found:?}");
    };
    assert_eq!((pooled.customers, own.customers), (180, 720));
    assert_eq!(
        (pooled.covariates.len(), &own.covariates),
        (0, &found.covariates)
    );
    assert!(pooled.converged && own.converged, "{found:?}");
    let effect = own.parameters.iter().find(|it| it.name == "orders:member");
    let effect = effect.unwrap();
    let distance = (effect.value - 10.0_f64.ln()) / effect.standard_error.unwrap();
    assert!(distance.abs() < 4.0, "{effect:?}");
    let [all, persons, others, members, unknown] = &found.groups[..] else {
        panic!("{found:?}");
    };
    assert_eq!((all.customers, persons.customers), (900, 900));
    assert_eq!(
        (&others.covariate_values[..], &members.covariate_values[..]),
        (&[0.0][..], &[1.0][..])
    );
    assert!(unknown.covariates_unknown && !members.covariates_unknown);
    assert_improved(all);
    assert_near_the_law("member", members, &customers);
    assert_near_the_law("other", others, &customers);
    let [model, pooled] = expected(unknown);
    assert!((model - pooled).abs() < 1e-9, "nothing is known of them");
    assert!(!all.tracking.is_empty() && members.tracking.is_empty());
    assert_eq!(found.interval_customers, 900);

    // FitModel finds the same, and scores of that day are what was evaluated.
    let model = pb::FitModelRequest {
        covariates: vec!["member".to_owned()],
        ..request(OrderModelKind::MbgNbd, SPLIT)
    };
    let model = fit(&service, model).await.unwrap();
    assert!(model.active, "{model:?}");
    let stored = pb::EvaluateModelRequest {
        until: UNTIL.to_owned(),
        ..of_version(model.version, SPLIT)
    };
    let stored = evaluate(&service, stored).await.unwrap();
    assert_eq!(stored.covariates, found.covariates);
    assert_eq!(stored.parameters[1].customers, 720);
    let by_scores = scored(&service, &customers).await;
    let selected = ParameterSelection::Covariates;
    for (selection, name, at) in [
        (selected, "other", 2),
        (selected, "member", 3),
        (ParameterSelection::PooledForUnknownCovariate, "unknown", 4),
    ] {
        let (count, sum) = by_scores[&(selection, name)];
        for evaluation in [&found, &stored] {
            let group = &evaluation.groups[at];
            assert_eq!(group.customers, count, "{name}");
            assert_near(name, expected(group)[0], sum, 1e-6);
        }
    }
    assert_eq!(by_scores.len(), 3);
    check_leak(&service, &customers, &found, model.version, &stored).await;
}

/// What is observed and taken back after the split changes nothing; what is observed on it does.
async fn check_leak(
    service: &Service,
    customers: &[Planted],
    found: &pb::ModelEvaluation,
    version: i64,
    stored: &pb::ModelEvaluation,
) {
    let is_member = |at: usize| at.is_multiple_of(4);
    let flipped = |day: &str| -> Vec<pb::CustomerPatch> {
        let each = customers.iter().enumerate();
        each.map(|(at, one)| member(&one.id, !is_member(at), day))
            .collect()
    };
    write(service, &flipped("2025-01-02"), &[]).await;
    let cleared = pb::CustomerPatch {
        attributes: vec![pb::AttributeValue {
            observed_on: "2025-01-05".to_owned(),
            ..attribute("member", None)
        }],
        ..patch("c0")
    };
    write(service, &[cleared], &[]).await;
    let again = evaluate(service, covariates(&["member"])).await.unwrap();
    assert_eq!(timeless(&again), timeless(found));
    let asked = pb::EvaluateModelRequest {
        until: UNTIL.to_owned(),
        ..of_version(version, SPLIT)
    };
    let again = evaluate(service, asked).await.unwrap();
    assert_eq!(timeless(&again), timeless(stored));
    // A refund after the holdout, too, has its customers folded from the facts.
    let first = &customers[0].purchases[0];
    let cents = first.amount.as_ref().unwrap().amount_minor;
    let back = refund("c0", "r1", &first.transaction_id, "2026-06-30", cents);
    write(service, &[], &[back]).await;
    let again = evaluate(service, covariates(&["member"])).await.unwrap();
    assert_eq!(timeless(&again), timeless(found));
    // Known on the day of the split.
    write(service, &flipped(SPLIT), &[]).await;
    let other = evaluate(service, covariates(&["member"])).await.unwrap();
    assert_eq!(other.parameters[1].customers, 900);
    let effect = other.parameters[1].parameters.iter();
    let effect = effect
        .clone()
        .find(|it| it.name == "orders:member")
        .unwrap();
    assert!(effect.value < 0.0, "{effect:?}");
}
