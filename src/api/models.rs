//! Model versions as messages.

mod checks;
mod season;

pub(super) use self::season::{absent_reason as no_index_reason, index as seasonal_index};
use super::{customer_kind_message, evaluation::int32, timestamp_message};
use crate::{
    api::violations::Checker,
    domain::{
        calendar::Day,
        clv::{lifetime::WEEKS_PER_MONTH, model::ModelFamily, spend_orders::SpendOrders},
        fitted::{
            ByKindFit, CovariateFit, FittedSet, KindFit, ModelVersion, Refinement,
            contact_model::UsualContacts,
            contract_models::PeriodFit,
            facts_end::FactsEnd,
            report::{
                StoredBenchmark, StoredParameter, StoredPrior, StoredReport, StoredStages,
                StoredTest,
            },
        },
    },
    pb,
};

/// The model kind of a message; the default when it is not stated.
pub(crate) fn model_kind(number: i32, check: &mut Checker<'_>) -> Option<ModelFamily> {
    match pb::OrderModelKind::try_from(number) {
        Ok(pb::OrderModelKind::ParetoNbd) => Some(ModelFamily::ParetoNbd),
        Ok(pb::OrderModelKind::BgNbd) => Some(ModelFamily::BgNbd),
        Ok(pb::OrderModelKind::Unspecified | pb::OrderModelKind::MbgNbd) => {
            Some(ModelFamily::MbgNbd)
        }
        Ok(pb::OrderModelKind::MbgCnbdK) => Some(ModelFamily::MbgCnbd),
        Err(_) => {
            check.refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is not an order model kind"),
            );
            None
        }
    }
}

/// The message of a model kind.
pub(super) fn kind_message(kind: ModelFamily) -> i32 {
    let kind = match kind {
        ModelFamily::BgNbd => pb::OrderModelKind::BgNbd,
        ModelFamily::MbgNbd => pb::OrderModelKind::MbgNbd,
        ModelFamily::ParetoNbd => pb::OrderModelKind::ParetoNbd,
        ModelFamily::MbgCnbd => pb::OrderModelKind::MbgCnbdK,
    };
    kind.into()
}

/// The message of a choice of orders.
pub(super) fn spend_orders_message(orders: SpendOrders) -> i32 {
    let orders = match orders {
        SpendOrders::All => pb::SpendOrders::All,
        SpendOrders::Repeat => pb::SpendOrders::Repeat,
        SpendOrders::RepeatMeans => pb::SpendOrders::RepeatMeans,
    };
    orders.into()
}

/// The message of a model version.
pub(crate) fn model(version: &ModelVersion) -> pb::Model {
    let fit = &version.fit;
    let spend = fit.pooled.as_ref().map(|set| set.spend.as_ref());
    let (spend, currency, spend_absent_reason) = match spend {
        Ok(Ok((_, currency, spend))) => (Some(report(spend)), currency.to_string(), String::new()),
        Ok(Err(reason)) | Err(reason) => (None, String::new(), reason.clone()),
    };
    let (by_kind, covariates) = match &fit.refinement {
        Refinement::No => (None, None),
        Refinement::ByKind(fit) => (Some(by_kind(fit)), None),
        Refinement::Covariates(fit) => (None, Some(with_covariates(fit))),
    };
    pb::Model {
        version: version.version,
        active: version.active,
        kind: kind_message(fit.kind),
        until: fit.until.to_string(),
        create_time: Some(timestamp_message(version.created_at)),
        orders: fit.pooled.as_ref().ok().map(orders),
        orders_absent_reason: fit.pooled.as_ref().err().cloned().unwrap_or_default(),
        spend,
        spend_absent_reason,
        currency,
        unconvertible_customers: i64::try_from(fit.unconvertible_customers).unwrap_or(i64::MAX),
        by_kind,
        covariates,
        checks: fit.checks.as_ref().map(checks::checks),
        prior: fit.prior.as_ref().map(prior),
        contact_rates: fit.contacts.all().iter().map(contact_rate).collect(),
        contracts: fit.contracts.iter().map(contract_model).collect(),
        spend_orders: spend_orders_message(fit.spend_orders),
        contracts_absent_reason: fit.contracts_absent_reason().unwrap_or_default(),
        seasonal_index: seasonal_index(fit.season.as_ref()),
        seasonal_index_absent_reason: no_index_reason(fit.season.as_ref()),
        last_purchase_on: fit
            .facts_end
            .map_or_else(String::new, |end| end.last_purchase.to_string()),
        first_purchase_on: fit
            .facts_end
            .and_then(|end| end.first_purchase)
            .map_or_else(String::new, |day| day.to_string()),
        plausible_silence_days: fit
            .facts_end
            .and_then(|end| end.plausible_silence_days)
            .map_or(0, int32),
        missing_facts_warning: fit
            .facts_end
            .filter(|end| end.lacks_facts())
            .map_or_else(String::new, |end| missing_facts_warning(end, fit.until)),
    }
}

/// What a fit until this day does about facts that end too early.
fn missing_facts_warning(end: FactsEnd, until: Day) -> String {
    let FactsEnd {
        read_until,
        last_purchase,
        plausible_silence_days,
        first_purchase: _,
    } = end;
    let silent = read_until - last_purchase;
    let plausible = plausible_silence_days.unwrap_or(0);
    let found = format!(
        "no purchase by any customer since {last_purchase}: {silent} days before {read_until}, up to {plausible} are plausible"
    );
    if until < read_until {
        format!("{found}. The fit uses facts up to {until}: import the missing ones and fit again")
    } else {
        format!(
            "{found}. Active customers seem to have left: import the missing facts, or fit up to {last_purchase}"
        )
    }
}

fn contract_model(one: &PeriodFit) -> pb::ContractModel {
    let fit = one.fit.as_ref();
    pb::ContractModel {
        period_months: one
            .period_months
            .map_or(0, |months| i32::try_from(months).unwrap_or(i32::MAX)),
        report: fit.ok().map(|(_, stored)| report(stored)),
        absent_reason: fit.err().cloned().unwrap_or_default(),
        contracts: count(one.contracts),
        fallback_reason: one.fallback.clone().unwrap_or_default(),
    }
}

/// The report of the order model of a set, with its benchmark.
fn orders(set: &FittedSet) -> pb::FitReport {
    pb::FitReport {
        benchmark: set.benchmark.as_ref().map(benchmark),
        ..report(&set.orders_report)
    }
}

fn by_kind(fit: &ByKindFit) -> pb::ByKindReport {
    let (orders_test, orders_test_absent_reason) = or_reason(&fit.orders_test);
    let (spend_test, spend_test_absent_reason) = or_reason(&fit.spend_test);
    pb::ByKindReport {
        kinds: fit.kinds.iter().map(kind_parameters).collect(),
        orders_test,
        orders_test_absent_reason,
        spend_test,
        spend_test_absent_reason,
    }
}

fn kind_parameters(fit: &KindFit) -> pb::KindParameters {
    let of_kind = pb::KindParameters {
        kind: customer_kind_message(fit.kind),
        customers: count(fit.customers),
        ..Default::default()
    };
    match &fit.set {
        Ok(set) => {
            let spend = set.spend.as_ref();
            pb::KindParameters {
                orders: Some(orders(set)),
                spend: spend.ok().map(|(_, _, spend)| report(spend)),
                spend_pooled_reason: spend.err().cloned().unwrap_or_default(),
                ..of_kind
            }
        }
        Err(reason) => pb::KindParameters {
            orders_pooled_reason: reason.clone(),
            spend_pooled_reason: reason.clone(),
            ..of_kind
        },
    }
}

fn with_covariates(fit: &CovariateFit) -> pb::CovariateReport {
    let (test, test_absent_reason) = or_reason(&fit.test);
    let names = fit.covariates.iter().map(|one| one.name.to_string());
    pb::CovariateReport {
        names: names.collect(),
        means: fit.model.means().to_vec(),
        minima: fit.model.ranges().iter().map(|range| range[0]).collect(),
        maxima: fit.model.ranges().iter().map(|range| range[1]).collect(),
        orders: Some(report(&fit.report)),
        excluded_customer_count: count(fit.customers_left_out),
        test,
        test_absent_reason,
    }
}

fn or_reason(found: &Result<StoredTest, String>) -> (Option<pb::LikelihoodRatio>, String) {
    match found {
        Ok(found) => (Some(test(found)), String::new()),
        Err(reason) => (None, reason.clone()),
    }
}

fn test(test: &StoredTest) -> pb::LikelihoodRatio {
    pb::LikelihoodRatio {
        statistic: test.statistic,
        degrees_of_freedom: i32::try_from(test.degrees_of_freedom).unwrap_or(i32::MAX),
        p_value: test.p_value,
    }
}

fn benchmark(benchmark: &StoredBenchmark) -> pb::Benchmark {
    pb::Benchmark {
        parameters: benchmark.parameters.iter().map(parameter).collect(),
        log_likelihood: benchmark.log_likelihood,
        converged: benchmark.not_converged_reason.is_none(),
        not_converged_reason: benchmark.not_converged_reason.clone().unwrap_or_default(),
        test: benchmark.test.as_ref().map(test),
        test_absent_reason: benchmark.test_absent_reason.clone().unwrap_or_default(),
    }
}

fn prior(prior: &StoredPrior) -> pb::LogNormalPrior {
    pb::LogNormalPrior {
        medians: prior.medians.to_vec(),
        log_standard_deviations: prior.log_spreads.to_vec(),
    }
}

fn parameter(parameter: &StoredParameter) -> pb::Parameter {
    pb::Parameter {
        name: parameter.name.clone(),
        value: parameter.value,
        standard_error: parameter.standard_error,
    }
}

fn contact_rate(usual: &UsualContacts) -> pb::ContactRate {
    let cost = usual.cost.as_ref();
    pb::ContactRate {
        kind: customer_kind_message(usual.kind),
        channel: usual.channel.to_string(),
        shape: usual.rate.shape(),
        rate_weeks: usual.rate.rate_weeks(),
        mean_per_month: usual.rate.mean_per_week() * WEEKS_PER_MONTH,
        customers: i64::try_from(usual.customers).unwrap_or(i64::MAX),
        cost_per_contact: cost.map(|(cost, _)| cost.mean),
        cost_weight_contacts: cost.map(|(cost, _)| cost.weight_contacts),
        cost_currency: cost.map_or_else(String::new, |(_, currency)| currency.to_string()),
        recorded_cost_share: usual.recorded_cost_share,
    }
}

fn report(report: &StoredReport) -> pb::FitReport {
    let matrix = |matrix: &Option<Vec<Vec<f64>>>| matrix.as_ref().map_or(vec![], |it| it.concat());
    pb::FitReport {
        parameters: report.parameters.iter().map(parameter).collect(),
        log_likelihood: report.log_likelihood,
        customers: count(report.customers),
        distinct_rows: count(report.distinct_rows),
        iterations: i32::try_from(report.iterations).unwrap_or(i32::MAX),
        converged: report.converged(),
        not_converged_reason: report.not_converged_reason.clone().unwrap_or_default(),
        weak_prior_reason: report.held_reason.clone().unwrap_or_default(),
        gradient_norm: report.gradient_norm,
        fit_duration: prost_types::Duration::try_from(report.duration).ok(),
        covariance: matrix(&report.covariance),
        log_covariance: matrix(&report.log_covariance),
        condition_number: report.condition_number,
        aic: report.aic(),
        bic: report.bic(),
        evaluations: i32::try_from(report.evaluations).unwrap_or(i32::MAX),
        benchmark: None,
        stages: report.stages.as_ref().map_or(0, stage_count),
        stage_likelihoods: report.stages.as_ref().map_or(vec![], stage_likelihoods),
    }
}

/// The number of stages of a model of regular buyers.
pub(super) fn stage_count(stages: &StoredStages) -> i32 {
    i32::try_from(stages.stages).unwrap_or(i32::MAX)
}

fn stage_likelihoods(stages: &StoredStages) -> Vec<pb::StageLikelihood> {
    let tried = stages.log_likelihoods.iter();
    let message = |&(stages, log_likelihood): &(u32, f64)| pb::StageLikelihood {
        stages: i32::try_from(stages).unwrap_or(i32::MAX),
        log_likelihood,
    };
    tried.map(message).collect()
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
