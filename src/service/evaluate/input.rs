//! From stored profiles to what customers had done by one day and by a later one.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        customer::CustomerKind,
        facts::Transaction,
        profile::{Facts, PurchaseDay},
        text::CustomerId,
        value::history::HistoryError,
    },
    service::{error::ServiceError, profiles::fold_all},
    store::{self, error::StoreError},
};

/// How many customers are folded from their facts in one statement.
const FOLD_BATCH: usize = 1_000;

/// Reads everybody. `each` gets a customer's kind, the purchases that the facts until `split` leave, and those that the facts until
/// `until` leave; of customers without refunds both may reach beyond.
pub(super) async fn read(
    connection: &mut PgConnection,
    split: Day,
    until: Day,
    mut each: impl FnMut(CustomerKind, &[PurchaseDay], &[PurchaseDay]) -> Result<(), HistoryError>,
) -> Result<(), ServiceError> {
    let mut refunded: Vec<(CustomerId, CustomerKind)> = vec![];
    let mut failed = None;
    store::evaluation_input::list_histories(connection, |id, kind, history| {
        // Of a refunded customer, what a later refund took of an earlier day is not in the profile.
        if history.has_refunds && history.last_event_day.is_some_and(|last| last > split) {
            refunded.push((id, kind));
        } else if failed.is_none() {
            failed = each(kind, &history.purchases, &history.purchases).err();
        }
    })
    .await?;
    if let Some(error) = failed {
        return Err(corrupt(&error));
    }
    for customers in refunded.chunks(FOLD_BATCH) {
        let ids: Vec<CustomerId> = customers.iter().map(|(id, _)| id.clone()).collect();
        let mut facts: HashMap<CustomerId, Vec<Transaction>> = HashMap::new();
        for fact in store::transactions::list(connection, &ids, Some(until)).await? {
            let id = fact.key.customer_id.clone();
            facts.entry(id).or_default().push(fact);
        }
        for (id, kind) in customers {
            let all = facts.remove(id).unwrap_or_default();
            let known = all.iter().filter(|fact| fact.when.day <= split);
            let known = purchases(known.cloned().collect());
            each(*kind, &known, &purchases(all)).map_err(|error| corrupt(&error))?;
        }
    }
    Ok(())
}

fn purchases(transactions: Vec<Transaction>) -> Vec<PurchaseDay> {
    let facts = Facts {
        transactions,
        ..Facts::default()
    };
    fold_all(&facts).purchases
}

fn corrupt(error: &HistoryError) -> ServiceError {
    StoreError::Corrupt(format!("profile of a customer: {error}")).into()
}
