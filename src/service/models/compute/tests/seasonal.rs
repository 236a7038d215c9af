//! Seasonal indices of versions by kind and with covariates.

use super::*;
use crate::domain::clv::{
    fit::covariates::CovariateGroup,
    season::tests::{christmas, planted::shop},
};

const SLOW: [f64; 4] = [0.8, 9.0, 0.6, 3.5];
const FAST: [f64; 4] = [0.8, 4.5, 0.6, 3.5];

/// Persons who order half as often as companies, with a season; the value of a covariate tells them apart.
fn input(until: Day) -> FitRows {
    let of = |parameters, seed| {
        let model = OrderModel::new(ModelKind::MbgNbd, parameters).unwrap();
        shop(&model, &christmas(), 1_200, until, seed)
    };
    let (persons, companies) = (of(SLOW, 1), of(FAST, 2));
    let rows = |orders: &[CollapsedRow]| Rows {
        orders: orders.to_vec(),
        spend: vec![],
    };
    let group = |value, rows: &[CollapsedRow]| CovariateGroup {
        values: vec![value],
        rows: rows.to_vec(),
    };
    FitRows {
        kinds: [rows(&persons.rows), rows(&companies.rows)],
        covariates: Some(CovariateRows {
            groups: vec![group(0.0, &persons.rows), group(1.0, &companies.rows)],
            left_out: 0,
        }),
        days: DaysByKind::new([persons.orders, companies.orders]),
    }
}

fn plan(until: Day, by_kind: bool, covariates: Vec<Covariate>) -> Plan {
    Plan {
        kind: ModelFamily::MbgNbd,
        stages: None,
        until,
        by_kind,
        covariates,
        prior: None,
        spend_orders: SpendOrders::All,
        season: Seasonality::Estimated,
        currency: Err("not requested".to_owned()),
    }
}

#[test]
fn kinds_and_covariates_share_one_index_and_their_likelihoods_are_comparable() {
    let until: Day = "2026-06-30".parse().unwrap();
    let covariate = Covariate {
        name: "company".into(),
        value_type: crate::domain::fitted::parameters::CovariateType::Boolean,
        max_age_days: None,
    };
    let with_covariate = input(until);
    let by_kind = FitRows {
        covariates: None,
        ..input(until)
    };
    let all = by_kind.pooled();
    let by_kind = plan(until, true, vec![]).fit_parameters(&by_kind, &all);
    let by_kind = by_kind.unwrap();
    let fit = plan(until, false, vec![covariate]).fit_parameters(&with_covariate, &all);
    let fit = fit.unwrap();
    assert_eq!(fit.season, by_kind.season);
    let index = fit.seasonal_index().unwrap();
    assert!(index.clock.month_levels()[11] > 1.8, "{index:?}");
    let pooled = &fit.pooled.as_ref().unwrap().orders_report;
    let counted = f64::from(pooled.season_parameters.unwrap());
    assert!((counted - index.effective_parameters.ceil()).abs() < 1e-9);
    // Twice the gain is the statistic, whatever the clock adds to both.
    let Refinement::ByKind(kinds) = &by_kind.refinement else {
        panic!("{by_kind:?}");
    };
    let own = kinds.kinds.iter().map(|kind| kind.set.as_ref().unwrap());
    let own: f64 = own.map(|set| set.orders_report.log_likelihood).sum();
    let statistic = kinds.orders_test.as_ref().unwrap().statistic;
    assert!((2.0 * (own - pooled.log_likelihood) - statistic).abs() < 1e-6 * statistic);
    let Refinement::Covariates(covariates) = &fit.refinement else {
        panic!("{fit:?}");
    };
    let gain = 2.0 * (covariates.report.log_likelihood - pooled.log_likelihood);
    let statistic = covariates.test.as_ref().unwrap().statistic;
    assert!(
        (gain - statistic).abs() < 1e-6 * statistic,
        "{gain} {statistic}"
    );
    // Companies order twice as often.
    let effect = &covariates.report.parameters[4];
    let distance = (effect.value - 2.0_f64.ln()) / effect.standard_error.unwrap();
    assert!(distance.abs() < 3.5, "{effect:?}");
    let set = fit.parameters().unwrap();
    assert!(set.season.is_some() && set.time() != crate::domain::clv::season::OrderTime::Calendar);
}

#[test]
fn a_model_that_knows_no_seasons_gets_no_index_and_a_given_one_is_kept() {
    let until: Day = "2026-06-30".parse().unwrap();
    let rows = FitRows {
        covariates: None,
        ..input(until)
    };
    let all = rows.pooled();
    let of = |kind, season| Plan {
        kind,
        season,
        ..plan(until, false, vec![])
    };
    let pareto = of(ModelFamily::ParetoNbd, Seasonality::Estimated);
    let pareto = pareto.fit_parameters(&rows, &all).unwrap();
    assert_eq!(
        pareto.season,
        Some(Err("pareto-nbd knows no seasons".to_owned()))
    );
    let first = of(ModelFamily::MbgNbd, Seasonality::Estimated);
    let first = first.fit_parameters(&rows, &all).unwrap();
    let index = first.seasonal_index().unwrap().clone();
    let again = of(ModelFamily::MbgNbd, Seasonality::Given(Box::new(index)));
    let again = again.fit_parameters(&rows, &all).unwrap();
    let parameters = |fit: &ModelFit| fit.pooled.as_ref().unwrap().orders;
    assert_eq!(
        (again.season.clone(), parameters(&again)),
        (first.season.clone(), parameters(&first))
    );
}
