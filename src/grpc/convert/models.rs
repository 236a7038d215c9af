//! Model versions as messages.

use super::{customer_kind_message, timestamp_message};
use crate::{
    domain::{
        contact_model::UsualContacts,
        model_version::{ModelVersion, StoredReport},
        value::{lifetime::WEEKS_PER_MONTH, model::ModelKind},
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
        contact_rates: fit.contacts.all().iter().map(contact_rate).collect(),
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
