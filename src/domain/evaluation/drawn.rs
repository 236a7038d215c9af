//! What customers whose futures were drawn stand for: shares within intervals, and the sum over all customers.

use super::{
    coverage::{Sampled, Within},
    forecast::{Compared, Forecast},
    total::{self, Part, TotalInterval},
};
use crate::domain::{
    clv::interval::total::Total, customer::CustomerKind, fitted::parameters::Selection,
};

/// Orders and spend of customers whose futures were drawn.
pub(super) fn futures<'a>(
    sampled: impl Iterator<Item = &'a Sampled>,
    forecasts: &[Forecast],
) -> (Vec<Drawn<'a>>, Vec<Drawn<'a>>) {
    let (mut of_orders, mut of_spend) = (vec![], vec![]);
    for one in sampled {
        let (forecast, totals) = (&forecasts[one.chosen.subject], &one.totals);
        let parameters = parameters(forecast.selection);
        let drawn = |within, compared: Compared, predicted| Drawn {
            weight: one.chosen.weight,
            within,
            parameters,
            expected: compared.expected,
            predicted,
        };
        of_orders.push(drawn(one.orders, forecast.orders, Some(&totals.orders)));
        if let (Some(within), Some(spend)) = (one.spend, forecast.spend) {
            of_spend.push(drawn(within, spend, totals.spend.as_ref()));
        }
    }
    (of_orders, of_spend)
}

/// Where the sum over `all` came to lie. A sum of which a part has no variance has none.
pub(super) fn total_of<'a>(
    all: impl Iterator<Item = &'a Compared>,
    drawn: &[Drawn<'_>],
) -> Option<TotalInterval> {
    let parts: Option<Vec<Part<'_>>> = drawn.iter().map(Drawn::part).collect();
    total::total(all, &parts?, PARAMETER_SETS)
}

/// At most so many sets of parameters stand beside each other: those of all, of persons and of companies.
pub(super) const PARAMETER_SETS: usize = 3;

/// Which of them, from 0: draws of two are taken to be independent. Of one with covariates, all values share the draws.
pub(super) const fn parameters(selection: Selection) -> usize {
    match selection {
        Selection::Pooled | Selection::PooledForKind(_) | Selection::PooledForUnknownCovariate => 0,
        Selection::Covariates
        | Selection::OwnKind(CustomerKind::Person | CustomerKind::Employee) => 1,
        Selection::OwnKind(CustomerKind::Company) => 2,
    }
}

/// One quantity of a customer whose future was drawn.
pub(super) struct Drawn<'a> {
    pub(super) weight: f64,
    pub(super) within: Within,
    parameters: usize,
    expected: f64,
    /// `None` where it has no variance.
    predicted: Option<&'a Total>,
}

impl<'a> Drawn<'a> {
    fn part(&self) -> Option<Part<'a>> {
        Some(Part {
            parameters: self.parameters,
            weight: self.weight,
            expected: self.expected,
            predicted: self.predicted?,
        })
    }
}
