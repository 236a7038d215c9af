//! The merges of customers: links from the customer who was merged to the other one. Ended ones stay on record.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::text::{CustomerId, Label},
    store::{codes, error::StoreError, instant::Instant},
};

/// A merge that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Number, in the order of recording.
    pub number: i64,
    /// The customer who was merged.
    pub customer_id: CustomerId,
    /// Into whom.
    pub into: CustomerId,
    /// First version of the profile with the facts of both.
    pub merged_version: i64,
    /// First version of both profiles after the end of the merge.
    pub unmerged_version: Option<i64>,
    /// Why.
    pub reason: Option<Label>,
    /// When it was recorded.
    pub merged_at: Timestamp,
    /// When it was ended.
    pub unmerged_at: Option<Timestamp>,
}

struct Row {
    number: i64,
    customer_id: String,
    into_customer_id: String,
    merged_version: i64,
    unmerged_version: Option<i64>,
    reason: Option<String>,
    merged_at: Instant,
    unmerged_at: Option<Instant>,
}

crate::store::row::from_row!(Row {
    number,
    customer_id,
    into_customer_id,
    merged_version,
    unmerged_version,
    reason,
    merged_at,
    unmerged_at
});

impl TryFrom<Row> for Merge {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.number,
            customer_id: codes::customer_id(&row.customer_id)?,
            into: codes::customer_id(&row.into_customer_id)?,
            merged_version: row.merged_version,
            unmerged_version: row.unmerged_version,
            reason: row.reason.map(Label::from),
            merged_at: row.merged_at.0,
            unmerged_at: row.unmerged_at.map(|at| at.0),
        })
    }
}

/// Records a merge. The caller holds the locks of both customers.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    (merged, into): (&CustomerId, &CustomerId),
    version: i64,
    reason: Option<&Label>,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO customer_merges (customer_id, into_customer_id, merged_version, reason, merged_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(merged.as_str())
    .bind(into.as_str())
    .bind(version)
    .bind(reason.map(|reason| &**reason))
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends the merge of a customer. The caller holds the locks of the customer and of the one with whose profile the facts are.
///
/// # Errors
/// When the database cannot be asked.
pub async fn update_ended(
    tx: &mut PgConnection,
    merged: &CustomerId,
    version: i64,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE customer_merges
         SET unmerged_version = $2, unmerged_at = $3
         WHERE customer_id = $1 AND unmerged_version IS NULL",
    )
    .bind(merged.as_str())
    .bind(version)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Into whom those of `customers` who are merged were merged.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_parents(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, CustomerId>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT customer_id, into_customer_id
         FROM customer_merges
         WHERE customer_id = ANY($1) AND unmerged_version IS NULL",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let rows = rows.iter();
    rows.map(|(id, into)| Ok((codes::customer_id(id)?, codes::customer_id(into)?)))
        .collect()
}

/// The customer at the end of the merges of each of those whose `parents` are known: with their profile is what is known of all on the way.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_roots(
    connection: &mut PgConnection,
    parents: impl IntoIterator<Item = (CustomerId, CustomerId)>,
) -> Result<HashMap<CustomerId, CustomerId>, StoreError> {
    let mut parents: HashMap<CustomerId, CustomerId> = parents.into_iter().collect();
    let merged: Vec<CustomerId> = parents.keys().cloned().collect();
    let mut next: Vec<CustomerId> = parents.values().cloned().collect();
    while !next.is_empty() {
        next.retain(|id| !parents.contains_key(id));
        let above = list_parents(connection, &next).await?;
        next = above.values().cloned().collect();
        parents.extend(above);
    }
    let root = |id: CustomerId| {
        let mut root = &parents[&id];
        while let Some(above) = parents.get(root) {
            root = above;
        }
        (id.clone(), root.clone())
    };
    Ok(merged.into_iter().map(root).collect())
}

/// All who are merged into each of `customers`, directly or by way of others, sorted; those into whom nobody is are absent.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_members(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<CustomerId>>, StoreError> {
    let mut roots: HashMap<CustomerId, CustomerId> = customers
        .iter()
        .map(|id| (id.clone(), id.clone()))
        .collect();
    let mut members: HashMap<CustomerId, Vec<CustomerId>> = HashMap::new();
    let mut next = customers.to_vec();
    while !next.is_empty() {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT customer_id, into_customer_id
             FROM customer_merges
             WHERE into_customer_id = ANY($1) AND unmerged_version IS NULL",
        )
        .bind(codes::id_array(&next))
        .fetch_all(&mut *connection)
        .await?;
        next.clear();
        for (id, into) in rows {
            let (id, into) = (codes::customer_id(&id)?, codes::customer_id(&into)?);
            let root = roots.get(&into).cloned().unwrap_or(into);
            // Who is named already, as one of `customers` or before, is not followed again.
            if roots.insert(id.clone(), root.clone()).is_none() {
                next.push(id.clone());
            }
            members.entry(root).or_default().push(id);
        }
    }
    for ids in members.values_mut() {
        ids.sort();
    }
    Ok(members)
}

/// The merge of a customer that has not ended.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn find(
    connection: &mut PgConnection,
    merged: &CustomerId,
) -> Result<Option<Merge>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT number, customer_id, into_customer_id, merged_version, unmerged_version, reason, merged_at, unmerged_at
         FROM customer_merges
         WHERE customer_id = $1 AND unmerged_version IS NULL",
    )
    .bind(merged.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(Merge::try_from).transpose()
}

/// At most `limit` merges with numbers below `before`, the last recorded first: all, or those of one customer, in either role.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customer: Option<&CustomerId>,
    before: i64,
    limit: i64,
) -> Result<Vec<Merge>, StoreError> {
    let rows: Vec<Row> = match customer {
        None => {
            sqlx::query_as(
                "SELECT number, customer_id, into_customer_id, merged_version, unmerged_version, reason, merged_at, unmerged_at
                 FROM customer_merges
                 WHERE number < $1
                 ORDER BY number DESC
                 LIMIT $2",
            )
            .bind(before)
            .bind(limit)
            .fetch_all(connection)
            .await?
        }
        Some(customer) => {
            sqlx::query_as(
                "SELECT number, customer_id, into_customer_id, merged_version, unmerged_version, reason, merged_at, unmerged_at
                 FROM customer_merges
                 WHERE (customer_id = $1 OR into_customer_id = $1) AND number < $2
                 ORDER BY number DESC
                 LIMIT $3",
            )
            .bind(customer.as_str())
            .bind(before)
            .bind(limit)
            .fetch_all(connection)
            .await?
        }
    };
    rows.into_iter().map(Merge::try_from).collect()
}
