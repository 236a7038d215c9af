//! Messages as a client would send them: sound in every field, so that a test only names what it is about.

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::transaction::Kind;
use patron::pb::{contact, identifier, subject, transaction};
use tonic::Status;
use tonic_types::StatusExt as _;

/// The system that the facts of tests come from.
pub(crate) const SOURCE: &str = "shop";

pub(crate) fn by_id(id: &str) -> pb::Subject {
    subject_of(subject::Subject::CustomerId(id.to_owned()))
}

pub(crate) fn by_phone(number: &str) -> pb::Subject {
    subject_of(subject::Subject::PhoneNumber(number.to_owned()))
}

pub(crate) fn by_email(address: &str) -> pb::Subject {
    subject_of(subject::Subject::Email(address.to_owned()))
}

pub(crate) fn by_external(system: &str, id: &str) -> pb::Subject {
    subject_of(subject::Subject::ExternalId(external_id(system, id)))
}

fn subject_of(way: subject::Subject) -> pb::Subject {
    pb::Subject { subject: Some(way) }
}

fn external_id(system: &str, id: &str) -> pb::ExternalId {
    pb::ExternalId {
        system: system.to_owned(),
        id: id.to_owned(),
    }
}

pub(crate) fn phone(number: &str) -> pb::Identifier {
    pb::Identifier {
        identifier: Some(identifier::Identifier::PhoneNumber(number.to_owned())),
    }
}

pub(crate) fn email(address: &str) -> pb::Identifier {
    pb::Identifier {
        identifier: Some(identifier::Identifier::Email(address.to_owned())),
    }
}

pub(crate) fn external(system: &str, id: &str) -> pb::Identifier {
    pb::Identifier {
        identifier: Some(identifier::Identifier::ExternalId(external_id(system, id))),
    }
}

pub(crate) fn money(amount_minor: i64, currency: &str) -> pb::Money {
    pb::Money {
        amount_minor,
        currency: currency.to_owned(),
    }
}

/// An id of a source for a fact of a customer: no two customers have one in common, as in the books of a shop. Ada's are as they are.
pub(crate) fn id_of(customer: &str, id: &str) -> String {
    let own = format!("{customer}-");
    if ["", "ada"].contains(&customer) || id.is_empty() || id.starts_with(&own) {
        id.to_owned()
    } else {
        format!("{customer}-{id}")
    }
}

/// A purchase in euros; the amount is in cents.
pub(crate) fn purchase(customer: &str, id: &str, day: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        customer_id: customer.to_owned(),
        source: SOURCE.to_owned(),
        transaction_id: id_of(customer, id),
        kind: Kind::Purchase.into(),
        when: Some(transaction::When::OccurredOn(day.to_owned())),
        amount: Some(money(amount_minor, "EUR")),
        ..Default::default()
    }
}

/// A refund in euros that names the purchase `original`; empty names none.
pub(crate) fn refund(
    customer: &str,
    id: &str,
    original: &str,
    day: &str,
    amount_minor: i64,
) -> pb::Transaction {
    pb::Transaction {
        kind: Kind::Refund.into(),
        original_transaction_id: id_of(customer, original),
        ..purchase(customer, id, day, amount_minor)
    }
}

/// A call that cost 3.50 EUR.
pub(crate) fn call(customer: &str, id: &str, day: &str) -> pb::Contact {
    pb::Contact {
        customer_id: customer.to_owned(),
        source: "acd".to_owned(),
        contact_id: id_of(customer, id),
        when: Some(contact::When::OccurredOn(day.to_owned())),
        channel: "phone".to_owned(),
        duration_seconds: Some(90),
        cost: Some(money(350, "EUR")),
        ..Default::default()
    }
}

/// A contract in euros that renews every `months`; the price is in cents.
pub(crate) fn contract(
    customer: &str,
    id: &str,
    started_on: &str,
    months: i32,
    price_minor: i64,
) -> pb::Contract {
    pb::Contract {
        customer_id: customer.to_owned(),
        source: "erp".to_owned(),
        contract_id: id_of(customer, id),
        started_on: started_on.to_owned(),
        period_months: months,
        price: Some(money(price_minor, "EUR")),
        ..Default::default()
    }
}

/// A patch that says nothing yet.
pub(crate) fn patch(customer: &str) -> pb::CustomerPatch {
    pb::CustomerPatch {
        customer_id: customer.to_owned(),
        ..Default::default()
    }
}

/// An observation of today; no value clears.
pub(crate) fn attribute(name: &str, value: Option<Value>) -> pb::AttributeValue {
    pb::AttributeValue {
        name: name.to_owned(),
        value,
        ..Default::default()
    }
}

/// The reason within an error, which every error of this service has.
#[track_caller]
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, patron::api::error::DOMAIN);
    info.reason
}

/// The fields that an error complains of, in its order.
pub(crate) fn violated(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request();
    let violations = request.map_or_else(Vec::new, |request| request.field_violations);
    violations.into_iter().map(|it| it.field).collect()
}

/// The same under the very ids: for facts that several customers are said to have, and for ids that are compared.
pub(crate) mod plain {
    use patron::pb;

    /// A purchase under the very id.
    pub(crate) fn purchase(
        customer: &str,
        id: &str,
        day: &str,
        amount_minor: i64,
    ) -> pb::Transaction {
        pb::Transaction {
            customer_id: customer.to_owned(),
            ..super::purchase("", id, day, amount_minor)
        }
    }

    /// A refund under the very id.
    pub(crate) fn refund(
        customer: &str,
        id: &str,
        original: &str,
        day: &str,
        amount_minor: i64,
    ) -> pb::Transaction {
        pb::Transaction {
            customer_id: customer.to_owned(),
            ..super::refund("", id, original, day, amount_minor)
        }
    }

    /// A call under the very id.
    pub(crate) fn call(customer: &str, id: &str, day: &str) -> pb::Contact {
        pb::Contact {
            customer_id: customer.to_owned(),
            ..super::call("", id, day)
        }
    }

    /// A contract under the very id.
    pub(crate) fn contract(
        customer: &str,
        id: &str,
        from: &str,
        months: i32,
        price: i64,
    ) -> pb::Contract {
        pb::Contract {
            customer_id: customer.to_owned(),
            ..super::contract("", id, from, months, price)
        }
    }
}
