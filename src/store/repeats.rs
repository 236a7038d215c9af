//! Facts that an import or call sent although they were recorded already: they stay when the import that wrote them is undone.
//!
//! Noted are only facts that another import wrote: no other is ever taken back with an import. Of each fact at most three imports are noted; a
//! fourth one lets it stay for good, so that notes do not grow with every nightly export.

use std::{collections::BTreeMap, fmt::Write as _};

use sqlx::PgConnection;

use crate::{
    domain::{
        customer::facts::FactKey,
        text::{CustomerId, Label},
    },
    store::{
        codes,
        error::StoreError,
        fact_keys::KeyedKind,
        identifiers::{IdentifierDigest, IdentifierState},
        imports::ImportedKind,
    },
};

/// In the place of an import: a call without one.
pub const NO_IMPORT: i64 = 0;

/// A recorded fact that was sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedFact {
    kind: ImportedKind,
    customer_id: CustomerId,
    source: String,
    id: String,
    /// Version of the profile that first contains the fact.
    profile_version: i64,
}

impl RepeatedFact {
    /// An observation of an attribute.
    #[must_use]
    pub fn attribute(customer_id: &CustomerId, name: &str, profile_version: i64) -> Self {
        Self {
            kind: ImportedKind::Attribute,
            customer_id: customer_id.clone(),
            source: String::new(),
            id: name.to_owned(),
            profile_version,
        }
    }

    /// An observation of a contract.
    #[must_use]
    pub fn contract(key: &FactKey, profile_version: i64) -> Self {
        Self {
            kind: ImportedKind::Contract,
            customer_id: key.customer_id.clone(),
            source: key.source.to_string(),
            id: key.id.to_string(),
            profile_version,
        }
    }

    /// A statement about an identifier.
    #[must_use]
    pub fn identifier(customer_id: &CustomerId, state: &IdentifierState) -> Self {
        let (source, id) = identifier_columns(&state.digest);
        Self {
            kind: ImportedKind::Identifier,
            customer_id: customer_id.clone(),
            source,
            id,
            profile_version: state.profile_version,
        }
    }
}

/// An identifier as its statements are noted.
fn identifier_columns(digest: &IdentifierDigest) -> (String, String) {
    let (kind, digest) = digest.columns();
    let id = digest.iter().fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    });
    (kind.to_string(), id)
}

/// Notes that `import` sent recorded facts again. Says whether any note is new.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    import: i64,
    facts: &[RepeatedFact],
) -> Result<bool, StoreError> {
    if facts.is_empty() {
        return Ok(false);
    }
    let facts = facts.iter();
    let noted = sqlx::query_scalar(
        "WITH noted AS (
           INSERT INTO import_repeats (customer_id, kind, source, id, profile_version, import)
           SELECT t.customer_id, t.kind, t.source, t.id, t.profile_version, CASE WHEN known.count < 3 THEN $1 ELSE 0 END
           FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::bigint[])
             AS t (customer_id, kind, source, id, profile_version)
           JOIN import_writes AS w
             ON w.customer_id = t.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
           CROSS JOIN LATERAL (SELECT count(*) AS count, coalesce(bool_or(r.import IN (0, $1)), false) AS stays
                               FROM import_repeats AS r
                               WHERE r.customer_id = t.customer_id AND r.kind = t.kind AND r.source = t.source AND r.id = t.id
                                 AND r.profile_version = t.profile_version) AS known
           WHERE w.import <> $1 AND NOT known.stays
           ON CONFLICT DO NOTHING
           RETURNING customer_id, import
         ), visited AS (
           INSERT INTO import_writes (customer_id, import, first_version, last_version)
           SELECT DISTINCT customer_id, import, 0, -1 FROM noted WHERE import <> 0
           ON CONFLICT DO NOTHING
         )
         SELECT EXISTS (SELECT 1 FROM noted)",
    )
    .bind(import)
    .bind(facts.clone().map(|it| it.customer_id.as_str()).collect::<Vec<_>>())
    .bind(facts.clone().map(|it| it.kind.code()).collect::<Vec<_>>())
    .bind(facts.clone().map(|it| it.source.as_str()).collect::<Vec<_>>())
    .bind(facts.clone().map(|it| it.id.as_str()).collect::<Vec<_>>())
    .bind(facts.map(|it| it.profile_version).collect::<Vec<_>>())
    .fetch_one(tx)
    .await?;
    Ok(noted)
}

/// Notes that `import` sent recorded transactions again. Says whether any note is new.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert_transactions(
    tx: &mut PgConnection,
    import: i64,
    keys: &[&FactKey],
) -> Result<bool, StoreError> {
    let statement = "
        WITH noted AS (
          INSERT INTO import_repeats (customer_id, kind, source, id, profile_version, import)
          SELECT t.customer_id, 1, t.source, t.transaction_id, t.profile_version, CASE WHEN known.count < 3 THEN $1 ELSE 0 END
          FROM unnest($2::text[], $3::text[], $4::text[]) AS key (customer_id, source, id)
          JOIN transactions AS t ON t.customer_id = key.customer_id AND t.source = key.source AND t.transaction_id = key.id
          JOIN import_writes AS w
            ON w.customer_id = t.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
          CROSS JOIN LATERAL (SELECT count(*) AS count, coalesce(bool_or(r.import IN (0, $1)), false) AS stays
                              FROM import_repeats AS r
                              WHERE r.customer_id = t.customer_id AND r.kind = 1 AND r.source = t.source AND r.id = t.transaction_id
                                AND r.profile_version = t.profile_version) AS known
          WHERE t.customer_id = ANY($5) AND w.import <> $1 AND NOT known.stays
          ON CONFLICT DO NOTHING
          RETURNING customer_id, import
        ), visited AS (
          INSERT INTO import_writes (customer_id, import, first_version, last_version)
          SELECT DISTINCT customer_id, import, 0, -1 FROM noted WHERE import <> 0
          ON CONFLICT DO NOTHING
        )
        SELECT EXISTS (SELECT 1 FROM noted)";
    insert_keys(tx, statement, import, keys).await
}

/// The same of contacts.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert_contacts(
    tx: &mut PgConnection,
    import: i64,
    keys: &[&FactKey],
) -> Result<bool, StoreError> {
    let statement = "
        WITH noted AS (
          INSERT INTO import_repeats (customer_id, kind, source, id, profile_version, import)
          SELECT t.customer_id, 2, t.source, t.contact_id, t.profile_version, CASE WHEN known.count < 3 THEN $1 ELSE 0 END
          FROM unnest($2::text[], $3::text[], $4::text[]) AS key (customer_id, source, id)
          JOIN contacts AS t ON t.customer_id = key.customer_id AND t.source = key.source AND t.contact_id = key.id
          JOIN import_writes AS w
            ON w.customer_id = t.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
          CROSS JOIN LATERAL (SELECT count(*) AS count, coalesce(bool_or(r.import IN (0, $1)), false) AS stays
                              FROM import_repeats AS r
                              WHERE r.customer_id = t.customer_id AND r.kind = 2 AND r.source = t.source AND r.id = t.contact_id
                                AND r.profile_version = t.profile_version) AS known
          WHERE t.customer_id = ANY($5) AND w.import <> $1 AND NOT known.stays
          ON CONFLICT DO NOTHING
          RETURNING customer_id, import
        ), visited AS (
          INSERT INTO import_writes (customer_id, import, first_version, last_version)
          SELECT DISTINCT customer_id, import, 0, -1 FROM noted WHERE import <> 0
          ON CONFLICT DO NOTHING
        )
        SELECT EXISTS (SELECT 1 FROM noted)";
    insert_keys(tx, statement, import, keys).await
}

async fn insert_keys(
    tx: &mut PgConnection,
    statement: &'static str,
    import: i64,
    keys: &[&FactKey],
) -> Result<bool, StoreError> {
    if keys.is_empty() {
        return Ok(false);
    }
    // Each once: for more the planner expects more facts, and reads all of them.
    let mut customers: Vec<&str> = keys.iter().map(|key| key.customer_id.as_str()).collect();
    customers.sort_unstable();
    customers.dedup();
    let noted = sqlx::query_scalar(statement)
        .bind(import)
        .bind(
            keys.iter()
                .map(|key| key.customer_id.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(keys.iter().map(|key| &*key.source).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| &*key.id).collect::<Vec<_>>())
        .bind(customers)
        .fetch_one(tx)
        .await?;
    Ok(noted)
}

/// Forgets what an import, which is being undone, repeated of the facts of `customers`. Returns the kinds of these facts.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn delete(
    tx: &mut PgConnection,
    import: i64,
    customers: &[CustomerId],
) -> Result<Vec<ImportedKind>, StoreError> {
    let kinds: Vec<i16> = sqlx::query_scalar(
        "WITH gone AS (
           DELETE FROM import_repeats WHERE customer_id = ANY($2) AND import = $1 RETURNING kind
         )
         SELECT DISTINCT kind FROM gone",
    )
    .bind(import)
    .bind(codes::id_array(customers))
    .fetch_all(tx)
    .await?;
    kinds.into_iter().map(ImportedKind::from_code).collect()
}

/// Lets the facts that went from one customer to another stay noted as repeated: `versions` are those that first contained them, with the new
/// ones.
///
/// # Errors
/// When the database cannot be asked.
pub async fn move_to(
    tx: &mut PgConnection,
    kind: KeyedKind,
    names: &[(Label, Label)],
    (from, to): (&CustomerId, &CustomerId),
    versions: &BTreeMap<i64, i64>,
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH gone AS (
           DELETE FROM import_repeats AS r
           USING unnest($6::text[], $7::text[]) AS name (source, id)
           WHERE r.customer_id = $1 AND r.kind = $3 AND r.source = name.source AND r.id = name.id
           RETURNING r.source, r.id, r.profile_version, r.import
         ), moved AS (
           INSERT INTO import_repeats (customer_id, kind, source, id, profile_version, import)
           SELECT $2, $3, gone.source, gone.id, now.version, gone.import
           FROM gone
           JOIN unnest($4::bigint[], $5::bigint[]) AS now (was, version) ON now.was = gone.profile_version
           ON CONFLICT DO NOTHING
         )
         INSERT INTO import_writes (customer_id, import, first_version, last_version)
         SELECT DISTINCT $2, import, 0, -1 FROM gone WHERE import <> 0
         ON CONFLICT DO NOTHING",
    )
    .bind(from.as_str())
    .bind(to.as_str())
    .bind(kind.code())
    .bind(versions.keys().copied().collect::<Vec<_>>())
    .bind(versions.values().copied().collect::<Vec<_>>())
    .bind(names.iter().map(|(source, _)| &**source).collect::<Vec<_>>())
    .bind(names.iter().map(|(_, id)| &**id).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
