//! Model versions that no fit made: parameters chosen by a test, put where fits put theirs.

use std::sync::Arc;

use patron::domain::clv::gamma_gamma::GammaGamma;
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::domain::clv::renewal::RenewalModel;
use patron::domain::clv::shifted_beta_geometric::ShiftedBetaGeometric;
use patron::domain::clv::spend_orders::SpendOrders;
use patron::domain::fitted::contact_model::{ContactModel, UsualContacts};
use patron::domain::fitted::contract_models::PeriodFit;
use patron::domain::fitted::report::{StoredParameter, StoredReport, StoredStages};
use patron::domain::fitted::{FittedSet, ModelFit, Refinement};
use patron::store::models;
use sqlx::PgPool;

use super::service::NOW;

/// Parameters near those of the CDNOW sample; the literal values in tests are computed with them.
pub(crate) const BG: (ModelKind, [f64; 4]) = (ModelKind::BgNbd, [0.243, 4.414, 0.793, 2.426]);
pub(crate) const MBG: (ModelKind, [f64; 4]) = (ModelKind::MbgNbd, [0.525, 6.183, 0.891, 1.614]);
/// Gamma-Gamma in euros: p, q, v.
pub(crate) const SPEND: [f64; 3] = [6.25, 3.74, 15.44];

/// Stores a version and returns its number. Without spend parameters it has no spend model.
pub(crate) async fn store_model(
    pool: &PgPool,
    orders: (ModelKind, [f64; 4]),
    spend: Option<[f64; 3]>,
) -> i64 {
    store_model_with_contacts(pool, orders, spend, vec![]).await
}

/// The same with what is usual of contacts.
pub(crate) async fn store_model_with_contacts(
    pool: &PgPool,
    orders: (ModelKind, [f64; 4]),
    spend: Option<[f64; 3]>,
    contacts: Vec<UsualContacts>,
) -> i64 {
    let mut fit = fit(orders, spend);
    fit.contacts = Arc::new(ContactModel::new(contacts));
    store(pool, &fit).await
}

/// The same with models of renewal: months of the period, `None` for all contracts; alpha and beta.
pub(crate) async fn store_contract_model(
    pool: &PgPool,
    orders: (ModelKind, [f64; 4]),
    spend: Option<[f64; 3]>,
    contracts: &[(Option<u32>, [f64; 2])],
) -> i64 {
    let mut fit = fit(orders, spend);
    fit.contracts = contracts
        .iter()
        .map(|&(period_months, [alpha, beta])| PeriodFit {
            period_months,
            contracts: 1,
            fit: Ok((
                RenewalModel::Differing(ShiftedBetaGeometric::new(alpha, beta).unwrap()),
                report(["alpha", "beta"], [alpha, beta]),
            )),
            fallback: None,
        })
        .collect();
    store(pool, &fit).await
}

/// Stores a version without a spend model whose search ended before it reached a maximum, and returns its number.
pub(crate) async fn store_unconverged_model(pool: &PgPool, orders: (ModelKind, [f64; 4])) -> i64 {
    let mut fit = fit(orders, None);
    let reason = "the search reached its work limit after 9 evaluations";
    if let Ok(set) = &mut fit.pooled {
        set.orders_report.not_converged_reason = Some(reason.to_owned());
    }
    store(pool, &fit).await
}

fn fit((kind, orders): (ModelKind, [f64; 4]), spend: Option<[f64; 3]>) -> ModelFit {
    let spend = match spend {
        Some([p, q, v]) => Ok((
            GammaGamma::new(p, q, v).unwrap(),
            "EUR".parse().unwrap(),
            report(["p", "q", "v"], [p, q, v]),
        )),
        None => Err("nobody bought twice".to_owned()),
    };
    ModelFit {
        kind: kind.family(),
        until: "2026-06-30".parse().unwrap(),
        pooled: Ok(FittedSet {
            orders: OrderModel::new(kind, orders).unwrap(),
            orders_report: report(["r", "alpha", "a", "b"], orders)
                .with_stages(StoredStages::given(kind)),
            benchmark: None,
            spend,
        }),
        refinement: Refinement::No,
        season: None,
        checks: None,
        prior: None,
        // As earlier programs fitted: values in tests are computed with means of repeat orders.
        spend_orders: SpendOrders::RepeatMeans,
        contacts: Arc::default(),
        contracts: vec![],
        unconvertible_customers: 0,
        facts_end: None,
    }
}

async fn store(pool: &PgPool, fit: &ModelFit) -> i64 {
    let mut tx = pool.begin().await.unwrap();
    let version = models::insert(&mut tx, fit, NOW.parse().unwrap())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    version
}

fn report<const N: usize>(names: [&str; N], values: [f64; N]) -> StoredReport {
    let parameters = names.into_iter().zip(values);
    StoredReport {
        parameters: parameters
            .map(|(name, value)| StoredParameter {
                name: name.to_owned(),
                value,
                standard_error: None,
            })
            .collect(),
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
        duration: std::time::Duration::ZERO,
        stages: None,
        season_parameters: None,
    }
}
