//! Why a customer holds a tier, or does not: the value against the thresholds around it. Also before definitions are published.

use crate::domain::{
    assess::{
        tiers::{TierIndex, Unrated},
        valued::Valued,
    },
    basis::Basis,
    definitions::LocalizedText,
    explain::wording::{Language, absence_text, both, unrated_text, values::money_text},
    money::{Currency, Money, major_to_money},
    rules::program::Absence,
};

/// Why a customer holds a tier, or does not.
#[derive(Debug, Clone, PartialEq)]
pub struct TierExplanation {
    /// The tier that is explained; `None` for a customer without one when none was named.
    pub tier: Option<TierIndex>,
    /// The result in a few words: `held`.
    pub outcome_text: LocalizedText,
    /// The tier held.
    pub held: Result<TierIndex, Unrated>,
    /// The value that decides.
    pub lifetime_value: Option<Money>,
    /// The least value of the tier.
    pub minimum_value: Option<Money>,
    /// The next better tier than the one held, and the value missing to it.
    pub next_better: Option<(TierIndex, Money)>,
    /// The next lower tier than the one held, and the value that may be lost before.
    pub next_lower: Option<(TierIndex, Money)>,
    /// Why, in few words.
    pub reasons: Vec<TierReason>,
}

/// A reason, worded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierReason {
    /// Stable name.
    pub code: &'static str,
    /// In words.
    pub text: LocalizedText,
}

/// Explains a tier of a customer: the one named, else the one held.
#[must_use]
pub fn explain_tier(valued: &Valued, basis: &Basis, named: Option<TierIndex>) -> TierExplanation {
    let held = valued.tier;
    let lifetime_value = valued.valuation.lifetime_value.ok();
    let tiers = &basis.revision.tiers;
    let tier = named.or(held.ok());
    let distance = |from: Money, to: Money| Money {
        amount_minor: from
            .amount_minor
            .abs_diff(to.amount_minor)
            .try_into()
            .unwrap_or(i64::MAX),
        currency: from.currency,
    };
    let least = |tier: TierIndex| minimum_value(basis, tier);
    let next_better = held
        .ok()
        .and_then(|held| tiers.better(held))
        .zip(lifetime_value);
    let next_lower = held
        .ok()
        .and_then(|held| Some((tiers.worse(held)?, least(held)?)))
        .zip(lifetime_value);
    TierExplanation {
        tier,
        outcome_text: outcome(tier, held, basis),
        held,
        lifetime_value,
        minimum_value: tier.and_then(least),
        next_better: next_better
            .and_then(|(tier, value)| Some((tier, distance(least(tier)?, value)))),
        next_lower: next_lower.map(|((tier, least), value)| (tier, distance(value, least))),
        reasons: of_tier(tier, held, lifetime_value, basis),
    }
}

/// The least value of a tier; `None` for the last one.
fn minimum_value(basis: &Basis, tier: TierIndex) -> Option<Money> {
    let least = basis.revision.tiers.get(tier).minimum_value_major;
    let currency: Currency = basis.reporting_currency?;
    least
        .is_finite()
        .then(|| major_to_money(least, currency))
        .flatten()
}

/// Whether a tier is held, and else which one or why none.
fn outcome(
    tier: Option<TierIndex>,
    held: Result<TierIndex, Unrated>,
    basis: &Basis,
) -> LocalizedText {
    both(|language| match held {
        Ok(held) if tier == Some(held) => match language {
            Language::En => "held".to_owned(),
            Language::De => "erreicht".to_owned(),
        },
        Ok(held) => {
            let held = &basis.revision.tiers.get(held).name;
            match language {
                Language::En => format!("not held, the customer holds {held}"),
                Language::De => format!("nicht erreicht, der Kunde hat {held}"),
            }
        }
        Err(reason) => {
            let unrated = absence_text(Absence::Unrated, language);
            format!("{unrated}: {}", unrated_text(reason, language))
        }
    })
}

/// The reason of a tier, held or not.
fn of_tier(
    tier: Option<TierIndex>,
    held: Result<TierIndex, Unrated>,
    value: Option<Money>,
    basis: &Basis,
) -> Vec<TierReason> {
    let (held, value) = match (held, value) {
        (Ok(held), Some(value)) => (held, value),
        (held, _) => return vec![unrated(held.err().unwrap_or(Unrated::NoModel))],
    };
    let mut reasons = vec![];
    let named = tier.unwrap_or(held);
    let least = minimum_value(basis, named);
    let mut say = |code: &'static str, en: String, de: String| {
        reasons.push(TierReason {
            code,
            text: words(en, de),
        });
    };
    let en = |money| money_text(money, Language::En);
    let de = |money| money_text(money, Language::De);
    let (value_en, value_de) = (en(value), de(value));
    match least {
        Some(least) if value.amount_minor >= least.amount_minor => say(
            "LIFETIME_VALUE_AT_LEAST",
            format!("lifetime value: {value_en}, at least {}", en(least)),
            format!("Kundenwert: {value_de}, mindestens {}", de(least)),
        ),
        Some(least) => say(
            "LIFETIME_VALUE_BELOW",
            format!("lifetime value: {value_en}, below {}", en(least)),
            format!("Kundenwert: {value_de}, unter {}", de(least)),
        ),
        None => {}
    }
    let better = basis.revision.tiers.better(named);
    if let Some(better) = better.and_then(|better| minimum_value(basis, better)) {
        if value.amount_minor < better.amount_minor {
            say(
                "BELOW_NEXT_TIER",
                format!(
                    "lifetime value: {value_en}, below {} of the next better tier",
                    en(better)
                ),
                format!(
                    "Kundenwert: {value_de}, unter {} der nächsthöheren Stufe",
                    de(better)
                ),
            );
        } else {
            say(
                "HOLDS_BETTER_TIER",
                format!(
                    "lifetime value: {value_en}, enough for a better tier ({})",
                    en(better)
                ),
                format!(
                    "Kundenwert: {value_de}, genug für eine bessere Stufe ({})",
                    de(better)
                ),
            );
        }
    }
    reasons
}

fn unrated(reason: Unrated) -> TierReason {
    let code = match reason {
        Unrated::NotApplicable => "NOT_APPLICABLE",
        Unrated::NoPurchase => "NO_PURCHASE",
        Unrated::NoModel => "NO_MODEL",
        Unrated::NoMean => "NO_MEAN",
        Unrated::NoRate => "NO_RATE",
        Unrated::TooLarge => "TOO_LARGE",
    };
    TierReason {
        code,
        text: both(|language| unrated_text(reason, language)),
    }
}

/// English and German.
fn words(en: impl Into<String>, de: impl Into<String>) -> LocalizedText {
    LocalizedText {
        en: en.into().into(),
        de: Some(de.into().into()),
    }
}
