//! A customer's profile as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::json::MoneyJson;
use crate::cli::text;
use crate::pb;
use crate::pb::attribute_value::Value as Attribute;

/// A profile as JSON.
#[derive(Debug, Serialize)]
pub(super) struct CustomerJson {
    customer_id: String,
    kind: &'static str,
    display_name: String,
    profile_version: i64,
    data_time: Option<String>,
    merged_customer_ids: Vec<String>,
    identifiers: Vec<Value>,
    attributes: Vec<Value>,
    purchase_days: Vec<Value>,
    contact_days: Vec<Value>,
    contracts: Vec<Value>,
    unmatched_refund_count: i32,
    unmatched_retraction_count: i32,
    purchase_entry_count: i32,
    contact_entry_count: i32,
}

/// Everything that was sent of a customer.
pub(super) fn as_json(customer: &pb::Customer) -> CustomerJson {
    CustomerJson {
        customer_id: customer.customer_id.clone(),
        kind: text::kind_name(customer.kind),
        display_name: customer.display_name.clone(),
        profile_version: customer.profile_version,
        data_time: text::time_text(customer.data_time.as_ref()),
        merged_customer_ids: customer.merged_customer_ids.clone(),
        identifiers: customer
            .identifiers
            .iter()
            .map(|known| json!({"kind": known.kind, "display": known.display}))
            .collect(),
        attributes: customer
            .attributes
            .iter()
            .map(|one| {
                json!({
                    "name": one.name,
                    "value": attribute_json(one.value.as_ref()),
                    "observed_on": one.observed_on,
                    "source": one.source,
                })
            })
            .collect(),
        purchase_days: customer.purchase_days.iter().map(purchase_json).collect(),
        contact_days: customer.contact_days.iter().map(contact_json).collect(),
        contracts: customer.contracts.iter().map(contract_json).collect(),
        unmatched_refund_count: customer.unmatched_refund_count,
        unmatched_retraction_count: customer.unmatched_retraction_count,
        purchase_entry_count: customer.purchase_entry_count,
        contact_entry_count: customer.contact_entry_count,
    }
}

fn attribute_json(value: Option<&Attribute>) -> Value {
    match value {
        None => Value::Null,
        Some(Attribute::BoolValue(value)) => json!(value),
        Some(Attribute::IntValue(value)) => json!(value),
        Some(Attribute::DoubleValue(value)) => json!(value),
        Some(Attribute::TextValue(value) | Attribute::DayValue(value)) => json!(value),
        Some(Attribute::MoneyValue(value)) => json!(MoneyJson::from(value)),
        Some(Attribute::TagsValue(value)) => json!(value.tags),
    }
}

fn purchase_json(day: &pb::PurchaseDay) -> Value {
    json!({
        "day": day.day,
        "count": day.count,
        "amount": day.amount.as_ref().map(MoneyJson::from),
        "costed_amount_minor": day.costed_amount_minor,
        "cost_minor": day.cost_minor,
        "category": day.category,
    })
}

fn contact_json(day: &pb::ContactDay) -> Value {
    json!({
        "day": day.day,
        "channel": day.channel,
        "count": day.count,
        "costed_count": day.costed_count,
        "cost": day.cost.as_ref().map(MoneyJson::from),
        "duration_seconds": day.duration_seconds,
    })
}

fn contract_json(contract: &pb::ContractState) -> Value {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "source": contract.source,
        "contract_id": contract.contract_id,
        "started_on": contract.started_on,
        "period_months": contract.period_months,
        "price": contract.price.as_ref().map(MoneyJson::from),
        "cost_minor": contract.cost_minor,
        "category": contract.category,
        "ended_on": filled(&contract.ended_on),
        "effective_on": contract.effective_on,
    })
}
