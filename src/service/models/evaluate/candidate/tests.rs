use std::{sync::Arc, time::Duration};

use super::*;
use crate::domain::clv::model::{ModelFamily, ModelKind};
use crate::domain::{
    clv::{gamma_gamma::GammaGamma, model::OrderModel, spend_orders::SpendOrders},
    evaluation::strata::Stratum,
    fitted::ByKindFit,
};

fn report() -> StoredReport {
    StoredReport {
        parameters: vec![],
        covariance: None,
        log_covariance: None,
        log_likelihood: -1.0,
        customers: 1,
        distinct_rows: 1,
        iterations: 1,
        evaluations: 1,
        not_converged_reason: None,
        held_reason: None,
        gradient_norm: 0.0,
        condition_number: None,
        duration: Duration::ZERO,
        stages: None,
        season_parameters: None,
    }
}

fn set(r: f64, spend: Result<[f64; 3], &str>) -> FittedSet {
    let spend = spend.map(|[p, q, v]| {
        let model = GammaGamma::new(p, q, v).unwrap();
        (model, "EUR".parse().unwrap(), report())
    });
    FittedSet {
        orders: OrderModel::new(ModelKind::MbgNbd, [r, 6.0, 0.9, 1.6]).unwrap(),
        orders_report: report(),
        benchmark: None,
        spend: spend.map_err(str::to_owned),
    }
}

/// A version with these sets for persons and companies.
fn by_kind(person: Result<FittedSet, String>, company: Result<FittedSet, String>) -> ModelFit {
    let kind = |kind, set| KindFit {
        kind,
        customers: 10,
        set,
    };
    ModelFit {
        kind: ModelFamily::MbgNbd,
        until: "2026-06-30".parse().unwrap(),
        pooled: Ok(set(0.5, Ok([6.0, 4.0, 15.0]))),
        refinement: Refinement::ByKind(ByKindFit {
            kinds: vec![
                kind(CustomerKind::Person, person),
                kind(CustomerKind::Company, company),
            ],
            orders_test: Err("not tested".to_owned()),
            spend_test: Err("not tested".to_owned()),
        }),
        season: None,
        checks: None,
        prior: None,
        spend_orders: SpendOrders::All,
        contacts: Arc::default(),
        unconvertible_customers: 0,
        facts_end: None,
        contracts: vec![],
    }
}

fn described(fit: &ModelFit) -> Vec<Described> {
    sets(fit, None).into_iter().map(|set| set.whom).collect()
}

#[test]
fn each_kind_is_predicted_by_its_own_set_and_by_that_of_all_where_it_has_none() {
    let euro = Some("EUR".parse().unwrap());
    let own = set(0.7, Err("too few"));
    let other = set(2.0, Ok([3.0, 5.0, 90.0]));
    let (person, company) = (CustomerKind::Person, CustomerKind::Company);
    let of = |fit: &ModelFit, kind| {
        let model = candidate(fit, euro).unwrap();
        let selected = model.select(&Stratum::of_kind(kind));
        let spend = selected.spend.map(|it| it.model.parameters());
        (selected.selection, selected.orders, spend)
    };
    let both = by_kind(Ok(own.clone()), Ok(other.clone()));
    let all = [
        Described::All,
        Described::Kind(person),
        Described::Kind(company),
    ];
    assert_eq!(described(&both), all);
    // Without a spend model of their own, persons have that of all.
    let expected = (
        Selection::OwnKind(person),
        own.orders,
        Some([6.0, 4.0, 15.0]),
    );
    assert_eq!(of(&both, person), expected);
    let expected = (
        Selection::OwnKind(company),
        other.orders,
        Some([3.0, 5.0, 90.0]),
    );
    assert_eq!(of(&both, company), expected);
    let spends = sets(&both, euro);
    assert!(
        spends
            .iter()
            .all(|set| set.fits.as_ref().unwrap().spend.is_ok())
    );

    let one = by_kind(Err("too few".to_owned()), Ok(other.clone()));
    assert_eq!(described(&one), all);
    assert_eq!(sets(&one, euro)[1].fits, Err("too few".to_owned()));
    let (selection, orders, _) = of(&one, person);
    assert_eq!(selection, Selection::PooledForKind(person));
    assert_eq!(orders, one.pooled.as_ref().unwrap().orders);
    assert!(Described::All.speaks_for(selection) && !all[1].speaks_for(selection));
    assert_eq!(of(&one, company).1, other.orders);
    // A version of contracts alone predicts no orders.
    let contracts_alone = ModelFit {
        pooled: Err("no customers to fit to".to_owned()),
        refinement: Refinement::No,
        ..one
    };
    assert_eq!(candidate(&contracts_alone, euro), None);
    assert!(sets(&contracts_alone, euro).is_empty());
}

#[test]
fn nothing_is_said_of_spend_in_another_currency_or_without_a_mean() {
    let mut fit = by_kind(Err(String::new()), Err(String::new()));
    fit.refinement = Refinement::No;
    let reason = |fit: &ModelFit, currency: &str| {
        let sets = sets(fit, Some(currency.parse().unwrap()));
        sets[0].fits.clone().unwrap().spend.unwrap_err()
    };
    assert!(reason(&fit, "USD").contains("USD"));
    fit.pooled = Ok(set(0.5, Ok([6.0, 0.9, 15.0])));
    assert!(reason(&fit, "EUR").contains("no mean"));
}
