//! Tiers: the ordered classes of profitability. A customer holds exactly one, or is unrated with a reason.

use crate::domain::{definitions::TierDefinition, money::Money, text::Label};

/// Why a customer has no value or no tier. Unrated is not the lowest tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unrated {
    /// Value does not apply to employees.
    NotApplicable,
    /// No purchase and no contract on or before the day.
    NoPurchase,
    /// No model is active, or it lacks a part that the customer needs: a spend model in the reporting currency, a contract model.
    NoModel,
    /// The spend model has no mean.
    NoMean,
    /// An amount cannot be converted to the reporting currency.
    NoRate,
    /// The value is beyond the range of amounts, as by a rate or a price that is wrong by orders of magnitude.
    TooLarge,
}

/// A tier: a name and the least value that earns it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// Name, unique in the list.
    pub name: Label,
    /// The least lifetime value of the tier, in major units of the reporting currency.
    pub minimum_value_major: f64,
}

/// Tiers from the best to the last, which takes everybody that is left.
#[derive(Debug, Clone, PartialEq)]
pub struct TierList(Vec<Tier>);

/// The place of a tier in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TierIndex(usize);

impl TierList {
    /// The tiers in force until definitions are published: by lifetime value over twelve months, in major units of whatever the
    /// reporting currency is. Chosen so that a shop with orders of some tens of units fills all four.
    #[must_use]
    pub fn built_in() -> Self {
        let tiers = [
            ("platinum", 1_000.0),
            ("gold", 250.0),
            ("silver", 50.0),
            ("bronze", f64::NEG_INFINITY),
        ];
        Self(
            tiers
                .into_iter()
                .map(|(name, minimum_value_major)| Tier {
                    name: name.into(),
                    minimum_value_major,
                })
                .collect(),
        )
    }

    /// The tiers of published definitions.
    #[must_use]
    pub fn published(tiers: &[TierDefinition]) -> Self {
        let tier = |tier: &TierDefinition| Tier {
            name: tier.name.clone(),
            minimum_value_major: tier.at_least.map_or(f64::NEG_INFINITY, Money::major),
        };
        Self(tiers.iter().map(tier).collect())
    }

    /// The next better tier; `None` for the best.
    #[must_use]
    pub fn better(&self, than: TierIndex) -> Option<TierIndex> {
        than.0.checked_sub(1).map(TierIndex)
    }

    /// The next lower tier; `None` for the last.
    #[must_use]
    pub fn worse(&self, than: TierIndex) -> Option<TierIndex> {
        (than.0 + 1 < self.0.len()).then_some(TierIndex(than.0 + 1))
    }

    /// The tier of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<TierIndex> {
        self.0
            .iter()
            .position(|tier| *tier.name == *name)
            .map(TierIndex)
    }

    /// The best tier that `value_major` earns. The last tier of a list has no threshold.
    #[must_use]
    pub fn of_value(&self, value_major: f64) -> TierIndex {
        let earned = self
            .0
            .iter()
            .position(|tier| value_major >= tier.minimum_value_major);
        TierIndex(earned.unwrap_or(self.0.len() - 1))
    }

    /// The least value of each tier in major units, from the best on; negative infinity for the last.
    pub fn minimum_values(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|tier| tier.minimum_value_major)
    }

    /// The tier at a place.
    #[must_use]
    pub fn get(&self, index: TierIndex) -> &Tier {
        &self.0[index.0]
    }
}

impl TierList {
    /// All tiers with their places, from the best on.
    pub fn all(&self) -> impl Iterator<Item = (TierIndex, &Tier)> {
        self.0
            .iter()
            .enumerate()
            .map(|(at, tier)| (TierIndex(at), tier))
    }
}

impl TierIndex {
    /// 1 for the best tier.
    #[must_use]
    pub fn rank(self) -> usize {
        self.0 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_earns_the_best_tier_whose_threshold_it_reaches() {
        let tiers = TierList::built_in();
        for (value, name, rank) in [
            (1_000.0, "platinum", 1),
            (999.99, "gold", 2),
            (250.0, "gold", 2),
            (50.0, "silver", 3),
            (49.99, "bronze", 4),
            (0.0, "bronze", 4),
            (-97.5, "bronze", 4),
        ] {
            let tier = tiers.of_value(value);
            assert_eq!(
                (&*tiers.get(tier).name, tier.rank()),
                (name, rank),
                "{value}"
            );
        }
    }
}
