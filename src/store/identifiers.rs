//! The names by which customers are found. Values are kept as keyed digests: who steals the database cannot try all phone numbers
//! against it without the key, which is not in it.

mod groups;
mod key;
mod owners;

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

pub use self::groups::renew_group_owners;
pub(super) use self::key::stored_digest;
pub use self::key::{IdentifierDigest, IdentifierKey};
pub use self::owners::{list_owners, list_owners_of, renew_owners};

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
    /// Whether an end holds for all sources.
    pub of_all_sources: bool,
    /// Version of the profile that first contains the fact.
    pub profile_version: i64,
}

/// Records statements that identifiers begin and end, and who is found by them from now on.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn insert(
    tx: &mut PgConnection,
    facts: &[IdentifierFact],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO identifiers
           (customer_id, kind, digest, profile_version, begins, display, observed_on, source, of_all_sources, recorded_at)
         SELECT customer_id, kind, digest, profile_version, begins, display, observed_on, source, of_all_sources, $10
         FROM unnest($1::text[], $2::smallint[], $3::bytea[], $4::bigint[], $5::boolean[], $6::text[], $7::integer[], $8::text[], $9::boolean[])
           AS new (customer_id, kind, digest, profile_version, begins, display, observed_on, source, of_all_sources)",
    )
    .bind(facts.iter().map(|fact| fact.customer_id.as_str()).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| codes::identifier_kind_code(fact.digest.kind)).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.digest.digest.as_slice()).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.profile_version).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.begins).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.display.as_str()).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.observed_on.number()).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.source.as_deref()).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.of_all_sources).collect::<Vec<_>>())
    .bind(Instant(recorded_at))
    .execute(&mut *tx)
    .await?;
    let mut changed: Vec<_> = facts
        .iter()
        .map(|fact| (fact.customer_id.clone(), fact.digest))
        .collect();
    changed.dedup();
    renew_owners(tx, &changed).await
}

struct StatementRow {
    customer_id: String,
    kind: i16,
    digest: Vec<u8>,
    display: String,
    begins: bool,
    observed_on: i32,
    source: Option<String>,
    of_all_sources: bool,
    is_canonical: bool,
    profile_version: i64,
}

crate::store::row::from_row!(StatementRow {
    customer_id,
    kind,
    digest,
    display,
    begins,
    observed_on,
    source,
    of_all_sources,
    is_canonical,
    profile_version
});

/// A recorded statement about an identifier of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierState {
    /// The identifier, digested.
    pub digest: IdentifierDigest,
    /// What may be shown of it.
    pub display: String,
    /// Whether it begins or ends.
    pub begins: bool,
    /// Day on which the source saw it.
    pub observed_on: Day,
    /// The system that stated it; not known is one system.
    pub source: Option<Label>,
    /// Whether an end holds for all sources.
    pub of_all_sources: bool,
    /// Whether the digest is known to be of the canonical form. Those of phone numbers that earlier versions stored may be of another one.
    pub is_canonical: bool,
    /// Version of the profile that first contains the statement.
    pub profile_version: i64,
}

impl IdentifierState {
    /// Of two statements the one of the later day counts, and of one day the one that was recorded later.
    #[must_use]
    pub fn position(&self) -> (Day, i64) {
        (self.observed_on, self.profile_version)
    }

    /// Whether the statement tells what a source knows.
    #[must_use]
    pub fn is_of(&self, source: Option<&Label>) -> bool {
        self.of_all_sources || self.source.as_ref() == source
    }
}

/// Whether a customer is found by an identifier, by the statements about it: the last one of at least one source is that it begins.
fn is_held(statements: &[&IdentifierState]) -> bool {
    let begun = statements.iter().filter(|it| it.begins);
    let is_ended = |begun: &IdentifierState| {
        let mut ends = statements.iter().filter(|it| !it.begins);
        ends.any(|end| end.is_of(begun.source.as_ref()) && end.position() > begun.position())
    };
    begun.into_iter().any(|begun| !is_ended(begun))
}

/// All statements about the identifiers of `customers`, by customer, in the order of recording.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_states(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<IdentifierState>>, StoreError> {
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<StatementRow> = sqlx::query_as(
        "SELECT customer_id, kind, digest, display, begins, source, of_all_sources, is_canonical, profile_version,
                coalesce(observed_on, (recorded_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01') AS observed_on
         FROM identifiers
         WHERE customer_id = ANY($1)
         ORDER BY customer_id, profile_version",
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
            of_all_sources: row.of_all_sources,
            is_canonical: row.is_canonical,
            profile_version: row.profile_version,
        });
    }
    Ok(states)
}

/// An identifier by which a customer is found now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldIdentifier {
    /// The identifier, digested.
    pub digest: IdentifierDigest,
    /// What may be shown of it.
    pub display: String,
    /// Whether the digest is known to be of the canonical form.
    pub is_canonical: bool,
    /// The system that stated last that it begins.
    pub source: Option<Label>,
}

/// The identifiers by which `customers` are found now, by customer, in the order of their kinds and of what may be shown.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_held(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<HeldIdentifier>>, StoreError> {
    let states = list_states(connection, customers).await?;
    let of_customers = states.into_iter().map(|(id, states)| (id, held(&states)));
    Ok(of_customers.filter(|(_, held)| !held.is_empty()).collect())
}

/// The identifiers that the statements of one customer leave them with.
fn held(states: &[IdentifierState]) -> Vec<HeldIdentifier> {
    let mut by_digest: HashMap<IdentifierDigest, Vec<&IdentifierState>> = HashMap::new();
    for state in states {
        by_digest.entry(state.digest).or_default().push(state);
    }
    let held = by_digest.into_iter().filter(|(_, it)| is_held(it));
    let mut held: Vec<HeldIdentifier> = held
        .filter_map(|(digest, statements)| {
            let begun = statements.iter().rev().find(|it| it.begins)?;
            Some(HeldIdentifier {
                digest,
                display: statements.last()?.display.clone(),
                is_canonical: statements.iter().any(|it| it.is_canonical && it.begins),
                source: begun.source.clone(),
            })
        })
        .collect();
    let order = |it: &HeldIdentifier| {
        let kind = codes::identifier_kind_code(it.digest.kind);
        (kind, it.display.clone(), it.digest.digest)
    };
    held.sort_by_cached_key(order);
    held
}
