//! What is usual of contacts, as it stands in the document of a fit.

use serde::{Deserialize, Serialize};

use super::corrupt;
use crate::{
    domain::{
        clv::contact_rates::{ContactCost, ContactRate},
        fitted::contact_model::{ContactModel, UsualContacts},
    },
    store::{codes, error::StoreError},
};

/// One channel of one kind of customer.
#[derive(Serialize, Deserialize)]
pub(super) struct ContactsDocument {
    customer_kind: i16,
    channel: String,
    shape: f64,
    rate_weeks: f64,
    customers: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<CostDocument>,
    /// Absent in versions that did not count them.
    #[serde(default)]
    recorded_cost_share: f64,
}

#[derive(Serialize, Deserialize)]
struct CostDocument {
    currency: String,
    mean: f64,
    weight_contacts: f64,
}

pub(super) fn write(model: &ContactModel) -> Vec<ContactsDocument> {
    let each = model.all().iter().map(|usual| ContactsDocument {
        customer_kind: codes::customer_kind_code(usual.kind),
        channel: usual.channel.to_string(),
        shape: usual.rate.shape(),
        rate_weeks: usual.rate.rate_weeks(),
        customers: usual.customers,
        cost: usual.cost.map(|(cost, currency)| CostDocument {
            currency: currency.to_string(),
            mean: cost.mean,
            weight_contacts: cost.weight_contacts,
        }),
        recorded_cost_share: usual.recorded_cost_share,
    });
    each.collect()
}

pub(super) fn read(documents: Vec<ContactsDocument>) -> Result<ContactModel, StoreError> {
    let usual = documents.into_iter().map(|document| {
        let cost = document.cost.map(|cost| {
            let currency = codes::currency(&cost.currency)?;
            let usual = ContactCost {
                mean: cost.mean,
                weight_contacts: cost.weight_contacts,
            };
            Ok::<_, StoreError>((usual, currency))
        });
        Ok::<_, StoreError>(UsualContacts {
            kind: codes::customer_kind(document.customer_kind)?,
            channel: document.channel.into(),
            rate: ContactRate::new(document.shape, document.rate_weeks)
                .map_err(|error| corrupt(&error))?,
            cost: cost.transpose()?,
            recorded_cost_share: document.recorded_cost_share,
            customers: document.customers,
        })
    });
    Ok(ContactModel::new(usual.collect::<Result<_, _>>()?))
}
