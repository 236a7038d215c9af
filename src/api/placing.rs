//! How items name their customers: by id, or by a subject as their source knows them.

use std::collections::HashSet;

use super::{
    subject, texts,
    violations::{Checker, Violations},
};
use crate::{
    pb,
    service::{
        answer::subjects::Subject,
        ingest::{Placed, Placement, UnknownCustomer, Unplaced},
    },
};

/// An item that may name its customer by a subject.
pub(crate) trait NamesCustomer {
    /// The subject.
    fn subject(&self) -> Option<&pb::Subject>;

    /// Whether the result states the customer, because the customer id of the item does not.
    fn returns_customer(&self) -> bool {
        self.subject().is_some()
    }
}

impl NamesCustomer for pb::Transaction {
    fn subject(&self) -> Option<&pb::Subject> {
        self.customer.as_ref()
    }

    fn returns_customer(&self) -> bool {
        self.customer.is_some() || !self.original_customer_id.is_empty()
    }
}

impl NamesCustomer for pb::Contact {
    fn subject(&self) -> Option<&pb::Subject> {
        self.customer.as_ref()
    }
}

impl NamesCustomer for pb::Contract {
    fn subject(&self) -> Option<&pb::Subject> {
        self.customer.as_ref()
    }
}

/// The subjects of items that can be read, each once. What is wrong with the others is noted where the items are read.
pub(crate) fn subjects<M: NamesCustomer>(messages: &[M]) -> Vec<Subject> {
    let mut unnoted = Violations::default();
    let named = messages.iter().filter_map(NamesCustomer::subject);
    let read = named.filter_map(|message| subject(Some(message), &mut unnoted.at("")));
    let distinct: HashSet<Subject> = read.collect();
    distinct.into_iter().collect()
}

/// What happens to items whose subject names nobody.
pub(crate) fn unknown_customer(number: i32) -> Result<UnknownCustomer, Violations> {
    use pb::UnknownCustomer as Way;
    match Way::try_from(number) {
        Ok(Way::Unspecified | Way::Refuse) => Ok(UnknownCustomer::Refuse),
        Ok(Way::Create) => Ok(UnknownCustomer::Create),
        Err(_) => {
            let mut violations = Violations::default();
            violations.at("unknown_customer").refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is not a way to treat unknown customers"),
            );
            Err(violations)
        }
    }
}

/// The customer of an item, named by id or by a subject, whose customers are in `placement`.
pub(super) fn customer(
    customer_id: &str,
    named: Option<&pb::Subject>,
    placement: &Placement,
    check: &mut Checker<'_>,
) -> Option<Placed> {
    let Some(named) = named else {
        let customer_id = check
            .field("customer_id")
            .ok("INVALID_ID", texts::customer_id(customer_id))?;
        return Some(Placed {
            customer_id,
            found_by: None,
        });
    };
    let mut check = check.field("customer");
    if !customer_id.is_empty() {
        check.refuse(
            "NAMED_TWICE",
            "is set next to customer_id: set only one of them",
        );
    }
    let subject = subject(Some(named), &mut check)?;
    match placement.get(&subject) {
        Ok(placed) => Some(placed),
        Err(Unplaced::Unknown) => {
            let description = format!(
                "no customer has this {}: ingest the customer first, or set unknown_customer to UNKNOWN_CUSTOMER_CREATE",
                subject.noun()
            );
            check.refuse("UNKNOWN_CUSTOMER", description);
            None
        }
        Err(Unplaced::Shared(count)) => {
            let description = format!(
                "{count} customers share this {}: set customer_id to the id of one of them (see Classify)",
                subject.noun()
            );
            check.refuse("AMBIGUOUS_CUSTOMER", description);
            None
        }
    }
}
