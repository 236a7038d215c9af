//! Names of the contract as pages show them, without their prefixes.

use super::text;
use crate::pb;

/// How many customers a subject names: "ONE", "UNKNOWN" or "AMBIGUOUS".
#[must_use]
pub fn match_name(matched: i32) -> &'static str {
    let name = pb::Match::try_from(matched).map_or("UNSPECIFIED", |matched| matched.as_str_name());
    name.strip_prefix("MATCH_").unwrap_or(name)
}

/// The name of a tier, if there is one.
#[must_use]
pub fn tier_name(tier: Option<&pb::Tier>) -> Option<String> {
    tier.map(|tier| tier.name.clone())
        .filter(|name| !name.is_empty())
}

/// Why there is no tier.
#[must_use]
pub fn tier_unrated_reason(tier: Option<&pb::Tier>) -> Option<&'static str> {
    tier.and_then(|tier| text::unrated_name(tier.unrated_reason))
}
