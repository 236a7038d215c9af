//! The models of an evaluation: fitted for it, or those of a stored version; with their doubts, where they have them.
//!
//! It knows fits and versions, not what they are compared with.

use std::time::Instant;

use crate::domain::{
    customer::CustomerKind,
    evaluation::{
        coverage::UncertainModels,
        forecast::{CandidateModel, CandidateModels},
        population::Population,
    },
    model_report::StoredReport,
    model_version::{FittedSet, ModelFit, Refinement},
    money::Currency,
    value::{
        fit::{FitError, fit_orders, fit_spend},
        gamma_gamma::GammaGamma,
        interval::{Estimated, UncertainModel},
        model::{ModelKind, OrderModel},
    },
};

/// Seed of the parameter draws of a model that is fitted for an evaluation; a version has its number.
const SEED: u64 = 1;

/// One set of parameters, and whom it describes.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The kind of customers; `None` for all.
    pub kind: Option<CustomerKind>,
    /// The model of orders.
    pub orders: OrderModel,
    /// How its fit went.
    pub orders_report: StoredReport,
    /// The model of spend and how its fit went; or why there is none.
    pub spend: Result<(GammaGamma, StoredReport), String>,
}

/// Models ready to be evaluated.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Of all customers, or of persons and companies.
    pub(super) sets: Vec<Fitted>,
    pub(super) models: CandidateModels,
    /// With their doubts; or why they have none.
    pub(super) uncertain: Result<UncertainModels, String>,
}

impl Candidate {
    /// A model of this kind fitted on what was known at the split. `no_currency` says why there is no spend to fit on.
    pub(super) fn fit(
        kind: ModelKind,
        population: &Population,
        no_currency: Option<&str>,
    ) -> Result<Self, FitError> {
        let set = fit_set(kind, population, None, no_currency)?;
        Ok(Self::new(vec![set], SEED))
    }

    /// A model of this kind for each of these groups; those of a version fitted by kind.
    pub(super) fn fit_sets(
        kind: ModelKind,
        population: &Population,
        groups: &[Option<CustomerKind>],
    ) -> Result<Self, FitError> {
        let no_currency = Some("not asked for");
        let sets = groups
            .iter()
            .map(|group| fit_set(kind, population, *group, no_currency));
        let sets: Vec<Fitted> = sets.collect::<Result<_, _>>()?;
        Ok(Self::new(sets, SEED))
    }

    /// The parameters of a stored version as they answer: those of each kind that has its own, else those of all. Without a spend
    /// model in `currency` nothing is said of spend.
    pub(super) fn of_version(version: i64, fit: &ModelFit, currency: Option<Currency>) -> Self {
        let fitted = |kind, set: &FittedSet| {
            // A kind without a spend model of its own has that of all.
            let spend = set.spend.as_ref().or(fit.pooled.spend.as_ref());
            let spend = match spend {
                Ok((model, of, report)) if Some(*of) == currency => Ok((*model, report.clone())),
                Ok((_, of, _)) => Err(format!(
                    "the spend model of version {version} is in {of}, the reporting currency is {}",
                    currency.map_or("none", Currency::code)
                )),
                Err(reason) => Err(reason.clone()),
            };
            Fitted {
                kind,
                orders: set.orders,
                orders_report: set.orders_report.clone(),
                spend,
            }
        };
        let mut sets = vec![];
        if let Refinement::ByKind(by_kind) = &fit.refinement {
            for kind in &by_kind.kinds {
                sets.extend(
                    kind.set
                        .as_ref()
                        .ok()
                        .map(|set| fitted(Some(kind.kind), set)),
                );
            }
        }
        // The pooled set speaks for whoever has none.
        let all = [CustomerKind::Person, CustomerKind::Company];
        let has_own = |kind| sets.iter().any(|set| set.kind == Some(kind));
        if !all.into_iter().all(has_own) {
            sets.insert(0, fitted(None, &fit.pooled));
        }
        Self::new(sets, version.unsigned_abs())
    }

    fn new(mut sets: Vec<Fitted>, seed: u64) -> Self {
        for set in &mut sets {
            let mean = set
                .spend
                .as_ref()
                .ok()
                .map(|(spend, _)| spend.population_mean());
            if let Some(Err(error)) = mean {
                set.spend = Err(error.to_string());
            }
        }
        let of = |kind| {
            let own = sets.iter().find(|set| set.kind == Some(kind));
            own.or_else(|| sets.iter().find(|set| set.kind.is_none()))
                .unwrap_or(&sets[0])
        };
        let (person, company) = (of(CustomerKind::Person), of(CustomerKind::Company));
        let candidate = |set: &Fitted| CandidateModel {
            orders: set.orders,
            spend: set.spend.as_ref().ok().map(|(spend, _)| *spend),
        };
        let models = CandidateModels {
            person: candidate(person),
            company: candidate(company),
        };
        let uncertain = uncertain(person, seed).and_then(|of_person| {
            let of_company = if std::ptr::eq(person, company) {
                of_person.clone()
            } else {
                uncertain(company, seed)?
            };
            Ok(UncertainModels {
                person: of_person,
                company: of_company,
            })
        });
        Self {
            sets,
            models,
            uncertain,
        }
    }

    /// Why nothing is said of anybody's spend.
    pub(super) fn spend_absent_reason(&self) -> Option<&str> {
        let mut reasons = self.sets.iter().map(|set| set.spend.as_ref().err());
        let first = reasons.next()?;
        reasons.all(|reason| reason.is_some()).then_some(first?)
    }
}

fn fit_set(
    kind: ModelKind,
    population: &Population,
    group: Option<CustomerKind>,
    no_currency: Option<&str>,
) -> Result<Fitted, FitError> {
    let start = Instant::now();
    let orders = fit_orders(kind, &population.order_rows(group))?;
    let orders_report = StoredReport::new(&orders.report, start.elapsed());
    let start = Instant::now();
    let spend = match no_currency {
        Some(reason) => Err(reason.to_owned()),
        None => fit_spend(&population.spend_rows(group))
            .map(|spend| {
                (
                    spend.model,
                    StoredReport::new(&spend.report, start.elapsed()),
                )
            })
            .map_err(|error| error.to_string()),
    };
    Ok(Fitted {
        kind: group,
        orders: orders.model,
        orders_report,
        spend,
    })
}

/// A model with its doubts; or why it has none.
fn uncertain(set: &Fitted, seed: u64) -> Result<UncertainModel, String> {
    let orders = estimated(&set.orders, &set.orders_report);
    let drawn = match &set.spend {
        Ok((model, report)) => UncertainModel::new(&orders, &estimated(model, report), seed),
        Err(_) => UncertainModel::of_orders(&orders, seed),
    };
    drawn.map_err(|error| error.to_string())
}

fn estimated<'a, M>(model: &'a M, report: &'a StoredReport) -> Estimated<'a, M> {
    Estimated {
        model,
        log_covariance: report.log_covariance.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::domain::model_version::{ByKindFit, KindFit};

    fn report() -> StoredReport {
        StoredReport {
            parameters: vec![],
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
            duration: Duration::ZERO,
        }
    }

    fn set(r: f64, spend: Result<[f64; 3], &str>) -> FittedSet {
        let spend = spend.map(|[p, q, v]| {
            let model = GammaGamma::new(p, q, v).unwrap();
            (model, "EUR".parse().unwrap(), report())
        });
        FittedSet {
            orders: OrderModel::new(ModelKind::MbgNbd, [r, 6.0, 0.9, 1.6]).unwrap(),
            orders_report: report(),
            benchmark: None,
            spend: spend.map_err(str::to_owned),
        }
    }

    /// A version with these sets for persons and companies.
    fn by_kind(person: Result<FittedSet, String>, company: Result<FittedSet, String>) -> ModelFit {
        let kind = |kind, set| KindFit {
            kind,
            customers: 10,
            set,
        };
        ModelFit {
            until: "2026-06-30".parse().unwrap(),
            pooled: set(0.5, Ok([6.0, 4.0, 15.0])),
            refinement: Refinement::ByKind(ByKindFit {
                kinds: vec![
                    kind(CustomerKind::Person, person),
                    kind(CustomerKind::Company, company),
                ],
                orders_test: Err("not tested".to_owned()),
                spend_test: Err("not tested".to_owned()),
            }),
            checks: None,
            prior: None,
            contacts: Arc::default(),
            unconvertible_customers: 0,
            contracts: vec![],
        }
    }

    fn kinds(candidate: &Candidate) -> Vec<Option<CustomerKind>> {
        candidate.sets.iter().map(|set| set.kind).collect()
    }

    #[test]
    fn each_kind_is_foretold_by_its_own_set_and_by_that_of_all_where_it_has_none() {
        let euro = Some("EUR".parse().unwrap());
        let own = set(0.7, Err("too few"));
        let other = set(2.0, Ok([3.0, 5.0, 90.0]));
        let both = by_kind(Ok(own.clone()), Ok(other.clone()));
        let both = Candidate::of_version(3, &both, euro);
        let (person, company) = (Some(CustomerKind::Person), Some(CustomerKind::Company));
        assert_eq!(kinds(&both), [person, company]);
        assert_eq!(both.models.person.orders, own.orders);
        assert_eq!(both.models.company.orders, other.orders);
        // Without a spend model of their own, persons have that of all.
        let spend = |candidate: &CandidateModel| candidate.spend.map(|it| it.parameters());
        assert_eq!(spend(&both.models.person), Some([6.0, 4.0, 15.0]));
        assert_eq!(spend(&both.models.company), Some([3.0, 5.0, 90.0]));
        assert_eq!(both.spend_absent_reason(), None);

        let one = by_kind(Err("too few".to_owned()), Ok(other.clone()));
        let one = Candidate::of_version(3, &one, euro);
        assert_eq!(kinds(&one), [None, company]);
        let pooled = OrderModel::new(ModelKind::MbgNbd, [0.5, 6.0, 0.9, 1.6]);
        assert_eq!(Ok(one.models.person.orders), pooled);
        assert_eq!(one.models.company.orders, other.orders);
    }

    #[test]
    fn nothing_is_said_of_spend_in_another_currency_or_without_a_mean() {
        let mut fit = by_kind(Err(String::new()), Err(String::new()));
        fit.refinement = Refinement::No;
        let dollars = Candidate::of_version(3, &fit, Some("USD".parse().unwrap()));
        assert_eq!(dollars.models.person.spend, None);
        assert!(dollars.spend_absent_reason().unwrap().contains("USD"));
        fit.pooled = set(0.5, Ok([6.0, 0.9, 15.0]));
        let endless = Candidate::of_version(3, &fit, Some("EUR".parse().unwrap()));
        assert!(endless.spend_absent_reason().unwrap().contains("no mean"));
    }
}
