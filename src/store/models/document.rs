//! A fit as it stands in its column, a JSON document.
//!
//! Documents of earlier programs stay readable: a field added later has a default that says what its absence meant. It does not know
//! how rows are read and written.

mod contacts;
mod contracts;
mod season;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::{contacts::ContactsDocument, contracts::PeriodDocument, season::SeasonDocument};
use crate::{
    domain::{
        calendar::Day,
        clv::{
            fit::covariates::CovariateModel,
            gamma_gamma::GammaGamma,
            model::{ModelFamily, ModelKind, OrderModel},
            spend_orders::SpendOrders,
            stages::Stages,
        },
        fitted::{
            ByKindFit, CovariateFit, FittedSet, KindFit, ModelFit, Refinement,
            facts_end::FactsEnd,
            parameters::{Covariate, CovariateType},
            report::{StoredBenchmark, StoredChecks, StoredPrior, StoredReport, StoredTest},
        },
    },
    store::{codes, error::StoreError},
};

/// The fit. What stands at its top level is the pooled set.
#[derive(Serialize, Deserialize)]
pub(super) struct FitDocument {
    kind: String,
    until: i32,
    /// Absent in a version of contracts alone, which says why.
    #[serde(flatten)]
    pooled: Option<SetDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    orders_absent_reason: Option<String>,
    /// Absent unless fitted by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_kind: Option<ByKindDocument>,
    /// Absent unless fitted with covariates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    covariates: Option<CovariatesDocument>,
    /// Absent without contracts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    contracts: Vec<PeriodDocument>,
    /// Absent in versions of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checks: Option<StoredChecks>,
    /// Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prior: Option<StoredPrior>,
    /// Absent in versions of earlier programs, which were fitted to means of repeat orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spend_orders: Option<String>,
    /// Absent where no contacts were known, and in versions that did not look at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<ContactsDocument>,
    /// Absent in versions that were fitted before amounts could be converted.
    #[serde(default)]
    unconvertible_customers: u64,
    /// Absent in versions of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts_end: Option<FactsEndDocument>,
    /// Absent unless one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    season: Option<Result<SeasonDocument, String>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct FactsEndDocument {
    read_until: i32,
    last_purchase: i32,
    plausible_silence_days: Option<u32>,
    /// Absent in versions of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_purchase: Option<i32>,
}

#[derive(Serialize, Deserialize)]
struct SetDocument {
    orders: StoredReport,
    /// Absent in versions of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    benchmark: Option<StoredBenchmark>,
    spend: Option<SpendDocument>,
    spend_absent_reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SpendDocument {
    currency: String,
    report: StoredReport,
}

#[derive(Serialize, Deserialize)]
struct ByKindDocument {
    kinds: Vec<KindDocument>,
    orders_test: Result<StoredTest, String>,
    spend_test: Result<StoredTest, String>,
}

#[derive(Serialize, Deserialize)]
struct KindDocument {
    customer_kind: i16,
    customers: u64,
    set: Result<SetDocument, String>,
}

#[derive(Serialize, Deserialize)]
struct CovariatesDocument {
    covariates: Vec<CovariateDocument>,
    report: StoredReport,
    /// Values at which the parameters hold; empty in versions of earlier programs, whose parameters hold at 0.
    #[serde(default)]
    means: Vec<f64>,
    /// Least and greatest value of each; empty in versions of earlier programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<[f64; 2]>,
    customers_left_out: u64,
    test: Result<StoredTest, String>,
}

#[derive(Serialize, Deserialize)]
struct CovariateDocument {
    name: String,
    value_type: String,
    max_age_days: Option<u32>,
}

impl From<&ModelFit> for FitDocument {
    fn from(fit: &ModelFit) -> Self {
        let (by_kind, covariates) = match &fit.refinement {
            Refinement::No => (None, None),
            Refinement::ByKind(fit) => (Some(fit.into()), None),
            Refinement::Covariates(fit) => (None, Some(fit.as_ref().into())),
        };
        Self {
            kind: fit.kind.name().to_owned(),
            until: fit.until.number(),
            pooled: fit.pooled.as_ref().ok().map(Into::into),
            orders_absent_reason: fit.pooled.as_ref().err().cloned(),
            by_kind,
            covariates,
            contracts: fit.contracts.iter().map(Into::into).collect(),
            checks: fit.checks.clone(),
            prior: fit.prior,
            spend_orders: Some(fit.spend_orders.name().to_owned()),
            contacts: contacts::write(&fit.contacts),
            unconvertible_customers: fit.unconvertible_customers,
            facts_end: fit.facts_end.map(|end| FactsEndDocument {
                read_until: end.read_until.number(),
                last_purchase: end.last_purchase.number(),
                plausible_silence_days: end.plausible_silence_days,
                first_purchase: end.first_purchase.map(Day::number),
            }),
            season: fit
                .season
                .as_ref()
                .map(|season| season.as_ref().map(Into::into).map_err(Clone::clone)),
        }
    }
}

impl From<&FittedSet> for SetDocument {
    fn from(set: &FittedSet) -> Self {
        let spend = set.spend.as_ref().ok();
        Self {
            orders: set.orders_report.clone(),
            benchmark: set.benchmark.clone(),
            spend: spend.map(|(_, currency, report)| SpendDocument {
                currency: currency.to_string(),
                report: report.clone(),
            }),
            spend_absent_reason: set.spend.as_ref().err().cloned(),
        }
    }
}

impl From<&ByKindFit> for ByKindDocument {
    fn from(fit: &ByKindFit) -> Self {
        let kinds = fit.kinds.iter().map(|kind| KindDocument {
            customer_kind: codes::customer_kind_code(kind.kind),
            customers: kind.customers,
            set: kind.set.as_ref().map(Into::into).map_err(Clone::clone),
        });
        Self {
            kinds: kinds.collect(),
            orders_test: fit.orders_test.clone(),
            spend_test: fit.spend_test.clone(),
        }
    }
}

impl From<&CovariateFit> for CovariatesDocument {
    fn from(fit: &CovariateFit) -> Self {
        let covariates = fit.covariates.iter().map(|covariate| CovariateDocument {
            name: covariate.name.to_string(),
            value_type: type_code(covariate.value_type).to_owned(),
            max_age_days: covariate.max_age_days,
        });
        Self {
            covariates: covariates.collect(),
            report: fit.report.clone(),
            means: fit.model.means().to_vec(),
            ranges: fit.model.ranges().to_vec(),
            customers_left_out: fit.customers_left_out,
            test: fit.test.clone(),
        }
    }
}

impl TryFrom<FitDocument> for ModelFit {
    type Error = StoreError;

    fn try_from(document: FitDocument) -> Result<Self, StoreError> {
        let family = ModelFamily::from_name(&document.kind);
        let family = family.ok_or_else(|| corrupt(&document.kind))?;
        let spend_orders = match document.spend_orders {
            Some(name) => SpendOrders::from_name(&name).ok_or_else(|| corrupt(&name))?,
            None => SpendOrders::RepeatMeans,
        };
        let refinement = match (document.by_kind, document.covariates) {
            (None, None) => Refinement::No,
            (Some(by_kind), None) => Refinement::ByKind(by_kind.read(family)?),
            (None, Some(covariates)) => Refinement::Covariates(Box::new(covariates.read(family)?)),
            (Some(_), Some(_)) => return Err(corrupt(&"both by kind and with covariates")),
        };
        let pooled = match (document.pooled, document.orders_absent_reason) {
            (Some(set), None) => Ok(set.read(family)?),
            (None, Some(reason)) => Err(reason),
            // A set that cannot be read is none of contracts alone.
            (Some(_), Some(_)) | (None, None) => return Err(corrupt(&"no readable parameters")),
        };
        Ok(Self {
            kind: family,
            until: codes::day(document.until)?,
            pooled,
            refinement,
            contracts: document
                .contracts
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, StoreError>>()?,
            checks: document.checks,
            prior: document.prior,
            spend_orders,
            contacts: Arc::new(contacts::read(document.contacts)?),
            unconvertible_customers: document.unconvertible_customers,
            facts_end: document.facts_end.map(FactsEndDocument::read).transpose()?,
            season: match document.season {
                Some(Ok(season)) => Some(Ok(season.read()?)),
                Some(Err(reason)) => Some(Err(reason)),
                None => None,
            },
        })
    }
}

impl FactsEndDocument {
    fn read(self) -> Result<FactsEnd, StoreError> {
        Ok(FactsEnd {
            read_until: codes::day(self.read_until)?,
            last_purchase: codes::day(self.last_purchase)?,
            plausible_silence_days: self.plausible_silence_days,
            first_purchase: self.first_purchase.map(codes::day).transpose()?,
        })
    }
}

impl SetDocument {
    fn read(self, family: ModelFamily) -> Result<FittedSet, StoreError> {
        let kind = kind(family, &self.orders)?;
        let orders =
            OrderModel::new(kind, values(&self.orders)?).map_err(|error| corrupt(&error))?;
        let spend = match self.spend {
            Some(SpendDocument { currency, report }) => {
                let [p, q, v] = values(&report)?;
                let model = GammaGamma::new(p, q, v).map_err(|error| corrupt(&error))?;
                Ok((model, codes::currency(&currency)?, report))
            }
            None => Err(self.spend_absent_reason.unwrap_or_default()),
        };
        Ok(FittedSet {
            orders,
            orders_report: self.orders,
            benchmark: self.benchmark,
            spend,
        })
    }
}

impl ByKindDocument {
    fn read(self, family: ModelFamily) -> Result<ByKindFit, StoreError> {
        let kinds = self.kinds.into_iter().map(|document| {
            Ok(KindFit {
                kind: codes::customer_kind(document.customer_kind)?,
                customers: document.customers,
                set: match document.set {
                    Ok(set) => Ok(set.read(family)?),
                    Err(reason) => Err(reason),
                },
            })
        });
        Ok(ByKindFit {
            kinds: kinds.collect::<Result<_, StoreError>>()?,
            orders_test: self.orders_test,
            spend_test: self.spend_test,
        })
    }
}

impl CovariatesDocument {
    fn read(self, family: ModelFamily) -> Result<CovariateFit, StoreError> {
        let kind = kind(family, &self.report)?;
        let covariates = self.covariates.into_iter().map(|document| {
            let value_type =
                type_of(&document.value_type).ok_or_else(|| corrupt(&document.value_type))?;
            Ok(Covariate {
                name: document.name.into(),
                value_type,
                max_age_days: document.max_age_days,
            })
        });
        let covariates: Vec<Covariate> = covariates.collect::<Result<_, StoreError>>()?;
        let numbers: Vec<f64> = self.report.parameters.iter().map(|one| one.value).collect();
        let names: Vec<String> = covariates.iter().map(|one| one.name.to_string()).collect();
        let (parameters, effects) = numbers
            .split_first_chunk::<4>()
            .filter(|(_, effects)| effects.len() == 2 * names.len())
            .ok_or_else(|| corrupt(&"another number of effects than covariates"))?;
        let (orders, dropout) = effects.split_at(names.len());
        let means = if self.means.is_empty() {
            vec![0.0; names.len()]
        } else {
            self.means
        };
        let (orders, dropout) = (orders.to_vec(), dropout.to_vec());
        let model = CovariateModel::new(kind, *parameters, means, names, orders, dropout)
            .and_then(|model| model.with_ranges(self.ranges));
        Ok(CovariateFit {
            covariates,
            model: model.map_err(|error| corrupt(&error))?,
            report: self.report,
            customers_left_out: self.customers_left_out,
            test: self.test,
        })
    }
}

const fn type_code(value_type: CovariateType) -> &'static str {
    match value_type {
        CovariateType::Boolean => "boolean",
        CovariateType::Whole => "whole",
        CovariateType::Number => "number",
    }
}

fn type_of(code: &str) -> Option<CovariateType> {
    let types = [
        CovariateType::Boolean,
        CovariateType::Whole,
        CovariateType::Number,
    ];
    types.into_iter().find(|&one| type_code(one) == code)
}

fn corrupt(why: &dyn std::fmt::Display) -> StoreError {
    StoreError::corrupt("model version", why)
}

/// The model of a family that a report is of.
fn kind(family: ModelFamily, report: &StoredReport) -> Result<ModelKind, StoreError> {
    let stages = match (family, &report.stages) {
        (ModelFamily::MbgCnbd, Some(found)) => Stages::new(found.stages),
        (ModelFamily::MbgCnbd, None) => None,
        (ModelFamily::BgNbd | ModelFamily::MbgNbd | ModelFamily::ParetoNbd, _) => Some(Stages::ONE),
    };
    let stages = stages.ok_or_else(|| corrupt(&"a number of stages that no model has"))?;
    Ok(family.with_stages(stages))
}

/// The parameters of a report, of which a model has `N`.
fn values<const N: usize>(report: &StoredReport) -> Result<[f64; N], StoreError> {
    let values: Vec<f64> = report.parameters.iter().map(|one| one.value).collect();
    let count = values.len();
    values
        .try_into()
        .map_err(|_| StoreError::corrupt("number of model parameters", count))
}

#[cfg(test)]
mod tests;
