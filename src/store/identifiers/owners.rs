//! Who is found by an identifier now: what the statements about it come to, by the identifier.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::{IdentifierDigest, list_held, stored_digest};
use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

/// Lets customers be found by identifiers exactly where the statements say so, after some of these came or were taken back.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn renew_owners(
    tx: &mut PgConnection,
    changed: &[(CustomerId, IdentifierDigest)],
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let customers: Vec<CustomerId> = changed.iter().map(|(id, _)| id.clone()).collect();
    let held = list_held(tx, &customers).await?;
    let is_held = |(customer, digest): &&(CustomerId, IdentifierDigest)| {
        let held = held.get(customer).map_or(&[][..], Vec::as_slice);
        held.iter().any(|one| one.digest == *digest)
    };
    let (begun, ended): (Vec<_>, Vec<_>) = changed.iter().partition(is_held);
    let ended = ended
        .into_iter()
        .map(|(customer, digest)| (customer, digest));
    delete_owners(tx, Owners::from_pairs(ended)).await?;
    let begun = begun
        .into_iter()
        .map(|(customer, digest)| (customer, digest));
    insert_owners(tx, Owners::from_pairs(begun)).await
}

/// The columns of customers and identifiers, one array each.
#[derive(Default)]
pub(super) struct Owners<'a> {
    customer_id: Vec<&'a str>,
    kind: Vec<i16>,
    digest: Vec<&'a [u8]>,
}

impl<'a> Owners<'a> {
    pub(super) fn from_pairs(
        pairs: impl Iterator<Item = (&'a CustomerId, &'a IdentifierDigest)>,
    ) -> Self {
        let mut columns = Self::default();
        for (customer, digest) in pairs {
            columns.customer_id.push(customer.as_str());
            columns.kind.push(codes::identifier_kind_code(digest.kind));
            columns.digest.push(&digest.digest);
        }
        columns
    }
}

pub(super) async fn delete_owners(
    tx: &mut PgConnection,
    columns: Owners<'_>,
) -> Result<(), StoreError> {
    if columns.digest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM identifier_owners AS owner
         USING unnest($1::text[], $2::smallint[], $3::bytea[]) AS ended (customer_id, kind, digest)
         WHERE owner.digest = ended.digest AND owner.kind = ended.kind AND owner.customer_id = ended.customer_id
           AND owner.digest = ANY($3)",
    )
    .bind(columns.customer_id)
    .bind(columns.kind)
    .bind(columns.digest)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn insert_owners(
    tx: &mut PgConnection,
    columns: Owners<'_>,
) -> Result<(), StoreError> {
    if columns.digest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO identifier_owners (digest, kind, customer_id)
         SELECT digest, kind, customer_id
         FROM unnest($1::text[], $2::smallint[], $3::bytea[]) AS begun (customer_id, kind, digest)
         ON CONFLICT (digest, kind, customer_id) DO NOTHING",
    )
    .bind(columns.customer_id)
    .bind(columns.kind)
    .bind(columns.digest)
    .execute(tx)
    .await?;
    Ok(())
}

struct OwnerRow {
    digest: Vec<u8>,
    kind: i16,
    customer_id: String,
}

crate::store::row::from_row!(OwnerRow {
    digest,
    kind,
    customer_id
});

/// Who is found by `digests`, by digest; those that find nobody are absent.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_owners(
    connection: &mut PgConnection,
    digests: &[IdentifierDigest],
) -> Result<HashMap<IdentifierDigest, Vec<CustomerId>>, StoreError> {
    let rows: Vec<OwnerRow> = sqlx::query_as(
        "SELECT digest, kind, customer_id
         FROM identifier_owners
         WHERE digest = ANY($1)
         ORDER BY customer_id COLLATE \"C\"",
    )
    .bind(
        digests
            .iter()
            .map(|digest| digest.digest.as_slice())
            .collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    let mut owners: HashMap<IdentifierDigest, Vec<CustomerId>> = HashMap::new();
    // Of a customer with several identifiers one id: it is held in memory once.
    let mut ids = HashSet::new();
    for row in rows {
        let digest = stored_digest(row.kind, row.digest)?;
        let id = codes::customer_id(&row.customer_id)?;
        let id = ids.get(&id).cloned().unwrap_or(id);
        ids.insert(id.clone());
        owners.entry(digest).or_default().push(id);
    }
    Ok(owners)
}

/// The identifiers that find `customers`, by customer, whatever was stated.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_owners_of(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, HashSet<IdentifierDigest>>, StoreError> {
    let rows: Vec<OwnerRow> = sqlx::query_as(
        "SELECT digest, kind, customer_id
         FROM identifier_owners
         WHERE customer_id = ANY($1)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut found: HashMap<CustomerId, HashSet<IdentifierDigest>> = HashMap::new();
    for row in rows {
        let digest = stored_digest(row.kind, row.digest)?;
        let of_customer = found.entry(codes::customer_id(&row.customer_id)?);
        of_customer.or_default().insert(digest);
    }
    Ok(found)
}
