//! Facts that are moved and customers who are erased, as messages.

use crate::{
    api::{
        facts::required_label,
        timestamp_message,
        violations::{Checker, Violations},
    },
    domain::{
        customer::facts::{MAX_LABEL_BYTES, MAX_SOURCE_ID_BYTES},
        text::CustomerId,
    },
    pb,
    service::ingest::{ErasedCustomer, FactName, KeyedKind, Move, MovedFacts, Unmovable},
};

/// Most facts of a call.
const MAX_FACTS: usize = 1_000;

/// The request of `MoveFacts`.
pub(crate) fn move_request(request: &pb::MoveFactsRequest) -> Result<Move, Violations> {
    let mut violations = Violations::default();
    let from = customer_id(&request.customer_id, violations.at("customer_id"));
    let to = customer_id(&request.to_customer_id, violations.at("to_customer_id"));
    if from.is_some() && from == to {
        let text = "must be another customer than customer_id";
        violations
            .at("to_customer_id")
            .refuse("SAME_CUSTOMER", text);
    }
    if !(1..=MAX_FACTS).contains(&request.facts.len()) {
        let size = format!(
            "has {} facts: send 1 to {MAX_FACTS} per call",
            request.facts.len()
        );
        violations.at("facts").refuse("BATCH_SIZE", size);
    }
    let facts = request.facts.iter().take(MAX_FACTS).enumerate();
    let facts: Vec<Option<FactName>> = facts
        .map(|(at, fact)| fact_name(fact, &mut violations.at(format!("facts[{at}]"))))
        .collect();
    let facts: Option<Vec<FactName>> = facts.into_iter().collect();
    match (from, to, facts) {
        (Some(from), Some(to), Some(facts)) if violations.is_empty() => {
            Ok(Move { from, to, facts })
        }
        _ => Err(violations),
    }
}

fn fact_name(message: &pb::FactName, check: &mut Checker<'_>) -> Option<FactName> {
    let kind = match message.kind() {
        pb::FactKind::Transaction => Some(KeyedKind::Transaction),
        pb::FactKind::Contact => Some(KeyedKind::Contact),
        pb::FactKind::Contract => Some(KeyedKind::Contract),
        pb::FactKind::Unspecified => {
            let text = "must be TRANSACTION, CONTACT or CONTRACT";
            check.field("kind").refuse("REQUIRED", text);
            None
        }
    };
    let source = required_label(&message.source, MAX_LABEL_BYTES, &mut check.field("source"));
    let id = required_label(&message.id, MAX_SOURCE_ID_BYTES, &mut check.field("id"));
    Some(FactName {
        kind: kind?,
        source: source?,
        id: id?,
    })
}

fn customer_id(text: &str, mut check: Checker<'_>) -> Option<CustomerId> {
    check.ok("INVALID_ID", CustomerId::new(text))
}

/// The answer of `MoveFacts`.
pub(crate) fn move_response(moved: &MovedFacts, asked: &Move) -> pb::MoveFactsResponse {
    let named: std::collections::HashSet<&FactName> = asked.facts.iter().collect();
    let facts = moved.facts.iter().map(|fact| pb::MovedFact {
        fact: Some(fact_message(fact)),
        related: !named.contains(fact),
        repeated: moved.repeated.contains(fact),
    });
    pb::MoveFactsResponse {
        facts: facts.collect(),
    }
}

fn fact_message(fact: &FactName) -> pb::FactName {
    let kind = match fact.kind {
        KeyedKind::Transaction => pb::FactKind::Transaction,
        KeyedKind::Contact => pb::FactKind::Contact,
        KeyedKind::Contract => pb::FactKind::Contract,
    };
    pb::FactName {
        kind: kind.into(),
        source: fact.source.to_string(),
        id: fact.id.to_string(),
    }
}

/// What is wrong with the facts of a move.
pub(crate) fn unmovable(facts: &[(usize, Unmovable)]) -> Violations {
    /// More would not fit an error.
    const MOST: usize = 16;
    let mut violations = Violations::at_most(MOST);
    for (at, why) in facts {
        let (reason, text) = match why {
            Unmovable::Unknown => (
                "FACT_NOT_FOUND",
                "is not recorded for customer_id: check kind, source and id",
            ),
            Unmovable::Taken => (
                "FACT_DIFFERS",
                "or a fact related to it exists with other content for to_customer_id: correct one of the two first",
            ),
            Unmovable::Separate => (
                "SEPARATE_IDS",
                "is of a source with `same_id: separate`: its next export would record it again",
            ),
        };
        violations.at(format!("facts[{at}]")).refuse(reason, text);
    }
    violations
}

/// The customer of `EraseCustomer`.
pub(crate) fn erased_id(request: &pb::EraseCustomerRequest) -> Result<CustomerId, Violations> {
    let mut violations = Violations::default();
    let id = customer_id(&request.customer_id, violations.at("customer_id"));
    id.ok_or(violations)
}

/// The answer of `EraseCustomer`.
pub(crate) fn erase_response(erased: &ErasedCustomer) -> pb::EraseCustomerResponse {
    let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    let rows = &erased.rows;
    pb::EraseCustomerResponse {
        customer_ids: erased.customers.iter().map(ToString::to_string).collect(),
        erase_time: erased.erased_at.map(timestamp_message),
        transaction_count: count(rows.transactions),
        contact_count: count(rows.contacts),
        outcome_count: count(rows.outcomes),
        contract_count: count(rows.contracts),
        attribute_count: count(rows.attributes),
        identifier_count: count(rows.identifiers),
        withdrawn_count: count(rows.withdrawn),
    }
}
