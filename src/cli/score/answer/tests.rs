use super::*;
use crate::cli::subject::parse_subject;

fn scored() -> pb::ScoreLifetimeValueResponse {
    pb::ScoreLifetimeValueResponse {
        r#match: pb::Match::One.into(),
        score: Some(pb::LifetimeValueScore {
            customer_id: "0001".into(),
            inputs: Some(pb::ValueInputs {
                frequency: 2,
                recency_weeks: 30.428_571_428_571_427,
                age_weeks: 38.857_142_857_142_854,
                monetary_value: Some(22.345),
                currency: "USD".into(),
            }),
            probability_alive: Some(0.75),
            expected_orders: Some(1.5),
            expected_spend_per_order: Some(24.0),
            transaction_value: Some(30.0),
            contract_value: Some(5.0),
            running_contracts: 1,
            expected_renewals: Some(0.62),
            expected_cost_to_serve: Some(12.5),
            unpriced_channels: vec!["portal".into()],
            lifetime_value: Some(pb::Money {
                amount_minor: 3_500,
                currency: "USD".into(),
            }),
            horizon_months: 12,
            monthly_discount_rate: 0.01,
            tier: Some(pb::Tier {
                name: "silver".into(),
                rank: 3,
                unrated_reason: 0,
            }),
            ..Default::default()
        }),
        provenance: Some(pb::Provenance {
            as_of: "1997-09-30".into(),
            profile_version: 4,
            basis_id: "r0-m1-USD".into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn the_page_says_value_probability_and_history_in_words() {
    let subject = parse_subject("0001").unwrap();
    let page = page(&subject, &scored());
    for part in [
        "35.00 USD over 12 months, discounted by 1.00 % per month",
        "silver (rank 3",
        "75.0 %",
        "2 repeat purchase days in 38.9 weeks",
        "22.34 USD",
        "30.00 USD",
        "5.00 USD: 1 running, 0.62 renewals expected",
        "12.50 USD",
        "contacts by portal: no known cost",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

#[test]
fn what_the_data_alone_do_not_determine_is_marked() {
    let subject = parse_subject("0001").unwrap();
    let determined = page(&subject, &scored());
    for part in ["Parameters", "built-in", "Extrapolated"] {
        assert!(!determined.contains(part), "{part} in\n{determined}");
    }
    let mut response = scored();
    let score = response.score.as_mut().unwrap();
    score.parameter_estimation = pb::ParameterEstimation::WeakPriors.into();
    score.built_in_contract_model = true;
    score.extrapolated_covariates = vec![pb::ExtrapolatedCovariate {
        name: "age".into(),
        value: 95.0,
        fitted_min: 18.0,
        fitted_max: 80.5,
    }];
    let marked = page(&subject, &response);
    for part in [
        "with weak priors, because the data alone do not determine them",
        "0.62 renewals expected by the built-in model",
        "age is 95, outside the 18 to 80.5 that the model was fitted on",
    ] {
        assert!(marked.contains(part), "{part} in\n{marked}");
    }
}

#[test]
fn an_unrated_customer_has_the_reason_in_words() {
    let mut response = scored();
    let score = response.score.as_mut().unwrap();
    score.lifetime_value = None;
    score.inputs = None;
    score.probability_alive = None;
    score.unrated_reason = pb::UnratedReason::NotApplicable.into();
    score.tier = Some(pb::Tier {
        unrated_reason: pb::UnratedReason::NotApplicable.into(),
        ..Default::default()
    });
    let subject = parse_subject("0001").unwrap();
    assert!(page(&subject, &response).contains("employee: value"));
}

#[test]
fn the_expected_spend_names_what_it_is_based_on() {
    let text = |own: Option<(i32, f64, f64)>| {
        let own = own.map(|(orders, mean_amount, paid_share)| pb::SpendInputs {
            orders,
            mean_amount,
            paid_share,
        });
        let mut response = scored();
        let mut score = response.score.take().unwrap();
        score.spend_inputs = own;
        spend_text(&score, 24.0)
    };
    for (own, expected) in [
        (
            None,
            "24.00 USD, the mean of all customers: there is no repeat order",
        ),
        (
            Some((1, 30.0, 1.0)),
            "24.00 USD, based on 1 order of 30.00 USD",
        ),
        (
            Some((3, 22.5, 1.0)),
            "24.00 USD, based on 3 orders of 22.50 USD on average",
        ),
        (
            Some((1, 30.0, 0.5)),
            "24.00 USD, based on 1 order of 30.00 USD; 50 % of orders were paid for",
        ),
        (Some((0, 0.0, 0.0)), "24.00 USD: nothing was paid yet"),
    ] {
        assert_eq!(text(own), expected);
    }
}
