//! `tiers:`. Every value has exactly one tier, or the list is refused.

use super::{
    TierDefinition,
    fields::{self, Fields},
    yaml::Node,
};
use crate::domain::{
    money::Currency,
    rules::diagnostic::{Code, Diagnostics, Span},
};

/// A tier and where its name and threshold stand; without a threshold both are the name.
struct Placed {
    tier: TierDefinition,
    name: Span,
    threshold: Span,
}

/// `tiers:`, from the best to the last.
pub(super) fn read(
    top: &mut Fields<'_>,
    currency: Option<Currency>,
    problems: &mut Diagnostics,
) -> Vec<TierDefinition> {
    let place = top.key_span("tiers");
    let Some(node) = top.require("tiers", "[{name: standard}]", problems) else {
        return Vec::new();
    };
    let items = fields::list(node, place, "`tiers`", problems).unwrap_or(&[]);
    let mut tiers: Vec<Placed> = Vec::new();
    for item in items {
        let Some(placed) = tier(item, currency, problems) else {
            continue;
        };
        if tiers
            .iter()
            .any(|known| known.tier.name == placed.tier.name)
        {
            let message = format!("tier `{}` already exists", placed.tier.name);
            problems.add_with_help(placed.name, Code::Duplicate, message, "choose another name");
            continue;
        }
        tiers.push(placed);
    }
    // With a tier that could not be read, a gap would only seem to be one.
    if tiers.len() == items.len() {
        check_thresholds(&tiers, place, problems);
    }
    tiers.into_iter().map(|placed| placed.tier).collect()
}

fn tier(item: &Node, currency: Option<Currency>, problems: &mut Diagnostics) -> Option<Placed> {
    let mut fields = Fields::from_node(item, item.span, "a tier", problems)?;
    let name_node = fields.require("name", "gold", problems);
    let name = name_node.and_then(|node| fields::name(node, problems));
    let threshold = fields.get("at_least");
    let at_least = threshold.map(|node| fields::money(node, currency, problems));
    let description = fields
        .get("description")
        .and_then(|node| fields::words(node, problems));
    fields.finish(problems);
    let name_span = name_node?.span;
    Some(Placed {
        tier: TierDefinition {
            name: name?,
            at_least: at_least.map_or(Some(None), |amount| amount.map(Some))?,
            description,
        },
        name: name_span,
        threshold: threshold.map_or(name_span, |node| node.span),
    })
}

/// Thresholds fall from tier to tier, and only the last has none.
fn check_thresholds(tiers: &[Placed], place: Span, problems: &mut Diagnostics) {
    let Some(lowest) = tiers.last() else {
        problems.add_with_help(
            place,
            Code::TierGap,
            "there are no tiers",
            "add one: `- name: standard`",
        );
        return;
    };
    if let Some(least) = lowest.tier.at_least {
        let message = format!("customers with a value below {least} get no tier");
        let name = &lowest.tier.name;
        let help = format!("remove `at_least` of `{name}`, or add a tier without it below");
        problems.add_with_help(lowest.threshold, Code::TierGap, message, help);
    }
    for pair in tiers.windows(2) {
        let [better, worse] = pair else { continue };
        let (name, worse_name) = (&better.tier.name, &worse.tier.name);
        let Some(above) = better.tier.at_least else {
            let message = format!("`{worse_name}` is unreachable: `{name}` takes every customer");
            let help = "add `at_least`, or make it the last tier";
            problems.add_with_help(better.name, Code::TierOverlap, message, help);
            continue;
        };
        if worse
            .tier
            .at_least
            .is_some_and(|least| least.amount_minor >= above.amount_minor)
        {
            let message =
                format!("`{worse_name}` is unreachable: it does not start below `{name}`");
            let help = "list tiers from the best to the last, each with a lower `at_least`";
            problems.add_with_help(worse.threshold, Code::TierOverlap, message, help);
        }
    }
}
