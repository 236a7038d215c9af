//! Whose the facts are that sources name: an id of a source names one fact, and so one customer.
//!
//! Facts are keyed by their customers first, so that they can be distributed; a fact that comes under a second customer is told only here.

use std::{collections::HashMap, hash::BuildHasher};

use sqlx::PgConnection;

use crate::{
    domain::{
        customer::facts::FactKey,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, fact_moves::Moving},
};

/// The sorts of facts that a source names by an id. A number names them in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyedKind {
    /// A transaction.
    Transaction = 1,
    /// A contact.
    Contact = 2,
    /// A contract, with all its observations.
    Contract = 3,
}

impl KeyedKind {
    pub(super) fn code(self) -> i16 {
        self as i16
    }

    /// The sort with a number.
    pub(super) fn from_code(code: i16) -> Result<Self, StoreError> {
        let all = [Self::Transaction, Self::Contact, Self::Contract];
        let known = all.into_iter().find(|kind| kind.code() == code);
        known.ok_or_else(|| StoreError::corrupt("sort of fact", code))
    }
}

/// Whose a fact is that was sent for another customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The customer.
    pub customer_id: CustomerId,
    /// Whether it was moved from the customer for whom it was sent.
    pub is_moved: bool,
}

struct OwnerRow {
    sent_for: String,
    source: String,
    fact_id: String,
    customer_id: String,
    is_moved: bool,
}

crate::store::row::from_row!(OwnerRow {
    sent_for,
    source,
    fact_id,
    customer_id,
    is_moved
});

/// The columns of keys, one array each, in the order of sources and ids: transactions that claim the same ones wait for each other in one
/// order.
struct Columns<'a> {
    source: Vec<&'a str>,
    fact_id: Vec<&'a str>,
    customer_id: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn from_keys(mut keys: Vec<&'a FactKey>) -> Self {
        keys.sort_by_key(|key| (&key.source, &key.id));
        let keys = keys.into_iter();
        Self {
            source: keys.clone().map(|key| &*key.source).collect(),
            fact_id: keys.clone().map(|key| &*key.id).collect(),
            customer_id: keys.map(|key| key.customer_id.as_str()).collect(),
        }
    }
}

/// Notes whose the facts of `keys` are, where nobody has them yet. Returns those that another customer has, and whose they are.
///
/// Waits for transactions that note the same keys; each caller holds the locks of its customers before, so that none waits in a circle.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn claim(
    tx: &mut PgConnection,
    kind: KeyedKind,
    keys: Vec<&FactKey>,
) -> Result<HashMap<FactKey, Owner>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = Columns::from_keys(keys);
    let new = sqlx::query(
        "INSERT INTO fact_keys (source, fact_id, kind, customer_id)
         SELECT source, fact_id, $1, customer_id
         FROM unnest($2::text[], $3::text[], $4::text[]) AS new (source, fact_id, customer_id)
         ON CONFLICT (source, fact_id, kind) DO NOTHING",
    )
    .bind(kind.code())
    .bind(&columns.source)
    .bind(&columns.fact_id)
    .bind(&columns.customer_id)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if new == columns.source.len() as u64 {
        return Ok(HashMap::new());
    }
    list_columns(tx, kind, &columns).await
}

/// Those of `keys` that name a fact of another customer, and whose it is.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_others(
    connection: &mut PgConnection,
    kind: KeyedKind,
    keys: Vec<&FactKey>,
) -> Result<HashMap<FactKey, Owner>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    list_columns(connection, kind, &Columns::from_keys(keys)).await
}

async fn list_columns(
    connection: &mut PgConnection,
    kind: KeyedKind,
    columns: &Columns<'_>,
) -> Result<HashMap<FactKey, Owner>, StoreError> {
    let rows: Vec<OwnerRow> = sqlx::query_as(
        "SELECT sent.customer_id AS sent_for, k.source, k.fact_id, k.customer_id,
                coalesce(sent.customer_id = ANY(k.former_customers), false) AS is_moved
         FROM fact_keys AS k
         JOIN unnest($2::text[], $3::text[], $4::text[]) AS sent (source, fact_id, customer_id)
           ON k.source = sent.source AND k.fact_id = sent.fact_id
         WHERE k.kind = $1 AND k.customer_id <> sent.customer_id",
    )
    .bind(kind.code())
    .bind(&columns.source)
    .bind(&columns.fact_id)
    .bind(&columns.customer_id)
    .fetch_all(connection)
    .await?;
    let owners = rows.into_iter().map(|row| {
        let key = FactKey {
            customer_id: codes::customer_id(&row.sent_for)?,
            source: row.source.into(),
            id: row.fact_id.into(),
        };
        let owner = Owner {
            customer_id: codes::customer_id(&row.customer_id)?,
            is_moved: row.is_moved,
        };
        Ok((key, owner))
    });
    owners.collect()
}

/// Notes that facts are another customer's from now on; sent for the one who had them, they are known.
///
/// # Errors
/// When the database cannot be asked.
pub async fn move_to(tx: &mut PgConnection, moving: Moving<'_>) -> Result<(), StoreError> {
    let statement = "
        UPDATE fact_keys AS k
        SET customer_id = $5,
            former_customers = array_append(array_remove(array_remove(coalesce(k.former_customers, '{}'), $5), $4), $4)
        FROM unnest($2::text[], $3::text[]) AS moved (source, fact_id)
        WHERE k.source = moved.source AND k.fact_id = moved.fact_id AND k.kind = $1 AND k.customer_id IN ($4, $5)";
    update(tx, statement, moving).await
}

/// Notes that facts are the customer's again who had them, as if they had never been moved.
///
/// # Errors
/// When the database cannot be asked.
pub async fn move_back(tx: &mut PgConnection, moving: Moving<'_>) -> Result<(), StoreError> {
    let statement = "
        UPDATE fact_keys AS k
        SET customer_id = $5, former_customers = nullif(array_remove(array_remove(k.former_customers, $5), $4), '{}')
        FROM unnest($2::text[], $3::text[]) AS moved (source, fact_id)
        WHERE k.source = moved.source AND k.fact_id = moved.fact_id AND k.kind = $1 AND k.customer_id IN ($4, $5)";
    update(tx, statement, moving).await
}

/// Notes that facts of a customer were sent for another one: sent so again, they are known.
///
/// # Errors
/// When the database cannot be asked.
pub async fn note_sent_for(tx: &mut PgConnection, moving: Moving<'_>) -> Result<(), StoreError> {
    let statement = "
        UPDATE fact_keys AS k
        SET former_customers = array_append(array_remove(coalesce(k.former_customers, '{}'), $4), $4)
        FROM unnest($2::text[], $3::text[]) AS moved (source, fact_id)
        WHERE k.source = moved.source AND k.fact_id = moved.fact_id AND k.kind = $1 AND k.customer_id = $5";
    update(tx, statement, moving).await
}

async fn update(
    tx: &mut PgConnection,
    statement: &'static str,
    moving: Moving<'_>,
) -> Result<(), StoreError> {
    let (sources, ids) = moving.columns();
    sqlx::query(statement)
        .bind(moving.kind.code())
        .bind(sources)
        .bind(ids)
        .bind(moving.from.as_str())
        .bind(moving.to.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Frees the keys of facts that were withdrawn from customers at these versions: they may come again, for any customer. A contract of which an
/// observation is left keeps its key.
///
/// # Errors
/// When the database cannot be asked.
pub async fn free_withdrawn(
    tx: &mut PgConnection,
    versions: &HashMap<CustomerId, i64, impl BuildHasher>,
) -> Result<(), StoreError> {
    // While a large import is undone, what is withdrawn grows from nothing: Postgres takes the customers for most of it, and would read all of it each
    // time.
    sqlx::query("SET LOCAL enable_seqscan = off")
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "WITH freed AS (
         DELETE FROM fact_keys AS k
         USING (SELECT w.customer_id, w.kind, w.fact ->> 'source' AS source,
                       w.fact ->> CASE w.kind WHEN 1 THEN 'transaction_id' WHEN 2 THEN 'contact_id' ELSE 'contract_id' END AS fact_id
                FROM withdrawn_facts AS w
                JOIN unnest($1::text[], $2::bigint[]) AS now (customer_id, version)
                  ON w.customer_id = now.customer_id AND w.withdrawn_version = now.version
                WHERE w.customer_id = ANY($1) AND w.kind IN (1, 2, 3)) AS gone
         WHERE k.source = gone.source AND k.fact_id = gone.fact_id AND k.kind = gone.kind AND k.customer_id = gone.customer_id
           AND NOT EXISTS (SELECT 1 FROM contracts AS c
                           WHERE gone.kind = 3 AND c.customer_id = gone.customer_id AND c.source = gone.source
                             AND c.contract_id = gone.fact_id)
         RETURNING k.source, k.fact_id, k.kind)
         DELETE FROM fact_moves AS m
         USING freed
         WHERE m.source = freed.source AND m.fact_id = freed.fact_id AND m.kind = freed.kind",
    )
    .bind(versions.keys().map(CustomerId::as_str).collect::<Vec<_>>())
    .bind(versions.values().copied().collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    sqlx::query("SET LOCAL enable_seqscan = on")
        .execute(tx)
        .await?;
    Ok(())
}

/// Those of `customers` who have a fact whose source and id name a fact of another customer.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_with_others(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    separate: &[Label],
) -> Result<Vec<CustomerId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT f.customer_id
         FROM (SELECT customer_id, source, transaction_id AS fact_id, 1 AS kind FROM transactions WHERE customer_id = ANY($1)
               UNION ALL
               SELECT customer_id, source, contact_id, 2 FROM contacts WHERE customer_id = ANY($1)
               UNION ALL
               SELECT customer_id, source, contract_id, 3 FROM contracts WHERE customer_id = ANY($1)) AS f
         JOIN fact_keys AS k ON k.source = f.source AND k.fact_id = f.fact_id AND k.kind = f.kind
         WHERE k.customer_id <> f.customer_id AND NOT f.source = ANY($2)",
    )
    .bind(codes::id_array(customers))
    .bind(separate.iter().map(|source| &**source).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}
