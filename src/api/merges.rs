//! Merges of customers as messages.

use super::{
    answers::classification,
    customers::{attribute, identifier},
    facts::label,
    page::{self, Page},
    timestamp_message,
    violations::{Checker, Violations},
};
use crate::{
    domain::{customer::facts::MAX_NAME_BYTES, text::CustomerId},
    pb,
    service::ingest::{
        DifferingAttribute, FactsKind, MergeEffect, MergeRequest, MergedCustomers, MergedFacts,
        StoredMerge,
    },
};

/// Reads who is to be merged into whom.
///
/// # Errors
/// Everything that is wrong with the request.
pub(crate) fn merge_request(
    request: &pb::MergeCustomersRequest,
) -> Result<MergeRequest, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let customer_id = id(&request.customer_id, &mut check.field("customer_id"));
    let merged_id = id(
        &request.merged_customer_id,
        &mut check.field("merged_customer_id"),
    );
    let reason = label(&request.reason, MAX_NAME_BYTES, &mut check.field("reason"));
    if merged_id.is_some() && customer_id == merged_id {
        check.field("merged_customer_id").refuse(
            "SAME_CUSTOMER",
            "is the customer who stays: name another one",
        );
    }
    match (customer_id, merged_id) {
        (Some(customer_id), Some(merged_id)) if violations.is_empty() => Ok(MergeRequest {
            customer_id,
            merged_id,
            reason,
        }),
        _ => Err(violations),
    }
}

/// Reads whose merge is to end.
///
/// # Errors
/// What is wrong with the id.
pub(crate) fn unmerge_request(
    request: &pb::UnmergeCustomerRequest,
) -> Result<CustomerId, Violations> {
    let mut violations = Violations::default();
    let merged_id = id(
        &request.merged_customer_id,
        &mut violations.at("merged_customer_id"),
    );
    violations
        .into_result(merged_id)?
        .ok_or_else(Violations::default)
}

fn id(text: &str, check: &mut Checker<'_>) -> Option<CustomerId> {
    check.ok("INVALID_ID", CustomerId::new(text))
}

/// Which merges a request asks for: of one customer, or all.
///
/// # Errors
/// Everything that is wrong with the request.
pub(crate) fn list_request(
    request: &pb::ListMergesRequest,
) -> Result<(Option<CustomerId>, Page), Violations> {
    let mut violations = Violations::default();
    let customer = (!request.customer_id.is_empty())
        .then(|| id(&request.customer_id, &mut violations.at("customer_id")))
        .flatten();
    let page = page::read(request.page_size, &request.page_token);
    match page {
        Ok(page) if violations.is_empty() => Ok((customer, page)),
        Ok(_) => Err(violations),
        Err(others) => {
            violations.extend(others);
            Err(violations)
        }
    }
}

/// The answer of `MergeCustomers`.
pub(crate) fn merge_response(
    request: &MergeRequest,
    merged: &MergedCustomers,
) -> pb::MergeCustomersResponse {
    let planned = || pb::CustomerMerge {
        merged_customer_id: request.merged_id.to_string(),
        customer_id: request.customer_id.to_string(),
        reason: request.reason.as_deref().unwrap_or_default().to_owned(),
        ..Default::default()
    };
    pb::MergeCustomersResponse {
        merge: Some(merged.merge.as_ref().map_or_else(planned, merge)),
        already_merged: merged.effect.is_none(),
        effect: merged.effect.as_ref().map(effect),
    }
}

/// The answer of `UnmergeCustomer`.
pub(crate) fn unmerge_response(unmerged: &MergedCustomers) -> pb::UnmergeCustomerResponse {
    pb::UnmergeCustomerResponse {
        merge: unmerged.merge.as_ref().map(merge),
        effect: unmerged.effect.as_ref().map(effect),
    }
}

/// The answer of `ListMerges`.
pub(crate) fn list_response(page: Page, merges: Vec<StoredMerge>) -> pb::ListMergesResponse {
    let (merges, next_page_token) = page.cut(merges, |merge| merge.number);
    pb::ListMergesResponse {
        merges: merges.iter().map(merge).collect(),
        next_page_token,
    }
}

fn merge(stored: &StoredMerge) -> pb::CustomerMerge {
    pb::CustomerMerge {
        merged_customer_id: stored.customer_id.to_string(),
        customer_id: stored.into.to_string(),
        reason: stored.reason.as_deref().unwrap_or_default().to_owned(),
        merge_time: Some(timestamp_message(stored.merged_at)),
        unmerge_time: stored.unmerged_at.map(timestamp_message),
        merged_version: stored.merged_version,
        unmerged_version: stored.unmerged_version.unwrap_or_default(),
    }
}

fn effect(effect: &MergeEffect) -> pb::MergeEffect {
    let (as_of, basis) = (effect.as_of, &*effect.basis);
    let classified = |one| classification(one, as_of, basis);
    pb::MergeEffect {
        facts: effect.facts.iter().map(facts).collect(),
        identifiers: effect.identifiers.iter().map(identifier).collect(),
        shared_identifiers: effect.shared_identifiers.iter().map(identifier).collect(),
        attributes: effect.attributes.iter().map(differing).collect(),
        before: effect.before.iter().map(classified).collect(),
        after: effect.after.iter().map(classified).collect(),
    }
}

fn facts(facts: &MergedFacts) -> pb::MergedFacts {
    let kind = match facts.kind {
        FactsKind::Transaction => "transaction",
        FactsKind::Contact => "contact",
        FactsKind::Contract => "contract",
        FactsKind::Attribute => "attribute",
        FactsKind::Outcome => "outcome",
    };
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    pb::MergedFacts {
        kind: kind.to_owned(),
        count: number(facts.count.count),
        shared_count: number(facts.count.shared),
        differing_count: number(facts.count.differing),
    }
}

fn differing(one: &DifferingAttribute) -> pb::DifferingAttribute {
    pb::DifferingAttribute {
        name: one.name.to_string(),
        kept: attribute(&one.kept),
        merged: attribute(&one.merged),
        holding: attribute(&one.holding),
    }
}
