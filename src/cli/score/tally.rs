//! What a comparison of many customers by two model versions came to.

use serde_json::{Value, json};

use crate::cli::names::tier_name;
use crate::cli::text;
use crate::pb;

/// Sums over many customers scored by two model versions.
#[derive(Debug, Default)]
pub struct ComparisonTally {
    version: i64,
    compared: u32,
    /// Of the lifetime values that both have, in minor units.
    difference_minor: i128,
    currency: String,
    rated_by_both: u32,
    tier_changes: u32,
}

impl ComparisonTally {
    /// Adds the customers of these answers that were compared.
    pub fn add(&mut self, responses: &[pb::ScoreLifetimeValueResponse]) {
        for score in responses.iter().filter_map(|it| it.score.as_ref()) {
            let Some(other) = &score.challenger else {
                continue;
            };
            self.version = other.model_version;
            self.compared += 1;
            let tiers = (score.tier.as_ref(), other.tier.as_ref());
            self.tier_changes += u32::from(tier_name(tiers.0) != tier_name(tiers.1));
            if let (Some(one), Some(two)) = (&score.lifetime_value, &other.lifetime_value) {
                self.rated_by_both += 1;
                self.difference_minor +=
                    i128::from(two.amount_minor) - i128::from(one.amount_minor);
                self.currency.clone_from(&one.currency);
            }
        }
    }

    /// Mean difference of the values that both have, in minor units; `None` where nobody has both.
    fn mean_difference(&self) -> Option<i64> {
        let mean = self
            .difference_minor
            .checked_div(i128::from(self.rated_by_both))?;
        Some(i64::try_from(mean).unwrap_or(i64::MAX))
    }

    /// What the comparison came to, as JSON; `None` without one.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        let mean = self.mean_difference();
        (self.compared > 0).then(|| {
            json!({
                "modelVersion": self.version.to_string(),
                "compared": self.compared,
                "ratedByBoth": self.rated_by_both,
                "meanDifference": mean.map(|amount_minor| {
                    json!({"amountMinor": amount_minor.to_string(), "currency": self.currency})
                }),
                "tierChanges": self.tier_changes,
            })
        })
    }

    /// What the comparison came to; `None` without one.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        if self.compared == 0 {
            return None;
        }
        let mean = match self.mean_difference() {
            None => "no customer has a value by both".to_owned(),
            Some(mean) => {
                let sign = if mean >= 0 { "+" } else { "" };
                format!(
                    "mean difference of the value {sign}{} {}",
                    text::major_text(mean, &self.currency),
                    self.currency
                )
            }
        };
        Some(format!(
            "Version {} against the active one: {} compared, {mean}, {} change tier",
            self.version, self.compared, self.tier_changes
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::uncertainty::tests::score;
    use super::*;

    #[test]
    fn many_customers_are_summed_up() {
        let answer = |score| pb::ScoreLifetimeValueResponse {
            score: Some(score),
            ..Default::default()
        };
        let mut tally = ComparisonTally::default();
        assert_eq!(tally.line(), None);
        assert!(tally.json().is_none());
        tally.add(&[
            answer(score(10_000, 8_000, ["gold", "silver"])),
            answer(score(10_000, 11_000, ["gold", "gold"])),
            pb::ScoreLifetimeValueResponse::default(),
        ]);
        assert_eq!(
            tally.line().unwrap(),
            "Version 7 against the active one: 2 compared, mean difference of the value -5.00 EUR, 1 change tier"
        );
        assert_eq!(
            tally.json().unwrap(),
            json!({
                "modelVersion": "7",
                "compared": 2,
                "ratedByBoth": 2,
                "meanDifference": {"amountMinor": "-500", "currency": "EUR"},
                "tierChanges": 1,
            })
        );
    }
}
