//! A fitted model version: what a fit found, numbered and kept for good.

pub mod contact_model;
pub mod contract_models;
pub mod facts_end;
pub mod parameters;
pub mod report;
pub mod uncertainty;

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{
    basis::ActiveModel,
    calendar::Day,
    clv::{
        fit::covariates::CovariateModel,
        gamma_gamma::GammaGamma,
        model::{ModelFamily, OrderModel},
        season::estimate::SeasonalIndex,
        spend_orders::SpendOrders,
    },
    customer::CustomerKind,
    fitted::{
        contact_model::ContactModel,
        contract_models::{ContractModels, PeriodFit},
        facts_end::FactsEnd,
        parameters::{
            Covariate, CovariateParameters, Estimation, ParameterSet, Parameters, Refined,
            SpendParameters,
        },
        report::{StoredBenchmark, StoredChecks, StoredPrior, StoredReport, StoredTest},
    },
    money::Currency,
};

/// A stored model version.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// Number of the version, from 1.
    pub version: i64,
    /// Whether it answers.
    pub active: bool,
    /// When it was stored.
    pub created_at: Timestamp,
    /// The fit.
    pub fit: ModelFit,
}

/// What a fit found. A further part that a version may have is a further field here, in [`ActiveModel`] and in the stored document.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFit {
    /// The model of orders asked for.
    pub kind: ModelFamily,
    /// Last day whose facts were used.
    pub until: Day,
    /// Parameters fitted to everybody, there whatever else was fitted of purchases; or why there are none: nobody had bought, so that
    /// the version is one of contracts alone.
    pub pooled: Result<FittedSet, String>,
    /// Parameters that tell customers apart by more than their history.
    pub refinement: Refinement,
    /// The seasonal index by which all of its models of orders count time, or why there is none; `None` where none was asked for.
    pub season: Option<Result<SeasonalIndex, String>>,
    /// The orders that every spend model of it was fitted to.
    pub spend_orders: SpendOrders,
    /// Models of renewal: of all contracts first, then by length of the period. None without contracts.
    pub contracts: Vec<PeriodFit>,
    /// Whether assumptions of the models hold in the data; `None` in versions of earlier programs.
    pub checks: Option<StoredChecks>,
    /// The prior that every order model of it was fitted with.
    pub prior: Option<StoredPrior>,
    /// What is usual of contacts; empty in versions of earlier programs, and where there were none.
    pub contacts: Arc<ContactModel>,
    /// Persons and companies without a value because an amount it rests on could not be converted when the version was fitted.
    pub unconvertible_customers: u64,
    /// Where the facts end; `None` in versions of earlier programs.
    pub facts_end: Option<FactsEnd>,
}

/// One fitted parameter set.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedSet {
    /// The model of orders.
    pub orders: OrderModel,
    /// How its fit went.
    pub orders_report: StoredReport,
    /// The benchmark of the order model; `None` in versions of earlier programs.
    pub benchmark: Option<StoredBenchmark>,
    /// The model of spend, the currency of its amounts and how its fit went; or why there is none.
    pub spend: Result<(GammaGamma, Currency, StoredReport), String>,
}

/// What was fitted beside the pooled set.
#[derive(Debug, Clone, PartialEq)]
pub enum Refinement {
    /// Nothing.
    No,
    /// A parameter set for each kind of customer.
    ByKind(ByKindFit),
    /// Effects of covariates.
    Covariates(Box<CovariateFit>),
}

/// A fit by kind of customer.
#[derive(Debug, Clone, PartialEq)]
pub struct ByKindFit {
    /// Every kind that has customers.
    pub kinds: Vec<KindFit>,
    /// Order models: one set for all against one for each; or why they cannot be compared.
    pub orders_test: Result<StoredTest, String>,
    /// The same of the spend models.
    pub spend_test: Result<StoredTest, String>,
}

/// What became of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct KindFit {
    /// The kind.
    pub kind: CustomerKind,
    /// Its customers with a purchase.
    pub customers: u64,
    /// Its own parameters, without a spend model where it has too few repeat buyers for one (then the pooled one is used); or why the
    /// pooled set speaks for it altogether.
    pub set: Result<FittedSet, String>,
}

/// A fit with covariates.
#[derive(Debug, Clone, PartialEq)]
pub struct CovariateFit {
    /// What is read of a customer, in the order of the model's names.
    pub covariates: Vec<Covariate>,
    /// The model.
    pub model: CovariateModel,
    /// How its fit went, on the customers whose covariates are all known.
    pub report: StoredReport,
    /// Customers with a purchase who were left out since a covariate of theirs is unknown; the pooled set speaks for such.
    pub customers_left_out: u64,
    /// The model without covariates against this one, on the same customers; or why they cannot be compared.
    pub test: Result<StoredTest, String>,
}

impl ModelVersion {
    /// What assessments need of it.
    #[must_use]
    pub fn as_active(&self) -> ActiveModel {
        ActiveModel {
            version: self.version,
            parameters: self.fit.parameters(),
            contracts: ContractModels::of_fits(&self.fit.contracts),
            contacts: Arc::clone(&self.fit.contacts),
            uncertainty: Arc::default(),
            facts_end: self.fit.facts_end,
        }
    }
}

impl Refinement {
    /// What has to be known of customers beside what they bought; nothing without covariates.
    #[must_use]
    pub fn covariates(&self) -> &[Covariate] {
        match self {
            Self::Covariates(fit) => &fit.covariates,
            Self::No | Self::ByKind(_) => &[],
        }
    }
}

impl ModelFit {
    /// The parameters that answer; `None` in a version of contracts alone.
    #[must_use]
    pub fn parameters(&self) -> Option<Parameters> {
        let pooled = self.pooled.as_ref().ok()?;
        let has_prior = self.prior.is_some();
        let refined = match &self.refinement {
            Refinement::No => Refined::No,
            Refinement::ByKind(fit) => Refined::ByKind(
                fit.kinds
                    .iter()
                    .filter_map(|kind| {
                        let set = kind.set.as_ref().ok()?;
                        Some((kind.kind, set.parameters(has_prior, self.spend_orders)))
                    })
                    .collect(),
            ),
            Refinement::Covariates(fit) => Refined::Covariates(CovariateParameters {
                covariates: fit.covariates.clone(),
                model: fit.model.clone(),
                log_covariance: fit.report.log_covariance.clone(),
                estimation: estimation(&fit.report, has_prior),
            }),
        };
        Some(Parameters {
            pooled: pooled.parameters(has_prior, self.spend_orders),
            refined,
            season: self.seasonal_index().map(|index| Arc::clone(&index.clock)),
        })
    }

    /// The seasonal index, if the version has one.
    #[must_use]
    pub fn seasonal_index(&self) -> Option<&SeasonalIndex> {
        self.season.as_ref()?.as_ref().ok()
    }

    /// Whether every model of orders that answers converged. A kind that fell back on the pooled set does not count against it. Nor do
    /// models of spend, which answer as they are, so that a spend that nothing determines never takes the orders with it, nor contract
    /// models, of which one that did not converge never answers.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.order_reports().all(StoredReport::converged)
    }

    /// Whether weak priors of the program hold parameters of orders that answer.
    #[must_use]
    pub fn has_weak_priors(&self) -> bool {
        self.order_reports()
            .any(|report| report.held_reason.is_some())
    }

    /// Why no fitted model speaks for all contracts; `None` where one does.
    #[must_use]
    pub fn contracts_absent_reason(&self) -> Option<String> {
        let pooled = self.contracts.iter().find(|it| it.period_months.is_none());
        match pooled.map(|pooled| &pooled.fit) {
            None => Some(format!("no contract began by {}", self.until)),
            Some(Err(reason)) => Some(reason.clone()),
            Some(Ok((_, report))) => report.not_converged_reason.clone(),
        }
    }

    /// The reports of all models of orders that answer.
    fn order_reports(&self) -> impl Iterator<Item = &StoredReport> {
        let (kinds, covariates) = match &self.refinement {
            Refinement::No => (None, None),
            Refinement::ByKind(fit) => (Some(&fit.kinds), None),
            Refinement::Covariates(fit) => (None, Some(&fit.report)),
        };
        let kinds = kinds.into_iter().flatten();
        let sets = kinds.filter_map(|kind| kind.set.as_ref().ok());
        let sets = self.pooled.as_ref().ok().into_iter().chain(sets);
        sets.map(|set| &set.orders_report).chain(covariates)
    }
}

impl FittedSet {
    /// What answers of it; `has_prior` when the caller gave one, `orders` are those that its spend model was fitted to.
    #[must_use]
    pub fn parameters(&self, has_prior: bool, orders: SpendOrders) -> ParameterSet {
        let spend = self.spend.as_ref().ok();
        ParameterSet {
            orders: self.orders,
            orders_log_covariance: self.orders_report.log_covariance.clone(),
            estimation: estimation(&self.orders_report, has_prior),
            spend: spend.map(|(model, currency, report)| SpendParameters {
                model: *model,
                orders,
                currency: *currency,
                log_covariance: report.log_covariance.clone(),
            }),
        }
    }
}

/// How the parameters of a report were found; `has_prior` when the caller gave one.
const fn estimation(report: &StoredReport, has_prior: bool) -> Estimation {
    match (&report.not_converged_reason, &report.held_reason) {
        (Some(_), _) => Estimation::NotConverged,
        (None, Some(_)) => Estimation::WeakPriors,
        (None, None) if has_prior => Estimation::GivenPrior,
        (None, None) => Estimation::MaximumLikelihood,
    }
}
