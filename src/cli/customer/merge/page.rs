//! Merges for a person.

use super::Answer;
use crate::cli::customer::attribute_text;
use crate::cli::names::{tier_name, tier_unrated_reason};
use crate::cli::text::{self, Align};
use crate::pb;

impl Answer {
    /// The answer for a person.
    pub(super) fn page(&self) -> String {
        let (merged, customer) = (&self.merge.merged_customer_id, &self.merge.customer_id);
        let Some(effect) = &self.effect else {
            return text::labelled(&[
                ("State", "unchanged: merged already".to_owned()),
                ("Merge", format!("{merged} into {customer}")),
            ]);
        };
        let state = match (self.preview, self.is_unmerge) {
            (true, _) => "unchanged (preview)",
            (false, false) => "merged",
            (false, true) => "unmerged",
        };
        let mut rows = vec![
            ("State", state.to_owned()),
            ("Merge", format!("{merged} into {customer}")),
        ];
        if !self.merge.reason.is_empty() {
            rows.push(("Reason", self.merge.reason.clone()));
        }
        let of = if self.is_unmerge {
            "Facts that leave"
        } else {
            "Facts that follow"
        };
        rows.push((of, facts_text(&effect.facts, |facts| facts.count)));
        if effect.facts.iter().any(|facts| facts.shared_count > 0) {
            let shared = facts_text(&effect.facts, |facts| facts.shared_count);
            let differing: i64 = effect.facts.iter().map(|it| it.differing_count).sum();
            rows.push((
                "Counted once",
                format!("{shared}, {differing} with other content"),
            ));
        }
        rows.push(("Identifiers", identifiers_text(&effect.identifiers)));
        if !effect.shared_identifiers.is_empty() {
            rows.push(("Of both", identifiers_text(&effect.shared_identifiers)));
        }
        let mut page = text::labelled(&rows);
        if !effect.attributes.is_empty() {
            page.push_str("\n\n");
            page.push_str(&attributes_part(&effect.attributes, customer, merged));
        }
        page.push_str("\n\n");
        page.push_str(&states_part(effect));
        page
    }
}

pub(super) fn segments(one: &pb::Classification) -> Vec<String> {
    let segments = one.segments.iter();
    segments.map(|it| it.segment.clone()).collect()
}

fn facts_text(facts: &[pb::MergedFacts], count: fn(&pb::MergedFacts) -> i64) -> String {
    let counted = facts.iter().filter(|facts| count(facts) > 0);
    let counted: Vec<String> = counted
        .map(|facts| match count(facts) {
            1 => format!("1 {}", facts.kind),
            many => format!("{many} {}s", facts.kind),
        })
        .collect();
    or_none(&counted)
}

pub(super) fn identifier_text(known: &pb::MaskedIdentifier) -> String {
    format!("{} {}", known.kind, known.display)
}

fn identifiers_text(known: &[pb::MaskedIdentifier]) -> String {
    or_none(&known.iter().map(identifier_text).collect::<Vec<_>>())
}

fn or_none(texts: &[String]) -> String {
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}

pub(super) fn value_text(value: Option<&pb::AttributeValue>) -> String {
    attribute_text(value.and_then(|value| value.value.as_ref()))
}

fn attributes_part(attributes: &[pb::DifferingAttribute], customer: &str, merged: &str) -> String {
    let header = [
        ("attribute", Align::Left),
        (customer, Align::Left),
        (merged, Align::Left),
        ("merged", Align::Left),
    ];
    let rows = attributes.iter().map(|one| {
        let values = [&one.kept, &one.merged, &one.holding];
        let values = values.map(|value| value_text(value.as_ref()));
        std::iter::once(one.name.clone()).chain(values).collect()
    });
    text::table(&header, &rows.collect::<Vec<Vec<String>>>())
}

fn states_part(effect: &pb::MergeEffect) -> String {
    let header = [
        ("", Align::Left),
        ("customer", Align::Left),
        ("name", Align::Left),
        ("kind", Align::Left),
        ("lifetime value", Align::Right),
        ("tier", Align::Left),
        ("segments", Align::Left),
    ];
    let before = effect.before.iter().map(|one| ("before", one));
    let states = before.chain(effect.after.iter().map(|one| ("after", one)));
    let rows = states.map(|(when, one)| {
        let value = one.lifetime_value.as_ref();
        let tier = tier_name(one.tier.as_ref());
        let reason = tier_unrated_reason(one.tier.as_ref()).unwrap_or_default();
        vec![
            when.to_owned(),
            one.customer_id.clone(),
            one.display_name.clone(),
            text::kind_word(one.kind).to_owned(),
            value.map_or_else(String::new, text::money_text),
            tier.unwrap_or_else(|| format!("UNRATED: {reason}")),
            segments(one).join(", "),
        ]
    });
    text::table(&header, &rows.collect::<Vec<_>>())
}

pub(super) fn list_page(merges: &[pb::CustomerMerge]) -> String {
    if merges.is_empty() {
        return "No merges.".to_owned();
    }
    let header = [
        ("merged", Align::Left),
        ("into", Align::Left),
        ("since", Align::Left),
        ("until", Align::Left),
        ("reason", Align::Left),
    ];
    let rows = merges.iter().map(|merge| {
        vec![
            merge.merged_customer_id.clone(),
            merge.customer_id.clone(),
            text::time_text(merge.merge_time.as_ref()).unwrap_or_default(),
            text::time_text(merge.unmerge_time.as_ref()).unwrap_or_default(),
            merge.reason.clone(),
        ]
    });
    text::table(&header, &rows.collect::<Vec<_>>())
}
