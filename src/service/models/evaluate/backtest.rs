//! A backtest once everything is read: fit, forecasts, figures. It knows no database.

use std::time::{Duration, Instant};

use super::{
    FitPlan, Fitted, candidate, cannot_fit, contracts::RenewalModels, nobody_yet,
    spend_absent_reason, without_orders,
};
use crate::{
    domain::{
        calendar::Day,
        clv::{model::ModelFamily, season::estimate::SeasonalIndex, spend_orders::SpendOrders},
        evaluation::{
            Evaluation, Window, evaluate,
            forecast::CandidateModel,
            population::{LeftOut, Population},
            renewals::{RenewalEvaluation, evaluate_renewals},
            value::{ValueEvaluation, evaluate_value},
        },
        fitted::{ModelFit, ModelVersion},
        money::Currency,
    },
    service::{error::ServiceError, models::fit::no_currency},
};

/// How well a model predicted the holdout.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEvaluation {
    /// The days.
    pub window: Window,
    /// The first purchase day of anybody evaluated; without one, the first day of a contract.
    pub first_day: Day,
    /// The last purchase day of any person or company, kept until now; `None` when nobody kept any. The holdout may reach beyond it.
    pub last_purchase_day: Option<Day>,
    /// The stored version; `None` for a model that was fitted for the evaluation.
    pub version: Option<i64>,
    /// The order model.
    pub kind: ModelFamily,
    /// The orders that spend was fitted to.
    pub spend_orders: SpendOrders,
    /// The seasonal index of the model, or why there is none; `None` where none was asked for.
    pub season: Option<Result<SeasonalIndex, String>>,
    /// Names of the covariates, in the order of all values of them; none without.
    pub covariates: Vec<String>,
    /// The currency of all amounts.
    pub currency: Option<Currency>,
    /// Who is no part of it.
    pub left_out: LeftOut,
    /// Orders and spend; or why they have no forecast, which leaves contracts.
    pub orders: Result<OrderEvaluation, String>,
    /// Renewals of contracts; or why there are none to compare.
    pub renewals: Result<RenewalEvaluation, String>,
    /// Orders and contracts together; or why there is nothing to add up.
    pub value: Result<ValueEvaluation, String>,
    /// Time that fit and figures took.
    pub duration: Duration,
}

impl ModelEvaluation {
    /// Whether the model has a seasonal index.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.season.as_ref().is_some_and(Result::is_ok)
    }
}

/// How well a model predicted orders and spend.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderEvaluation {
    /// The parameters, those of all customers first; and for how many customers each set spoke.
    pub sets: Vec<(Fitted, usize)>,
    /// Why nothing is said of spend.
    pub spend_absent_reason: Option<String>,
    /// The figures.
    pub evaluation: Evaluation,
}

/// Everything that a backtest needs.
pub(super) struct Backtest {
    pub(super) plan: FitPlan,
    /// The version to evaluate; `None` to fit the plan.
    pub(super) stored: Option<ModelVersion>,
    pub(super) population: Population,
    pub(super) renewals: RenewalModels,
    pub(super) currency: Option<Currency>,
    /// Currencies of all amounts, from which there may be no reporting one.
    pub(super) currencies: Vec<Currency>,
    pub(super) first_start: Option<Day>,
    pub(super) last_purchase_day: Option<Day>,
}

impl Backtest {
    /// Fits and compares.
    pub(super) fn run(mut self) -> Result<ModelEvaluation, ServiceError> {
        let start = Instant::now();
        self.population.sort();
        let window = self.population.window();
        let split = window.split();
        let version = self.stored.as_ref().map(|found| found.version);
        let seed = version.map_or(candidate::SEED, i64::unsigned_abs);
        let has_contracts = self.population.contracts().next().is_some();
        let orders = match self.predict_orders() {
            // Contracts make an evaluation without anybody who bought.
            Err(ServiceError::NothingToEvaluate(reason)) if has_contracts => Err(reason),
            orders => Ok(orders?),
        };
        let population = &self.population;
        let first_orders = population
            .subjects()
            .iter()
            .map(|subject| subject.first_day);
        let first_day = first_orders.min().or(self.first_start);
        let first_day = first_day.ok_or_else(|| nobody_yet(split))?;
        let models = &self.renewals.models;
        let rate = self.renewals.baseline_rate;
        let model = orders.as_ref().ok().map(|(_, model)| model);
        let renewals = evaluate_renewals(population, models, rate, seed);
        let value = evaluate_value(population, model, models, rate, seed);
        let orders = orders.map(|(fit, model)| {
            let evaluation = evaluate(population, &model, seed);
            let covariates = fit.refinement.covariates().iter();
            let names = covariates.map(|it| it.name.to_string()).collect();
            let season = fit.season.clone();
            (
                names,
                season,
                order_evaluation(&fit, self.currency, evaluation),
            )
        });
        let (covariates, season, orders) = match orders {
            Ok((names, season, orders)) => (names, season, Ok(orders)),
            Err(reason) => (vec![], None, Err(reason)),
        };
        Ok(ModelEvaluation {
            window,
            first_day,
            last_purchase_day: self.last_purchase_day,
            version,
            kind: self.plan.kind,
            spend_orders: self.plan.spend_orders,
            season,
            covariates,
            currency: self.currency,
            left_out: population.left_out(),
            orders,
            renewals,
            value,
            duration: start.elapsed(),
        })
    }

    /// The model of orders: that of the version, or fitted to what was known at the split.
    fn predict_orders(&mut self) -> Result<(ModelFit, CandidateModel), ServiceError> {
        let split = self.population.window().split();
        if self.population.subjects().is_empty() {
            return Err(nobody_yet(split));
        }
        let fit = if let Some(found) = self.stored.take() {
            found.fit
        } else {
            let currency = self.currency.ok_or_else(|| no_currency(&self.currencies));
            let fitted = self.plan.clone().fit(&self.population, currency);
            fitted.map_err(|error| cannot_fit(error, split))?
        };
        let model = candidate::candidate(&fit, self.currency);
        Ok((fit, model.ok_or_else(without_orders)?))
    }
}

fn order_evaluation(
    fit: &ModelFit,
    currency: Option<Currency>,
    evaluation: Evaluation,
) -> OrderEvaluation {
    let sets = candidate::sets(fit, currency).into_iter().map(|set| {
        let spoken_for = evaluation.selections.iter();
        let spoken_for = spoken_for.filter(|(it, _)| set.whom.speaks_for(*it));
        let customers = spoken_for.map(|(_, customers)| customers).sum();
        (set, customers)
    });
    let sets: Vec<(Fitted, usize)> = sets.collect();
    OrderEvaluation {
        spend_absent_reason: spend_absent_reason(&sets),
        sets,
        evaluation,
    }
}
