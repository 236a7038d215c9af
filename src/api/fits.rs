//! Requests to fit, checked.

use crate::{
    api::{texts, violations::Checker},
    domain::{
        clv::{model::ModelFamily, spend_orders::SpendOrders},
        fitted::report::StoredPrior,
        text::Label,
    },
    pb,
    service::models::CovariateProblem,
};

/// Longest id of a request, in bytes.
const REQUEST_ID_BYTES: usize = 64;

/// The id of a request; `None` when it has none.
pub(crate) fn request_id(text: &str, check: &mut Checker<'_>) -> Option<Label> {
    if text.is_empty() {
        return None;
    }
    check
        .ok("INVALID_TEXT", texts::required(text, REQUEST_ID_BYTES))
        .map(Label::from)
}

/// Whether kinds get parameters of their own.
fn is_by_kind(number: i32, check: &mut Checker<'_>) -> bool {
    match pb::FitGrouping::try_from(number) {
        Ok(pb::FitGrouping::ByKind) => true,
        Ok(pb::FitGrouping::Unspecified) => false,
        Err(_) => {
            check.refuse("UNKNOWN_ENUM_VALUE", format!("{number} is not a grouping"));
            false
        }
    }
}

/// The orders that spend is fitted to; the default when they are not stated.
pub(crate) fn spend_orders(number: i32, check: &mut Checker<'_>) -> Option<SpendOrders> {
    match pb::SpendOrders::try_from(number) {
        Ok(pb::SpendOrders::Unspecified | pb::SpendOrders::All) => Some(SpendOrders::All),
        Ok(pb::SpendOrders::Repeat) => Some(SpendOrders::Repeat),
        Ok(pb::SpendOrders::RepeatMeans) => Some(SpendOrders::RepeatMeans),
        Err(_) => {
            check.refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is not a choice of orders"),
            );
            None
        }
    }
}

/// Whether a seasonal index is asked for, which only some models of orders know.
pub(crate) fn seasonal(asked: bool, kind: Option<ModelFamily>, check: &mut Checker<'_>) -> bool {
    if asked && kind.is_some_and(|kind| !kind.knows_seasons()) {
        check.field("seasonal").refuse(
            "CONFLICT",
            "exact only for BG_NBD and MBG_NBD: choose one of these models, or remove it",
        );
    }
    asked
}

/// A prior with four medians and as many spreads, or one for all.
pub(crate) fn prior(message: &pb::LogNormalPrior, check: &mut Checker<'_>) -> Option<StoredPrior> {
    let medians = <[f64; 4]>::try_from(message.medians.as_slice()).ok();
    if medians.is_none() {
        let count = message.medians.len();
        check.field("medians").refuse(
            "OUT_OF_RANGE",
            format!("has {count} values: set exactly four, one per parameter"),
        );
    }
    let log_spreads = match message.log_standard_deviations[..] {
        [one] => Some([one; 4]),
        _ => <[f64; 4]>::try_from(message.log_standard_deviations.as_slice()).ok(),
    };
    if log_spreads.is_none() {
        let count = message.log_standard_deviations.len();
        check.field("log_standard_deviations").refuse(
            "OUT_OF_RANGE",
            format!("has {count} values: set one for all parameters, or four"),
        );
    }
    let prior = StoredPrior {
        medians: medians?,
        log_spreads: log_spreads?,
    };
    check.ok("OUT_OF_RANGE", prior.prior())?;
    Some(prior)
}

/// Whether a fit is to tell kinds of customers apart, for which there can be no covariates of these `names`; `check` stands at the request.
pub(crate) fn grouping(number: i32, names: &[String], check: &mut Checker<'_>) -> bool {
    let by_kind = is_by_kind(number, &mut check.field("grouping"));
    if by_kind && !names.is_empty() {
        check.field("grouping").refuse(
            "CONFLICT",
            "cannot be combined with BY_KIND: remove one of them",
        );
    }
    by_kind
}

/// Says what is wrong with the names of covariates; `check` stands at the request.
pub(crate) fn refuse_covariates(problems: Vec<CovariateProblem>, check: &mut Checker<'_>) {
    for (at, problem) in problems {
        match at {
            Some(at) => check
                .element("covariates", at)
                .refuse("NOT_A_COVARIATE", problem),
            None => check.field("covariates").refuse("NOT_A_COVARIATE", problem),
        }
    }
}
