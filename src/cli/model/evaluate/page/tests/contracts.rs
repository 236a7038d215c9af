//! Renewals and value on the page and as JSON.

use super::*;

/// Contracts of two lengths, and orders beside them.
fn with_contracts() -> pb::ModelEvaluation {
    let group = |period_months, renewed| pb::RenewalGroup {
        period_months,
        contracts: 40,
        due: 50,
        renewed,
        expected: 42.0,
        baseline_expected: Some(36.0),
        brier_score: 0.125,
        baseline_brier_score: Some(0.25),
        total: Some(pb::TotalInterval {
            level: 0.9,
            actual: f64::from(i32::try_from(renewed).unwrap()),
            expected: 42.0,
            standard_deviation: 2.0,
            low: 38.5,
            high: 45.5,
            actual_quantile: 0.16,
        }),
        coverage: vec![pb::IntervalCoverage {
            level: 0.9,
            customers: 40,
            within_share: 0.95,
            calibrated_share: 0.91,
        }],
        ages: vec![pb::RenewalAge {
            renewals: 7,
            contracts: 40,
            due: 50,
            renewed,
            expected: 42.0,
        }],
    };
    pb::ModelEvaluation {
        currency: "EUR".into(),
        renewals: Some(pb::RenewalEvaluation {
            groups: vec![group(0, 40), group(1, 38)],
            contracts_signed_later: 3,
            contracts_ending: 2,
            built_in_contracts: 4,
            baseline_renewal_rate: Some(0.875),
            ..Default::default()
        }),
        value: Some(pb::ValueEvaluation {
            customers: 12,
            orders: Some(pb::ValuePart {
                actual: 100.0,
                expected: 90.0,
            }),
            contracts: Some(pb::ValuePart {
                actual: 400.0,
                expected: 420.0,
            }),
            quantity: Some(quantity()),
            ..Default::default()
        }),
        ..evaluation()
    }
}

#[test]
fn a_page_shows_renewals_beside_the_past_rate_and_what_all_brought() {
    let lines = |page: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        page.lines().map(words).collect()
    };
    let found = page(&with_contracts());
    for line in [
        "Renewals of contracts that fell due in the holdout (past rate 87.5 %)",
        "all contracts 40 50 40",
        "the model 42.0 +5.0 % 0.1250",
        "at the past rate 36.0 -10.0 % 0.2500",
        "monthly 38.5 45.5 38 below: 16.0 % by chance 95.0 % 91.0 %",
        "7+ 40 50 40 42.0 +5.0 %",
        "Excluded contracts: 3 signed after the split, 2 with an end known at the split",
        "Predicted by the built-in model: 4 contracts",
        "Value of orders and contracts, not discounted, before any cost to serve: 12 customers",
        "contracts 400.00",
        "expected 420.00 +5.0 %",
        "90 % prediction interval of the total: 3.00 to 7.00, above: 0.8 % by chance",
    ] {
        assert!(
            lines(&found).iter().any(|it| it == line),
            "no {line:?} in\n{found}"
        );
    }
    let json = json::evaluation(&with_contracts());
    assert_eq!(json["renewals"]["groups"][1]["period_months"], 1);
    assert_eq!(json["renewals"]["groups"][0]["ages"][0]["renewals"], 7);
    assert_eq!(json["value"]["contracts"]["expected"], 420.0);
    // Without orders the page has contracts, and the reason.
    let alone = pb::ModelEvaluation {
        groups: vec![],
        spend_absent_reason: String::new(),
        orders_absent_reason: "no person or company had bought by 2026-01-15".into(),
        ..with_contracts()
    };
    let found = page(&alone);
    for line in [
        "Model contracts only, fitted on facts up to the split",
        "No orders no person or company had bought by 2026-01-15",
    ] {
        assert!(
            lines(&found).iter().any(|it| it == line),
            "no {line:?} in\n{found}"
        );
    }
    assert!(!found.contains("Gamma-Gamma"), "{found}");
    let none = pb::ModelEvaluation {
        renewals_absent_reason: "no contract ran on 2026-01-15".into(),
        ..evaluation()
    };
    let found = page(&none);
    assert!(
        found.ends_with("No renewals: no contract ran on 2026-01-15"),
        "{found}"
    );
}
