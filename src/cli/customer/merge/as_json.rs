//! Merges as JSON.

use serde::Serialize;

use super::Answer;
use super::page::{identifier_text, segments, value_text};
use crate::cli::json::{MoneyJson, tier_name, tier_unrated_reason};
use crate::cli::text;
use crate::pb;

/// A merge as JSON.
#[derive(Debug, Serialize)]
pub(super) struct MergeJson {
    customer_id: String,
    merged_customer_id: String,
    reason: String,
    merge_time: Option<String>,
    unmerge_time: Option<String>,
    merged_version: i64,
    unmerged_version: i64,
}

impl From<&pb::CustomerMerge> for MergeJson {
    fn from(merge: &pb::CustomerMerge) -> Self {
        Self {
            customer_id: merge.customer_id.clone(),
            merged_customer_id: merge.merged_customer_id.clone(),
            reason: merge.reason.clone(),
            merge_time: text::time_text(merge.merge_time.as_ref()),
            unmerge_time: text::time_text(merge.unmerge_time.as_ref()),
            merged_version: merge.merged_version,
            unmerged_version: merge.unmerged_version,
        }
    }
}

/// What a merge or its end changes, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct EffectJson {
    #[serde(flatten)]
    merge: MergeJson,
    preview: bool,
    already_merged: bool,
    facts: Vec<FactsJson>,
    identifiers: Vec<String>,
    shared_identifiers: Vec<String>,
    differing_attributes: Vec<AttributeJson>,
    before: Vec<StateJson>,
    after: Vec<StateJson>,
}

#[derive(Debug, Serialize)]
struct FactsJson {
    kind: String,
    count: i64,
    shared: i64,
    differing: i64,
}

#[derive(Debug, Serialize)]
struct AttributeJson {
    name: String,
    kept: String,
    merged: String,
    holding: String,
}

#[derive(Debug, Serialize)]
struct StateJson {
    customer_id: String,
    kind: &'static str,
    display_name: String,
    lifetime_value: Option<MoneyJson>,
    tier: Option<String>,
    unrated_reason: Option<&'static str>,
    segments: Vec<String>,
}

impl From<&pb::Classification> for StateJson {
    fn from(one: &pb::Classification) -> Self {
        Self {
            customer_id: one.customer_id.clone(),
            kind: text::kind_name(one.kind),
            display_name: one.display_name.clone(),
            lifetime_value: one.lifetime_value.as_ref().map(MoneyJson::from),
            tier: tier_name(one.tier.as_ref()),
            unrated_reason: tier_unrated_reason(one.tier.as_ref()),
            segments: segments(one),
        }
    }
}

impl Answer {
    pub(super) fn as_json(&self) -> EffectJson {
        let effect = self.effect.clone().unwrap_or_default();
        let facts = effect.facts.iter().map(|facts| FactsJson {
            kind: facts.kind.clone(),
            count: facts.count,
            shared: facts.shared_count,
            differing: facts.differing_count,
        });
        let attributes = effect.attributes.iter().map(|one| AttributeJson {
            name: one.name.clone(),
            kept: value_text(one.kept.as_ref()),
            merged: value_text(one.merged.as_ref()),
            holding: value_text(one.holding.as_ref()),
        });
        EffectJson {
            merge: MergeJson::from(&self.merge),
            preview: self.preview,
            already_merged: self.effect.is_none(),
            facts: facts.collect(),
            identifiers: effect.identifiers.iter().map(identifier_text).collect(),
            shared_identifiers: effect
                .shared_identifiers
                .iter()
                .map(identifier_text)
                .collect(),
            differing_attributes: attributes.collect(),
            before: effect.before.iter().map(StateJson::from).collect(),
            after: effect.after.iter().map(StateJson::from).collect(),
        }
    }
}
