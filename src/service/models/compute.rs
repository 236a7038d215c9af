//! From the rows of a fit to a model version: everything that takes time and asks nobody.

mod season;

use std::{sync::Arc, time::Instant};

pub use self::season::Seasonality;

use super::{
    contracts,
    input::{CovariateRows, FitRows, Input, Rows},
    samples::FromSamples,
};
use crate::{
    domain::{
        assess::segments::slots::kind_text,
        calendar::Day,
        clv::{
            checks::spend_dependence::spend_dependence,
            fit::{
                FitError, OrderFit, benchmark::fit_benchmark, covariates::fit_with_covariates,
                fit_orders, fit_orders_with_prior, fit_spend, prior::LogNormalPrior,
                report::FitReport, rows::CollapsedRow, stages::choose_stages,
            },
            model::{ModelFamily, ModelKind},
            spend_orders::SpendOrders,
            stages::Stages,
        },
        customer::CustomerKind,
        fitted::{
            ByKindFit, CovariateFit, FittedSet, KindFit, ModelFit, Refinement,
            parameters::Covariate,
            report::{
                PRIOR_GIVEN, StoredBenchmark, StoredChecks, StoredDependence, StoredPrior,
                StoredReport, StoredStages, StoredTest,
            },
        },
        money::Currency,
    },
    service::error::ServiceError,
};

/// A kind with fewer customers has the pooled parameters. Chosen, not measured: four parameters from fewer customers say little.
pub(super) const FEWEST_CUSTOMERS_OF_A_KIND: u64 = 100;

/// What to make of the rows.
pub(in crate::service) struct Plan {
    pub(in crate::service) kind: ModelFamily,
    /// Of a model of regular buyers the number of stages; chosen by likelihood when it is `None`.
    pub(in crate::service) stages: Option<Stages>,
    pub(in crate::service) until: Day,
    pub(in crate::service) by_kind: bool,
    pub(in crate::service) covariates: Vec<Covariate>,
    pub(in crate::service) prior: Option<StoredPrior>,
    /// The orders that the rows of spend are made of.
    pub(in crate::service) spend_orders: SpendOrders,
    /// Whether the order rate has a seasonal index.
    pub(in crate::service) season: Seasonality,
    /// The currency of the spends; or why there can be no spend model.
    pub(in crate::service) currency: Result<Currency, String>,
}

impl Plan {
    /// Fits everything asked for that the rows tell.
    pub(super) fn compute(self, input: &Input) -> Result<Draft, ServiceError> {
        let pooled = input.rows.pooled();
        let dependence = spend_dependence(&pooled.spend, self.spend_orders).map(Into::into);
        let contracts = contracts::fit(&input.contracts);
        let nothing = empty(self.kind, self.until, self.prior, self.spend_orders);
        let parameters = match self.fit_parameters(&input.rows, &pooled) {
            // Contracts make a version without anybody who bought.
            Err(ServiceError::NothingToFit(cause)) if !contracts.is_empty() => ModelFit {
                pooled: Err(cause.to_string()),
                ..nothing
            },
            fitted => fitted?,
        };
        Ok(Draft {
            fit: ModelFit {
                contracts,
                ..parameters
            },
            spend_dependence: dependence.ok_or_else(|| {
                "fewer than three customers with positive repeat spend, or all equal".to_owned()
            }),
        })
    }

    /// Fits parameters of orders and spend to the rows, which `all` are when everybody's are put together; the rest of the version is
    /// empty.
    pub(in crate::service) fn fit_parameters(
        self,
        rows: &FitRows,
        all: &Rows,
    ) -> Result<ModelFit, ServiceError> {
        let prior = self.prior.map(|prior| prior.prior());
        let prior = prior
            .transpose()
            .map_err(|error| ServiceError::Internal(Box::new(error)))?;
        let start = Instant::now();
        let (kind, stages) = choose_kind(self.kind, self.stages, &all.orders, prior.as_ref())
            .map_err(ServiceError::NothingToFit)?;
        let season = self
            .season
            .index(kind, &all.orders, self.until, &rows.days, prior.as_ref());
        let choice = start.elapsed();
        let by_clock = season.as_ref().and_then(|index| {
            let rows = rows.by_clock(&index.as_ref().ok()?.clock, self.until);
            let all = rows.pooled();
            Some((rows, all))
        });
        let (rows, all) = by_clock
            .as_ref()
            .map_or((rows, all), |(rows, all)| (rows, all));
        let fitter = Fitter {
            kind,
            prior,
            currency: self.currency,
        };
        let mut pooled = fitter.set(all).map_err(ServiceError::NothingToFit)?;
        pooled.orders_report.duration += choice;
        pooled.orders_report.stages = stages;
        let mut refinement = match &rows.covariates {
            Some(rows) => {
                let fit = fitter.covariates(self.covariates, rows, &pooled)?;
                Refinement::Covariates(Box::new(fit))
            }
            None if self.by_kind => Refinement::ByKind(fitter.by_kind(&rows.by_kind(), &pooled)),
            None => Refinement::No,
        };
        if let Some(Ok(index)) = &season {
            season::count(index, &rows.days, &mut pooled, &mut refinement);
        }
        Ok(ModelFit {
            pooled: Ok(pooled),
            refinement,
            season,
            ..empty(self.kind, self.until, self.prior, self.spend_orders)
        })
    }
}

/// A version without anything fitted.
fn empty(
    kind: ModelFamily,
    until: Day,
    prior: Option<StoredPrior>,
    spend_orders: SpendOrders,
) -> ModelFit {
    ModelFit {
        kind,
        until,
        pooled: Err(String::new()),
        refinement: Refinement::No,
        season: None,
        checks: None,
        prior,
        spend_orders,
        contacts: Arc::default(),
        unconvertible_customers: 0,
        facts_end: None,
        contracts: vec![],
    }
}

/// A fit without what only samples tell.
pub(super) struct Draft {
    fit: ModelFit,
    spend_dependence: Result<StoredDependence, String>,
}

impl Draft {
    /// The whole fit.
    pub(super) fn complete(self, samples: FromSamples) -> ModelFit {
        ModelFit {
            checks: Some(StoredChecks {
                spend_dependence: self.spend_dependence,
                regularity: samples.regularity,
            }),
            contacts: Arc::new(samples.contacts),
            ..self.fit
        }
    }
}

/// The model of a family: with so many stages, or with as many as make the data of everybody most likely.
fn choose_kind(
    family: ModelFamily,
    stages: Option<Stages>,
    rows: &[CollapsedRow],
    prior: Option<&LogNormalPrior>,
) -> Result<(ModelKind, Option<StoredStages>), FitError> {
    match (family, stages) {
        (ModelFamily::MbgCnbd, None) => {
            let choice = choose_stages(rows, prior)?;
            let kind = family.with_stages(choice.stages);
            Ok((kind, Some(StoredStages::new(&choice))))
        }
        (family, stages) => {
            let kind = family.with_stages(stages.unwrap_or(Stages::ONE));
            Ok((kind, StoredStages::given(kind)))
        }
    }
}

/// What all sets of a version have in common.
struct Fitter {
    kind: ModelKind,
    prior: Option<LogNormalPrior>,
    currency: Result<Currency, String>,
}

impl Fitter {
    /// What is kept of a fit of orders.
    fn report(&self, report: &FitReport, start: Instant) -> StoredReport {
        StoredReport::new(report, start.elapsed()).with_stages(StoredStages::given(self.kind))
    }

    fn orders(&self, rows: &[CollapsedRow]) -> Result<OrderFit, FitError> {
        match &self.prior {
            Some(prior) => fit_orders_with_prior(self.kind, rows, prior),
            None => fit_orders(self.kind, rows),
        }
    }

    fn set(&self, rows: &Rows) -> Result<FittedSet, FitError> {
        let start = Instant::now();
        let orders = self.orders(&rows.orders)?;
        let orders_report = self.report(&orders.report, start);
        // Where nobody has ordered again, there is none.
        let benchmark = fit_benchmark(&rows.orders).ok();
        let start = Instant::now();
        let spend = self.currency.clone().and_then(|currency| {
            let spend = fit_spend(&rows.spend).map_err(|error| error.to_string())?;
            let report = StoredReport::new(&spend.report, start.elapsed());
            Ok((spend.model, currency, report))
        });
        Ok(FittedSet {
            orders: orders.model,
            benchmark: benchmark.map(|benchmark| {
                StoredBenchmark::new(&benchmark, &orders_report, self.prior.is_some())
            }),
            orders_report,
            spend,
        })
    }

    fn by_kind(&self, kinds: &[(CustomerKind, Rows)], pooled: &FittedSet) -> ByKindFit {
        let kinds: Vec<KindFit> = kinds
            .iter()
            .map(|(kind, rows)| {
                let customers = rows.orders.iter().map(CollapsedRow::count).sum();
                KindFit {
                    kind: *kind,
                    customers,
                    set: self.own_set(rows, customers),
                }
            })
            .collect();
        ByKindFit {
            orders_test: self.unless_prior().and_then(|()| {
                let report = |set: &FittedSet| Ok(set.orders_report.clone());
                test_kinds(&kinds, pooled, report)
            }),
            spend_test: test_kinds(&kinds, pooled, |set| {
                let spend = set.spend.as_ref().map_err(Clone::clone);
                spend.map(|(_, _, report)| report.clone())
            }),
            kinds,
        }
    }

    /// The parameters of one kind, if it has enough customers and they determine them.
    fn own_set(&self, rows: &Rows, customers: u64) -> Result<FittedSet, String> {
        if customers < FEWEST_CUSTOMERS_OF_A_KIND {
            return Err(format!(
                "only {customers} customers with a purchase; at least {FEWEST_CUSTOMERS_OF_A_KIND} are needed"
            ));
        }
        let mut set = self.set(rows).map_err(|error| error.to_string())?;
        if let Some(reason) = set.orders_report.not_converged_reason {
            return Err(reason);
        }
        set.spend =
            set.spend.and_then(
                |(model, currency, report)| match &report.not_converged_reason {
                    Some(reason) => Err(reason.clone()),
                    None => Ok((model, currency, report)),
                },
            );
        Ok(set)
    }

    /// A likelihood ratio compares maxima of likelihoods, which a prior keeps fits from.
    fn unless_prior(&self) -> Result<(), String> {
        match &self.prior {
            Some(_) => Err(PRIOR_GIVEN.to_owned()),
            None => Ok(()),
        }
    }

    fn covariates(
        &self,
        covariates: Vec<Covariate>,
        rows: &CovariateRows,
        pooled: &FittedSet,
    ) -> Result<CovariateFit, ServiceError> {
        let groups = &rows.groups;
        if groups.is_empty() {
            return Err(ServiceError::NoCovariatesKnown {
                customers: rows.left_out,
            });
        }
        let names: Vec<String> = covariates.iter().map(|one| one.name.to_string()).collect();
        let start = Instant::now();
        let (model, report) = fit_with_covariates(self.kind, &names, groups, self.prior.as_ref())
            .map_err(ServiceError::NothingToFit)?;
        let report = self.report(&report, start);
        let test = self.unless_prior().and_then(|()| {
            let without = if rows.left_out == 0 {
                pooled.orders_report.clone()
            } else {
                let rows: Vec<CollapsedRow> = groups
                    .iter()
                    .flat_map(|group| &group.rows)
                    .copied()
                    .collect();
                let orders = self.orders(&rows).map_err(|error| error.to_string())?;
                self.report(&orders.report, start)
            };
            StoredTest::new(&without, &[&report])
        });
        Ok(CovariateFit {
            covariates,
            model,
            report,
            customers_left_out: rows.left_out,
            test,
        })
    }
}

/// One set for all kinds against one per kind.
fn test_kinds(
    kinds: &[KindFit],
    pooled: &FittedSet,
    report: impl Fn(&FittedSet) -> Result<StoredReport, String>,
) -> Result<StoredTest, String> {
    if kinds.len() < 2 {
        return Err("all customers with a purchase are of one kind".to_owned());
    }
    let mut own = vec![];
    for kind in kinds {
        let set = kind.set.as_ref().map_err(Clone::clone);
        let found = set.and_then(&report);
        let name = kind_text(kind.kind);
        own.push(found.map_err(|reason| format!("{name} has no parameters of its own: {reason}"))?);
    }
    StoredTest::new(&report(pooled)?, &own.iter().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
