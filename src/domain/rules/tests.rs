//! The proofs of the condition language that need more than one module: random conditions against a naive evaluator and against the
//! `cel` crate, and texts that were made to hurt.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the cases it needs"
)]

pub(crate) mod agreement;
mod bombs;
pub(crate) mod generate;
mod grammar;
mod messages;

use super::vocabulary::{Attribute, Sensitivity, ValueType, Vocabulary};

/// A small generator of random numbers: G. Steele, D. Lea, C. Flood (2014), `SplitMix64`. The tests need speed and a seed, no quality.
pub(crate) struct Random(u64);

impl Random {
    /// The seed is fixed, so that a failure repeats; `PATRON_TEST_SEED` tries another one. It is printed, so that it can be given again.
    pub(crate) fn for_test(name: &str) -> Self {
        let seed = std::env::var("PATRON_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(20_261_122);
        println!("{name}: PATRON_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `bound - 1`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

pub(crate) const COUNTRIES: [&str; 4] = ["DE", "AT", "CH", "FR"];
pub(crate) const TIERS: [&str; 4] = ["basic", "silver", "gold", "platinum"];

/// The names that the tests of this module use.
pub(crate) fn vocabulary() -> Vocabulary {
    let eur = "EUR".parse().unwrap();
    let attribute = |name: &str, value_type, unit: Option<&str>| Attribute {
        name: name.into(),
        value_type,
        unit: unit.map(Into::into),
        max_age_days: None,
        sensitivity: Sensitivity::Ordinary,
        purpose: None,
    };
    let countries = COUNTRIES.map(Into::into).to_vec();
    let age_group = ValueType::OneOf(vec!["young".into(), "old".into()]);
    let attributes = vec![
        attribute("city", ValueType::Text, None),
        attribute("country", ValueType::OneOf(countries), None),
        attribute("employees", ValueType::Whole, None),
        attribute("score", ValueType::Number, None),
        attribute("premium", ValueType::Bool, None),
        attribute("revenue", ValueType::Money(eur), None),
        attribute("founded", ValueType::Day, None),
        attribute("labels", ValueType::Tags, None),
        attribute("contract", ValueType::Whole, Some("days")),
        Attribute {
            sensitivity: Sensitivity::Protected,
            ..attribute("age_group", age_group, None)
        },
    ];
    Vocabulary::new(
        eur,
        attributes,
        vec!["phone".into(), "email".into()],
        TIERS.map(Into::into).to_vec(),
        vec!["lifecycle/new".into(), "lifecycle/regular".into()],
    )
}
