//! The end that all writes of facts share: from facts that are inserted to the profiles of their customers, and the commit.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use super::{
    Call, Ingest, NewFact,
    commit::{Changes, Imported, commit, end_unwritten},
    creation::create_customers,
    facts::CustomerFact,
    fold::fold_new,
    locked::Locked,
    placement::{Confirmed, insert_begun},
    unmatched::{UnmatchedBefore, UnmatchedChange},
};
use crate::{
    domain::{money::Currency, text::CustomerId},
    store::{self, error::StoreError, imports::ImportedKind},
};

/// What a transaction wrote of the facts of a call.
pub(super) struct Written<'a, F> {
    /// As what the facts are counted in imports.
    pub(super) kind: ImportedKind,
    /// The facts that are new; they are inserted.
    pub(super) new: &'a [&'a NewFact<F>],
    /// Whether it noted that facts were sent again.
    pub(super) has_notes: bool,
    /// The identifiers by which the customers of the call were found.
    pub(super) confirmed: Confirmed,
}

/// What a transaction changed.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// The customers who were unknown before.
    pub(super) created: HashSet<CustomerId>,
    /// What changed about facts that take back what is not there.
    pub(super) unmatched: UnmatchedChange,
}

/// Ends a transaction that inserted facts: creates their customers, with the identifiers that begin with them, notes what an import wrote,
/// folds the facts into the profiles, notes their currencies and commits.
pub(super) async fn finish<F: CustomerFact>(
    ingest: &Ingest,
    mut tx: Tx<'static, Postgres>,
    locked: Locked,
    written: Written<'_, F>,
    call: &Call,
    recorded_at: Timestamp,
) -> Result<Finished, StoreError> {
    let Written {
        kind,
        new,
        has_notes,
        confirmed: Confirmed { begun, creating },
    } = written;
    if new.is_empty() {
        end_unwritten(ingest, tx, has_notes).await?;
        ingest.identifiers.renew(&creating).await;
        return Ok(Finished::default());
    }
    let import_id = call.import.as_ref();
    create_customers(&mut tx, import_id, new, &locked, recorded_at).await?;
    let customers = new.iter().map(|item| item.fact.customer_id());
    let unknown = customers.clone().filter(|id| locked.profile(id).is_none());
    let created = unknown.cloned().collect();
    insert_begun(&mut tx, begun, &customers.clone().collect(), recorded_at).await?;
    let imported = Imported::begin(call, kind, new.len(), customers, &locked);
    let before = UnmatchedBefore::new(kind, &locked.profiles);
    let profiles = fold_new(&mut tx, new, locked, recorded_at).await?;
    let unmatched = before.change(&profiles);
    let changes = Changes {
        profiles,
        identifiers: creating,
        new_currency: add_currencies(&mut tx, new, recorded_at).await?,
        imported,
        former: vec![],
        merged: vec![],
    };
    commit(ingest, tx, changes, recorded_at).await?;
    Ok(Finished { created, unmatched })
}

/// Notes the currencies of new facts. Returns whether one came into use.
async fn add_currencies<F: CustomerFact>(
    tx: &mut Tx<'_, Postgres>,
    new: &[&NewFact<F>],
    recorded_at: Timestamp,
) -> Result<bool, StoreError> {
    let distinct = |of: fn(&F) -> Option<Currency>| {
        let mut found: Vec<Currency> = new.iter().filter_map(|item| of(&item.fact)).collect();
        found.sort();
        found.dedup();
        found
    };
    let (booked, of_contacts) = (distinct(F::currency), distinct(F::contact_currency));
    let booked = store::currencies::insert(tx, &booked, recorded_at).await?;
    let of_contacts = store::currencies::insert_of_contacts(tx, &of_contacts, recorded_at).await?;
    Ok(!booked.is_empty() || !of_contacts.is_empty())
}
