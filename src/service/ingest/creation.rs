//! Customers who are created by their first fact.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use super::{
    facts::{CustomerFact, NewFact},
    locked::Locked,
};
use crate::{
    domain::{
        customer::{
            CustomerKind,
            profile::{History, Profile},
        },
        text::{CustomerId, Label},
    },
    store::{self, customers::Customer, error::StoreError, namings::Naming},
};

/// Creates the customers of new facts who were unknown.
pub(super) async fn create_customers<F: CustomerFact>(
    tx: &mut Tx<'_, Postgres>,
    import_id: Option<&Label>,
    written: &[&NewFact<F>],
    locked: &Locked,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let mut created: HashMap<&CustomerId, Customer> = HashMap::new();
    let mut namings = vec![];
    for item in written {
        let id = item.fact.customer_id();
        if locked.profile(id).is_none() {
            created.entry(id).or_insert_with(|| {
                namings.extend(item.customer_kind.map(|kind| (id.clone(), kind)));
                new_customer(item)
            });
        }
    }
    let created: Vec<Customer> = created.into_values().collect();
    store::customers::upsert(tx, &created, recorded_at).await?;
    if namings.is_empty() {
        return Ok(());
    }
    let import = store::imports::number_of(tx, import_id, recorded_at).await?;
    let stated = namings.into_iter().map(|(id, kind)| {
        let naming = Naming {
            import,
            kind: Some(kind),
            display_name: None,
        };
        (id, naming)
    });
    store::namings::insert(tx, &stated.collect::<Vec<_>>()).await
}

/// The customer of a fact, if it creates them.
pub(super) fn new_customer<F: CustomerFact>(item: &NewFact<F>) -> Customer {
    Customer {
        customer_id: item.fact.customer_id().clone(),
        kind: item.customer_kind.unwrap_or(CustomerKind::Person),
        display_name: None,
    }
}

/// The profile of a customer before anything is known of them.
pub(super) fn empty_profile(customer: &Customer, recorded_at: Timestamp) -> Profile {
    Profile {
        customer_id: customer.customer_id.clone(),
        version: 0,
        kind: customer.kind,
        display_name: customer.display_name.clone(),
        recorded_at,
        members: Box::default(),
        history: History::default(),
    }
}
