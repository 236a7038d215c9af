//! The seasonal index of a fit: found before the parameters, which are then fitted by its clock.

use crate::{
    domain::{
        calendar::Day,
        clv::{
            fit::{
                FitError, fit_orders, fit_orders_with_prior, prior::LogNormalPrior,
                rows::CollapsedRow,
            },
            model::{ModelKind, OrderModel},
            season::estimate::{SeasonalIndex, estimate},
        },
        fitted::{FittedSet, Refinement},
    },
    service::models::input::DaysByKind,
};

/// Whether the order rate of a fit has a seasonal index.
#[derive(Debug, Clone, PartialEq)]
pub enum Seasonality {
    /// It has none.
    No,
    /// One that is estimated.
    Estimated,
    /// This one: parameters by different clocks cannot be compared.
    Given(Box<SeasonalIndex>),
}

impl Seasonality {
    /// The index of customers with these histories, or why there is none; `None` where none is asked for.
    pub(super) fn index(
        self,
        kind: ModelKind,
        rows: &[CollapsedRow],
        until: Day,
        days: &DaysByKind,
        prior: Option<&LogNormalPrior>,
    ) -> Option<Result<SeasonalIndex, String>> {
        let fit = |rows: &[CollapsedRow]| -> Result<OrderModel, FitError> {
            let fit = match prior {
                Some(prior) => fit_orders_with_prior(kind, rows, prior),
                None => fit_orders(kind, rows),
            };
            Ok(fit?.model)
        };
        match self {
            Self::No => None,
            Self::Given(index) => Some(Ok(*index)),
            Self::Estimated if !kind.family().knows_seasons() => {
                Some(Err(format!("{} knows no seasons", kind.name())))
            }
            Self::Estimated => {
                let found = estimate(rows, until, &days.all(), fit);
                Some(found.map_err(|reason| reason.to_string()))
            }
        }
    }
}

/// Makes the likelihoods of models that count time by the clock of an index comparable with those of the calendar.
pub(super) fn count(
    index: &SeasonalIndex,
    days: &DaysByKind,
    pooled: &mut FittedSet,
    refinement: &mut Refinement,
) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "fewer than the parts of a year"
    )]
    let parameters = index.effective_parameters.ceil() as u32;
    let of_set = |set: &mut FittedSet, log_density: f64| {
        set.orders_report.count_season(log_density, parameters);
        if let Some(benchmark) = &mut set.benchmark {
            benchmark.log_likelihood += log_density;
        }
    };
    let of_all = days.log_density(&index.clock, None);
    of_set(pooled, of_all);
    match refinement {
        Refinement::No => {}
        Refinement::ByKind(fit) => {
            for kind in &mut fit.kinds {
                if let Ok(set) = &mut kind.set {
                    of_set(set, days.log_density(&index.clock, Some(kind.kind)));
                }
            }
        }
        // Of some of the customers alone the days are not known; nothing else is compared with their likelihood.
        Refinement::Covariates(fit) if fit.customers_left_out > 0 => {
            fit.report.count_season(0.0, parameters);
        }
        Refinement::Covariates(fit) => fit.report.count_season(of_all, parameters),
    }
}
