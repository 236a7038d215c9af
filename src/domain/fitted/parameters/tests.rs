//! Who gets which parameters.

use std::sync::Arc;

use super::*;
use crate::domain::{
    clv::{model::ModelKind, spend_orders::SpendOrders},
    customer::{
        facts::AttributeFact,
        profile::{DatedProfile, Profile},
    },
    text::CustomerId,
};

const AS_OF: &str = "2026-06-30";

#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64, relative: f64) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error <= relative, "{what}: {found}, not {expected}");
}

fn set(r: f64, spend: bool) -> ParameterSet {
    ParameterSet {
        orders: OrderModel::new(ModelKind::MbgNbd, [r, 6.0, 0.9, 1.6]).unwrap(),
        orders_log_covariance: Some(vec![vec![r]]),
        estimation: Estimation::MaximumLikelihood,
        spend: spend.then(|| SpendParameters {
            model: GammaGamma::new(6.0 * r, 4.0, 15.0).unwrap(),
            orders: SpendOrders::All,
            currency: "EUR".parse().unwrap(),
            log_covariance: None,
        }),
    }
}

fn customer(kind: CustomerKind, attributes: &[(&str, AttributeValue, &str)]) -> DatedProfile {
    let facts = attributes.iter().map(|(name, value, day)| AttributeFact {
        name: (*name).into(),
        value: Some(value.clone()),
        observed_on: day.parse().unwrap(),
        source: "crm".into(),
        profile_version: 1,
    });
    let profile = Profile {
        customer_id: CustomerId::new("c-1").unwrap(),
        version: 1,
        kind,
        display_name: None,
        recorded_at: "2026-06-30T12:00:00Z".parse().unwrap(),
        members: Box::default(),
        history: History {
            attributes: facts.collect(),
            ..History::default()
        },
    };
    DatedProfile::new(Arc::new(profile), AS_OF.parse().unwrap()).unwrap()
}

#[test]
fn a_kind_has_its_own_parameters_or_the_pooled_ones_and_the_selection_says_which() {
    let parameters = Parameters {
        pooled: set(0.5, true),
        refined: Refined::ByKind(vec![(CustomerKind::Company, set(2.0, false))]),
        season: None,
    };
    let company = customer(CustomerKind::Company, &[]);
    let own = parameters.for_customer(company.view());
    assert_eq!(own.selection, Selection::OwnKind(CustomerKind::Company));
    assert_eq!(own.orders, set(2.0, false).orders);
    assert_eq!(own.orders_log_covariance(), Some(vec![vec![2.0]]));
    // Too few repeat buyers for a spend model of their own.
    assert_eq!(own.spend, parameters.pooled.spend.as_ref());

    let person = customer(CustomerKind::Person, &[]);
    let pooled = parameters.for_customer(person.view());
    let selection = Selection::PooledForKind(CustomerKind::Person);
    assert_eq!(pooled.selection, selection);
    assert_eq!(pooled.orders, parameters.pooled.orders);
    assert_eq!(pooled.orders_log_covariance(), Some(vec![vec![0.5]]));

    let everybody = Parameters::pooled(set(0.5, true));
    let selected = everybody.for_customer(company.view());
    assert_eq!(selected.selection, Selection::Pooled);
}

fn with_covariates() -> Parameters {
    let covariate = |name: &str, value_type, max_age_days| Covariate {
        name: name.into(),
        value_type,
        max_age_days,
    };
    let names = vec!["member".to_owned(), "size".to_owned()];
    let mut log_covariance = vec![vec![0.0; 8]; 8];
    for (at, row) in log_covariance.iter_mut().enumerate() {
        row[at] = 0.01;
    }
    Parameters {
        pooled: set(0.5, true),
        refined: Refined::Covariates(CovariateParameters {
            covariates: vec![
                covariate("member", CovariateType::Boolean, None),
                covariate("size", CovariateType::Whole, Some(30)),
            ],
            model: CovariateModel::new(
                ModelKind::MbgNbd,
                [0.5, 6.0, 0.9, 1.6],
                vec![0.0, 0.0],
                names,
                vec![0.7, 0.1],
                vec![-0.2, 0.0],
            )
            .unwrap(),
            log_covariance: Some(log_covariance),
            estimation: Estimation::WeakPriors,
        }),
        season: None,
    }
}

#[test]
fn covariates_of_the_day_shift_the_parameters_and_their_covariance() {
    let parameters = with_covariates();
    let member = AttributeValue::Bool(true);
    let size = AttributeValue::Number(3.0);
    let known = customer(
        CustomerKind::Person,
        &[
            ("member", member, "2020-01-01"),
            ("size", size, "2026-06-01"),
        ],
    );
    let own = parameters.for_customer(known.view());
    assert_eq!(own.selection, Selection::Covariates);
    let [r, alpha, a, b] = own.orders.parameters();
    assert_close("r", r, 0.5, 1e-14);
    assert_close("b", b, 1.6, 1e-14);
    assert_close("alpha", alpha, 6.0 * (-1.0_f64).exp(), 1e-14);
    assert_close("a", a, 0.9 * (-0.2_f64).exp(), 1e-14);
    // ln alpha' = ln alpha - e1 - 3 e2: variance 0.01 (1 + 1 + 9); ln a' = ln a + d1 + 3 d2.
    let covariance = own.orders_log_covariance().unwrap();
    let variances: Vec<f64> = (0..4).map(|at| covariance[at][at]).collect();
    for (found, expected) in variances.iter().zip([0.01, 0.11, 0.11, 0.01]) {
        assert_close("variance", *found, expected, 1e-14);
    }
    // Cov(ln alpha', ln a'): effects on orders and on drop-out do not hang together here.
    assert!(covariance[1][2].abs() < 1e-15);
}

#[test]
fn a_value_outside_those_of_the_fit_is_extrapolated_and_named() {
    let Refined::Covariates(fitted) = with_covariates().refined else {
        panic!("it has covariates");
    };
    let within = |ranges: Vec<[f64; 2]>| Parameters {
        refined: Refined::Covariates(CovariateParameters {
            model: fitted.model.clone().with_ranges(ranges).unwrap(),
            ..fitted.clone()
        }),
        ..with_covariates()
    };
    let extrapolated = |parameters: &Parameters, size: f64| {
        let attributes = [
            ("member", AttributeValue::Bool(true), "2020-01-01"),
            ("size", AttributeValue::Number(size), "2026-06-01"),
        ];
        let found = customer(CustomerKind::Person, &attributes);
        let selected = parameters.for_customer(found.view());
        assert_eq!(selected.selection, Selection::Covariates);
        selected.extrapolated_covariates()
    };
    let parameters = within(vec![[0.0, 1.0], [2.0, 50.0]]);
    for size in [2.0, 3.0, 50.0] {
        assert_eq!(extrapolated(&parameters, size), []);
    }
    for size in [1.0, 51.0, -4.0] {
        let expected = ExtrapolatedCovariate {
            name: "size".to_owned(),
            value: size,
            fitted: [2.0, 50.0],
        };
        assert_eq!(extrapolated(&parameters, size), [expected]);
    }
    // Everybody of the fit was none: that a member orders more was never seen.
    let members = extrapolated(&within(vec![[0.0, 0.0], [2.0, 50.0]]), 3.0);
    assert_eq!(members[0].name, "member");
    // A version that did not keep its ranges says nothing, nor does one without covariates of the customer.
    assert_eq!(extrapolated(&with_covariates(), 60.0), []);
    let nothing_known = customer(CustomerKind::Person, &[]);
    let selected = parameters.for_customer(nothing_known.view());
    assert_eq!(selected.extrapolated_covariates(), []);
    assert!(fitted.model.clone().with_ranges(vec![[0.0, 1.0]]).is_err());
}

#[test]
fn a_covariate_that_is_missing_stale_or_of_another_type_leaves_the_pooled_parameters() {
    let parameters = with_covariates();
    let member = || ("member", AttributeValue::Bool(true), "2020-01-01");
    let size = |value, day| ("size", value, day);
    for attributes in [
        vec![],
        vec![member()],
        vec![member(), size(AttributeValue::Int(3), "2026-05-30")],
        vec![member(), size(AttributeValue::Int(3), "2026-07-01")],
        vec![member(), size(AttributeValue::Number(2.5), "2026-06-30")],
        vec![
            member(),
            size(AttributeValue::Text("3".into()), "2026-06-30"),
        ],
        vec![member(), size(AttributeValue::Int(i64::MAX), "2026-06-30")],
    ] {
        let unknown = customer(CustomerKind::Person, &attributes);
        let selected = parameters.for_customer(unknown.view());
        let selection = Selection::PooledForUnknownCovariate;
        assert_eq!(selected.selection, selection, "{attributes:?}");
        assert_eq!(selected.orders, parameters.pooled.orders);
    }
}
