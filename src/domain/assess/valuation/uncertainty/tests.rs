//! That contracts may end shows in intervals and tiers.

use std::sync::Arc;

use super::*;
use crate::domain::{
    assess::valuation::value,
    basis::{ActiveModel, Revision},
    calendar::Day,
    clv::{
        fit::contracts::{ContractOutcome, ContractRow, fit_contracts},
        gamma_gamma::GammaGamma,
        model::{ModelKind, OrderModel},
        spend_orders::SpendOrders,
    },
    customer::{
        CustomerKind,
        facts::{ContractFact, ContractTerms},
        profile::{DatedProfile, History, Profile, PurchaseDay},
    },
    fitted::{
        contract_models::{ContractModels, PeriodFit},
        parameters::{Estimation, ParameterSet, Parameters, SpendParameters},
        report::StoredReport,
    },
    money::{Currency, Money},
    text::CustomerId,
};

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn day(number: i32) -> Day {
    Day::from_number(20_000 + number).unwrap()
}

fn spread<const N: usize>() -> Vec<Vec<f64>> {
    let row = |i| (0..N).map(|j| if i == j { 0.01 } else { 0.0 }).collect();
    (0..N).map(row).collect()
}

/// Contracts of which 67 in 1,000 end at a renewal, learned from a thousand.
fn basis() -> Basis {
    let row = |renewals, outcome, count| ContractRow {
        renewals,
        outcome,
        count,
    };
    let rows = [
        row(0, ContractOutcome::Ended, 67),
        row(1, ContractOutcome::Running, 933),
    ];
    let fit = fit_contracts(&rows).unwrap();
    let report = StoredReport::new(&fit.report, std::time::Duration::ZERO);
    let model = ActiveModel {
        version: 5,
        parameters: Some(Parameters::pooled(ParameterSet {
            orders: OrderModel::new(ModelKind::MbgNbd, [0.5, 6.0, 0.9, 1.6]).unwrap(),
            orders_log_covariance: Some(spread::<4>()),
            estimation: Estimation::MaximumLikelihood,
            spend: Some(SpendParameters {
                model: GammaGamma::new(6.0, 4.0, 15.0).unwrap(),
                orders: SpendOrders::RepeatMeans,
                currency: euro(),
                log_covariance: Some(spread::<3>()),
            }),
        })),
        contracts: ContractModels::of_fits(&[PeriodFit {
            period_months: None,
            contracts: 1_000,
            fit: Ok((fit.model, report)),
            fallback: None,
        }]),
        contacts: Arc::default(),
        uncertainty: Arc::default(),
        facts_end: None,
    };
    let revision = Revision::built_in().unwrap();
    Basis::new(revision, Some(model), Some(euro()), Arc::default())
}

/// A monthly contract of 1,000 EUR, and purchases of 10 EUR on these days.
fn prospects_of(purchases: &[i32], ended_on: Option<Day>) -> (Valuation, ValueUncertainty) {
    let purchase = |&number: &i32| PurchaseDay {
        day: day(number),
        currency: euro(),
        category: None,
        count: 1,
        amount_minor: 1_000,
        costed_amount_minor: 0,
        cost_minor: 0,
        foreign_refunds: None,
    };
    let terms = ContractTerms {
        started_on: day(0),
        period_months: 1,
        price: Money {
            amount_minor: 100_000,
            currency: euro(),
        },
        cost_minor: None,
        category: None,
        ended_on,
    };
    let contract = ContractFact {
        source: "billing".into(),
        contract_id: "1".into(),
        terms,
        effective_on: day(0),
        profile_version: 1,
    };
    let profile = Profile {
        customer_id: CustomerId::new("ada").unwrap(),
        version: 1,
        kind: CustomerKind::Person,
        display_name: None,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        members: Box::default(),
        history: History {
            purchases: purchases.iter().map(purchase).collect(),
            contracts: vec![contract],
            ..History::default()
        },
    };
    let basis = basis();
    let dated = DatedProfile::new(Arc::new(profile), day(365)).unwrap();
    let horizon = &basis.revision.horizon;
    let valuation = value(dated.view(), &basis, horizon);
    let valued = HorizonValue {
        valuation: &valuation,
        horizon,
    };
    let found = value_uncertainty(dated.view(), &basis, valued, valued, 0.9).unwrap();
    let again = value_uncertainty(dated.view(), &basis, valued, valued, 0.9).unwrap();
    assert_eq!(found, again);
    (valuation, found)
}

#[test]
fn a_contract_that_may_end_at_its_first_renewal_makes_the_lowest_tier_possible() {
    // Not even the first renewal with 6.7 %, so that 5 % of all futures bring nothing. The built-in tiers begin at 1,000, 250 and 50 EUR, and
    // one renewal brings 990: the best takes two, 0.933 x 0.933, the next one, 0.933 x 0.067, and the last none, but for the orders.
    for purchases in [&[][..], &[10, 300]] {
        let (valuation, found) = prospects_of(purchases, None);
        let expected = valuation.contracts.unwrap();
        assert_eq!(found.renewals, Some((0.0, 12.0)));
        assert_eq!(found.orders.is_some(), !purchases.is_empty());
        assert_eq!(found.spend.is_some(), !purchases.is_empty());
        let (low, high) = found.lifetime_value;
        assert!(low < 100.0 && high > 11_000.0, "{low} {high}");
        assert!(low < expected.value && expected.value < high);
        if purchases.is_empty() {
            for (found, expected) in found
                .tier_probabilities
                .iter()
                .zip([0.8705, 0.0625, 0.0, 0.067])
            {
                assert!((found - expected).abs() < 0.01, "{found} {expected}");
            }
        }
        let best = found.tier_probabilities[0];
        assert!(
            (0.86..0.94).contains(&best),
            "{:?}",
            found.tier_probabilities
        );
        let total: f64 = found.tier_probabilities.iter().sum();
        assert!((total - 1.0).abs() < 1e-12);
    }
}

#[test]
fn nothing_varies_where_nothing_can_be_renewed() {
    let (_, found) = prospects_of(&[], Some(day(100)));
    assert_eq!(found.lifetime_value, (0.0, 0.0));
    assert_eq!(found.renewals, Some((0.0, 0.0)));
    assert_eq!(found.tier_probabilities, [0.0, 0.0, 0.0, 1.0]);
}
