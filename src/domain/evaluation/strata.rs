//! Customers put together by what parameters are chosen by: their kind and, with covariates, the values of these on the split day.
//!
//! It does not know which parameters there are, nor where values come from.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use crate::domain::customer::CustomerKind;

/// What tells which parameters speak for a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Stratum {
    /// Person or company.
    pub kind: CustomerKind,
    /// Values of all covariates in their order, by what was known on the last day of the calibration; `None` where any is unknown.
    /// Empty without covariates.
    pub values: Option<Vec<f64>>,
}

impl Stratum {
    /// Customers of this kind, without covariates.
    #[must_use]
    pub const fn of_kind(kind: CustomerKind) -> Self {
        Self {
            kind,
            values: Some(vec![]),
        }
    }
}

impl Eq for Stratum {}

impl Ord for Stratum {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (self.kind as u8, other.kind as u8);
        one.cmp(&two)
            .then_with(|| compare_values(self.values.as_deref(), other.values.as_deref()))
    }
}

impl PartialOrd for Stratum {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders values of the same covariates; unknown ones come last.
pub(super) fn compare_values(one: Option<&[f64]>, other: Option<&[f64]>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => {
            let mut pairs = one.iter().zip(other);
            let different = pairs.find_map(|(a, b)| Some(a.total_cmp(b)).filter(|it| it.is_ne()));
            different.unwrap_or(Ordering::Equal)
        }
        (None, None) => Ordering::Equal,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}

/// All strata that have customers, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Strata(BTreeSet<Arc<Stratum>>);

impl Strata {
    pub(super) const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// The one that is equal to `stratum`.
    pub(super) fn intern(&mut self, mut stratum: Stratum) -> Arc<Stratum> {
        // Minus zero is zero.
        let values = stratum.values.iter_mut().flatten();
        values.for_each(|value| *value += 0.0);
        if let Some(known) = self.0.get(&stratum) {
            return Arc::clone(known);
        }
        let new = Arc::new(stratum);
        self.0.insert(Arc::clone(&new));
        new
    }

    /// All, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Stratum>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_customers_share_a_stratum_and_the_unknown_come_last() {
        let mut strata = Strata::new();
        let mut add = |values: Option<Vec<f64>>| {
            strata.intern(Stratum {
                kind: CustomerKind::Person,
                values,
            })
        };
        let unknown = add(None);
        let one = add(Some(vec![1.0]));
        let zero = add(Some(vec![0.0]));
        assert!(Arc::ptr_eq(&zero, &add(Some(vec![-0.0]))));
        assert!(Arc::ptr_eq(&unknown, &add(None)));
        let found: Vec<_> = strata.iter().cloned().collect();
        assert_eq!(found, [zero, one, unknown]);
    }
}
