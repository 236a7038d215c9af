//! From stored profiles to what customers had done, and what was known of them, by one day and by a later one.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        clv::history::HistoryError,
        customer::{
            CustomerKind,
            facts::{AttributeFact, Transaction},
            group::namesakes::Namesakes,
            profile::{Facts, History},
        },
        fitted::parameters::Covariate,
        text::CustomerId,
    },
    service::{answer::profiles::fold_all, error::ServiceError},
    store::{self, error::StoreError},
};

/// How many customers are folded from their facts in one statement.
const FOLD_BATCH: usize = 1_000;

/// Reads everybody. `each` gets a customer's id and kind, what the facts until `split` say of purchases and `covariates`, and what those until
/// `until` say. Purchases of either may reach beyond its day; other attributes than the covariates are not to be looked at.
pub(super) async fn read(
    connection: &mut PgConnection,
    split: Day,
    until: Day,
    covariates: &[Covariate],
    mut each: impl FnMut(&CustomerId, CustomerKind, &History, &History) -> Result<(), HistoryError>,
) -> Result<(), ServiceError> {
    let mut to_fold: Vec<(CustomerId, CustomerKind)> = vec![];
    let mut failed = None;
    store::evaluation_input::list_histories(connection, |id, kind, history| {
        // What a later refund took of an earlier day is not in the profile, nor what a later observation took the place of.
        let refunded = history.has_refunds && history.last_event_day.is_some_and(|it| it > split);
        if refunded || is_observed_after(&history, covariates, split) {
            to_fold.push((id, kind));
        } else if failed.is_none() {
            failed = each(&id, kind, &history, &history).err();
        }
    })
    .await?;
    if let Some(error) = failed {
        return Err(corrupt(&error));
    }
    for customers in to_fold.chunks(FOLD_BATCH) {
        let ids: Vec<CustomerId> = customers.iter().map(|(id, _)| id.clone()).collect();
        let groups = store::profiles::list_groups(connection, &ids).await?;
        let ids = groups.with_members(&ids);
        let mut facts: HashMap<CustomerId, Facts> = HashMap::new();
        for fact in store::transactions::list(connection, &ids, Some(until)).await? {
            let id = fact.key.customer_id.clone();
            facts.entry(id).or_default().transactions.push(fact);
        }
        if !covariates.is_empty() {
            for (id, observed) in store::attributes::list(connection, &ids, Some(until)).await? {
                facts.entry(id).or_default().attributes = observed;
            }
        }
        let namesakes = Namesakes::new(&groups, &facts);
        let mut facts = groups.join(facts, &namesakes);
        for (id, kind) in customers {
            let Facts {
                transactions,
                attributes,
                ..
            } = facts.remove(id).unwrap_or_default();
            let known = fold_until(&transactions, &attributes, split);
            let whole = fold_until(&transactions, &attributes, until);
            each(id, *kind, &known, &whole).map_err(|error| corrupt(&error))?;
        }
    }
    Ok(())
}

/// Whether a covariate was observed after `day`: what it was on that day only the facts tell.
fn is_observed_after(history: &History, covariates: &[Covariate], day: Day) -> bool {
    let mut later = history
        .attributes
        .iter()
        .filter(|fact| fact.observed_on > day);
    later.any(|fact| covariates.iter().any(|it| it.name == fact.name))
}

fn fold_until(transactions: &[Transaction], attributes: &[AttributeFact], day: Day) -> History {
    let transactions = transactions.iter().filter(|fact| fact.when.day <= day);
    let attributes = attributes.iter().filter(|fact| fact.observed_on <= day);
    fold_all(&Facts {
        transactions: transactions.cloned().collect(),
        attributes: attributes.cloned().collect(),
        ..Facts::default()
    })
}

fn corrupt(error: &HistoryError) -> ServiceError {
    StoreError::Corrupt(format!("profile of a customer: {error}")).into()
}
