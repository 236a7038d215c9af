//! The names by which customers are found. Values are kept as keyed digests: who steals the database cannot try all phone numbers
//! against it without the key, which is not in it.

mod groups;
mod key;

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

pub use self::groups::renew_group_owners;
pub(super) use self::key::stored_digest;
pub use self::key::{IdentifierDigest, IdentifierKey};

use crate::{
    domain::{
        calendar::Day,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, instant::Instant},
};

/// An identifier that begins or ends on a customer.
#[derive(Debug, Clone)]
pub struct IdentifierFact {
    /// The customer.
    pub customer_id: CustomerId,
    /// The identifier, digested.
    pub digest: IdentifierDigest,
    /// What may be shown of it.
    pub display: String,
    /// Whether it begins or ends.
    pub begins: bool,
    /// Day on which the source saw it.
    pub observed_on: Day,
    /// The system that stated it.
    pub source: Option<Label>,
    /// Version of the profile that first contains the fact.
    pub profile_version: i64,
}

/// Records, in their order, that identifiers begin and end, and who is found by them from now on.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    facts: &[IdentifierFact],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    let columns = Owners::from_facts(facts.iter());
    sqlx::query(
        "INSERT INTO identifiers (customer_id, kind, digest, profile_version, begins, display, observed_on, source, recorded_at)
         SELECT customer_id, kind, digest, profile_version, begins, display, observed_on, source, $9
         FROM unnest($1::text[], $2::smallint[], $3::bytea[], $4::bigint[], $5::boolean[], $6::text[], $7::integer[], $8::text[])
           AS new (customer_id, kind, digest, profile_version, begins, display, observed_on, source)",
    )
    .bind(columns.customer_id)
    .bind(columns.kind)
    .bind(columns.digest)
    .bind(facts.iter().map(|fact| fact.profile_version).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.begins).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.display.as_str()).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.observed_on.number()).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.source.as_deref()).collect::<Vec<_>>())
    .bind(Instant(recorded_at))
    .execute(&mut *tx)
    .await?;
    // Of several facts of one customer and identifier, the last one holds.
    let last: HashMap<_, _> = facts
        .iter()
        .map(|fact| ((&fact.customer_id, fact.digest), fact))
        .collect();
    delete_owners(
        tx,
        Owners::from_facts(last.values().copied().filter(|fact| !fact.begins)),
    )
    .await?;
    insert_owners(
        tx,
        Owners::from_facts(last.values().copied().filter(|fact| fact.begins)),
    )
    .await
}

/// Lets customers be found by identifiers exactly where the facts say so, after some of these were taken back.
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
struct Owners<'a> {
    customer_id: Vec<&'a str>,
    kind: Vec<i16>,
    digest: Vec<&'a [u8]>,
}

impl<'a> Owners<'a> {
    fn from_pairs(pairs: impl Iterator<Item = (&'a CustomerId, &'a IdentifierDigest)>) -> Self {
        let mut columns = Self::default();
        for (customer, digest) in pairs {
            columns.customer_id.push(customer.as_str());
            columns.kind.push(codes::identifier_kind_code(digest.kind));
            columns.digest.push(&digest.digest);
        }
        columns
    }

    fn from_facts(facts: impl Iterator<Item = &'a IdentifierFact>) -> Self {
        Self::from_pairs(facts.map(|fact| (&fact.customer_id, &fact.digest)))
    }
}

async fn delete_owners(tx: &mut PgConnection, columns: Owners<'_>) -> Result<(), StoreError> {
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

async fn insert_owners(tx: &mut PgConnection, columns: Owners<'_>) -> Result<(), StoreError> {
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
    for row in rows {
        let digest = stored_digest(row.kind, row.digest)?;
        let found = owners.entry(digest).or_default();
        found.push(codes::customer_id(&row.customer_id)?);
    }
    Ok(owners)
}

struct HeldRow {
    customer_id: String,
    kind: i16,
    digest: Vec<u8>,
    display: String,
}

crate::store::row::from_row!(HeldRow {
    customer_id,
    kind,
    digest,
    display
});

/// An identifier by which a customer is found now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldIdentifier {
    /// The identifier, digested.
    pub digest: IdentifierDigest,
    /// What may be shown of it.
    pub display: String,
}

struct StateRow {
    customer_id: String,
    kind: i16,
    digest: Vec<u8>,
    display: String,
    begins: bool,
    observed_on: i32,
    source: Option<String>,
}

crate::store::row::from_row!(StateRow {
    customer_id,
    kind,
    digest,
    display,
    begins,
    observed_on,
    source
});

/// What was last recorded of each identifier that ever began or ended on `customers`, by customer.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_states(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<IdentifierState>>, StoreError> {
    let rows: Vec<StateRow> = sqlx::query_as(
        "SELECT DISTINCT ON (customer_id, kind, digest) customer_id, kind, digest, display, begins, source,
                coalesce(observed_on, (recorded_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01') AS observed_on
         FROM identifiers
         WHERE customer_id = ANY($1)
         ORDER BY customer_id, kind, digest, profile_version DESC",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut states: HashMap<CustomerId, Vec<IdentifierState>> = HashMap::new();
    for row in rows {
        let digest = stored_digest(row.kind, row.digest)?;
        let of_customer = states.entry(codes::customer_id(&row.customer_id)?);
        of_customer.or_default().push(IdentifierState {
            digest,
            display: row.display,
            begins: row.begins,
            observed_on: codes::day(row.observed_on)?,
            source: row.source.as_deref().map(Label::from),
        });
    }
    Ok(states)
}

/// What was last recorded of an identifier of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierState {
    /// The identifier, digested.
    pub digest: IdentifierDigest,
    /// What may be shown of it.
    pub display: String,
    /// Whether the customer is found by it.
    pub begins: bool,
    /// Day on which the source saw it.
    pub observed_on: Day,
    /// The system that stated it.
    pub source: Option<Label>,
}

/// The identifiers by which `customers` are found now, by customer.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_held(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<HeldIdentifier>>, StoreError> {
    let rows: Vec<HeldRow> = sqlx::query_as(
        "SELECT customer_id, kind, digest, display
         FROM (SELECT DISTINCT ON (customer_id, kind, digest) customer_id, kind, digest, display, begins
               FROM identifiers
               WHERE customer_id = ANY($1)
               ORDER BY customer_id, kind, digest, profile_version DESC) AS latest
         WHERE begins
         ORDER BY customer_id, kind, display COLLATE \"C\"",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut held: HashMap<CustomerId, Vec<HeldIdentifier>> = HashMap::new();
    for row in rows {
        let digest = stored_digest(row.kind, row.digest)?;
        held.entry(codes::customer_id(&row.customer_id)?)
            .or_default()
            .push(HeldIdentifier {
                digest,
                display: row.display,
            });
    }
    Ok(held)
}
