//! Comparisons of models as messages.

use std::cmp::Ordering;

use super::evaluation::{accuracy, count, coverage, excluded_customers, int32, total};
use crate::{
    api::models,
    pb,
    service::models::{
        Seasonality,
        evaluate::{ComparedModel, LikelihoodFigures, ModelComparison, ModelFigures},
    },
};

/// The message of a comparison.
pub(crate) fn comparison(found: &ModelComparison) -> pb::ModelComparison {
    let recommended = found.recommendation.as_ref();
    let place = recommended.map(|(place, _)| *place);
    let models = found.models.iter().enumerate();
    let mut models: Vec<pb::ComparedModel> = models
        .map(|(at, model)| compared(model, Some(at) == place))
        .collect();
    models.sort_by(order);
    pb::ModelComparison {
        split_on: found.window.split().to_string(),
        until: found.window.until().to_string(),
        holdout_days: int32(found.window.holdout_days()),
        empty_days: int32(found.window.days_after(found.last_purchase_day)),
        customers: count(found.customers),
        excluded_customers: excluded_customers(found.left_out),
        currency: found
            .currency
            .map(|currency| currency.to_string())
            .unwrap_or_default(),
        models,
        recommendation_reason: recommended
            .map(|(_, reason)| reason.clone())
            .unwrap_or_default(),
        duration: prost_types::Duration::try_from(found.duration).ok(),
        spend_choices: spend_choices(found),
        spend_recommendation_reason: found
            .spend_recommendation
            .as_ref()
            .map(|(_, reason)| reason.clone())
            .unwrap_or_default(),
    }
}

fn spend_choices(found: &ModelComparison) -> Vec<pb::ComparedSpend> {
    let recommended = found.spend_recommendation.as_ref().map(|(place, _)| *place);
    let choices = found.spend_choices.iter().enumerate();
    let choices = choices.map(|(place, choice)| {
        let figures = choice.figures.as_ref();
        pb::ComparedSpend {
            spend_orders: models::spend_orders_message(choice.orders),
            recommended: Some(place) == recommended,
            absent_reason: figures.err().cloned().unwrap_or_default(),
            per_order: figures.ok().map(|it| accuracy(&it.per_order)),
            given_orders: figures.ok().map(|it| accuracy(&it.given_orders)),
        }
    });
    choices.collect()
}

/// The recommended one, then by BIC, then those without one, then those that could not be fitted.
fn order(one: &pb::ComparedModel, other: &pb::ComparedModel) -> Ordering {
    let bic = |model: &pb::ComparedModel| model.bic.unwrap_or(f64::INFINITY);
    let rank = |model: &pb::ComparedModel| (!model.recommended, !model.absent_reason.is_empty());
    rank(one)
        .cmp(&rank(other))
        .then(bic(one).total_cmp(&bic(other)))
}

fn compared(model: &ComparedModel, recommended: bool) -> pb::ComparedModel {
    let plan = &model.plan;
    let grouping = if plan.by_kind {
        pb::FitGrouping::ByKind
    } else {
        pb::FitGrouping::Unspecified
    };
    let covariates = plan.covariates.iter();
    let identity = pb::ComparedModel {
        kind: models::kind_message(plan.kind),
        grouping: grouping.into(),
        covariates: covariates.map(|one| one.name.to_string()).collect(),
        recommended,
        seasonal: plan.season != Seasonality::No,
        ..Default::default()
    };
    match &model.figures {
        Ok(found) => figures(found, identity),
        Err(reason) => pb::ComparedModel {
            absent_reason: reason.clone(),
            ..identity
        },
    }
}

fn figures(found: &ModelFigures, identity: pb::ComparedModel) -> pb::ComparedModel {
    let fit = found.fit.as_ref();
    pb::ComparedModel {
        not_converged_reason: found.not_converged_reason.clone().unwrap_or_default(),
        parameter_count: fit.map_or(0, |fit| int32(fit.parameters)),
        log_likelihood: fit.map(|fit| fit.log_likelihood).ok(),
        aic: fit.map(LikelihoodFigures::aic).ok(),
        bic: fit.map(LikelihoodFigures::bic).ok(),
        likelihood_absent_reason: fit.err().cloned().unwrap_or_default(),
        orders: Some(accuracy(&found.orders)),
        orders_total: found.orders_total.as_ref().map(total),
        orders_coverage: found.orders_coverage.as_ref().map(coverage),
        spend: found.spend.as_ref().map(accuracy),
        brier_score: Some(found.brier_score),
        ..identity
    }
}
