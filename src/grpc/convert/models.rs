//! Model versions as messages.

use super::timestamp_message;
use crate::{
    domain::{
        contract_models::PeriodFit,
        model_version::{ModelVersion, StoredReport},
        value::model::ModelKind,
    },
    grpc::convert::violations::Checker,
    pb,
};

/// The model kind of a message; the default when it is not stated.
pub(in crate::grpc) fn model_kind(number: i32, check: &mut Checker<'_>) -> Option<ModelKind> {
    match pb::OrderModelKind::try_from(number) {
        Ok(pb::OrderModelKind::ParetoNbd) => Some(ModelKind::ParetoNbd),
        Ok(pb::OrderModelKind::BgNbd) => Some(ModelKind::BgNbd),
        Ok(pb::OrderModelKind::Unspecified | pb::OrderModelKind::MbgNbd) => Some(ModelKind::MbgNbd),
        Err(_) => {
            check.refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is no kind of order model"),
            );
            None
        }
    }
}

/// The message of a model version.
pub(in crate::grpc) fn model(version: &ModelVersion) -> pb::Model {
    let fit = &version.fit;
    let kind = match fit.kind() {
        ModelKind::BgNbd => pb::OrderModelKind::BgNbd,
        ModelKind::MbgNbd => pb::OrderModelKind::MbgNbd,
        ModelKind::ParetoNbd => pb::OrderModelKind::ParetoNbd,
    };
    let (spend, currency, spend_absent_reason) = match &fit.pooled.spend {
        Ok((_, currency, spend)) => (Some(report(spend)), currency.to_string(), String::new()),
        Err(reason) => (None, String::new(), reason.clone()),
    };
    pb::Model {
        version: version.version,
        active: version.active,
        kind: kind.into(),
        until: fit.until.to_string(),
        create_time: Some(timestamp_message(version.created_at)),
        orders: Some(report(&fit.pooled.orders_report)),
        spend,
        spend_absent_reason,
        currency,
        contracts: fit.contracts.iter().map(contract_model).collect(),
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
        contracts: i64::try_from(one.contracts).unwrap_or(i64::MAX),
    }
}

fn report(report: &StoredReport) -> pb::FitReport {
    let parameters = report.parameters.iter().map(|parameter| pb::Parameter {
        name: parameter.name.clone(),
        value: parameter.value,
        standard_error: parameter.standard_error,
    });
    pb::FitReport {
        parameters: parameters.collect(),
        log_likelihood: report.log_likelihood,
        customers: i64::try_from(report.customers).unwrap_or(i64::MAX),
        distinct_rows: i64::try_from(report.distinct_rows).unwrap_or(i64::MAX),
        iterations: i32::try_from(report.iterations).unwrap_or(i32::MAX),
        converged: report.not_converged_reason.is_none(),
        not_converged_reason: report.not_converged_reason.clone().unwrap_or_default(),
        gradient_norm: report.gradient_norm,
        fit_duration: prost_types::Duration::try_from(report.duration).ok(),
    }
}
