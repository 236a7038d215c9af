//! Taking facts back: they move from their tables to `withdrawn_facts`, as they were. Facts of an import that were corrected since stay.
//!
//! One statement for each kind, over a slice of customers whose locks are held. Each returns the customers of what it took back, one for
//! each fact.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{
        codes,
        error::StoreError,
        identifiers::{self, IdentifierDigest},
        imports::ImportedKind,
        instant::Instant,
    },
};

/// What is taken back: all that an import wrote to some customers.
#[derive(Debug, Clone, Copy)]
pub struct Withdrawal<'a> {
    /// Number of the import.
    pub import: i64,
    /// The customers, and the first version of each profile without the facts.
    pub versions: &'a HashMap<CustomerId, i64>,
    /// The present instant.
    pub recorded_at: Timestamp,
}

/// What was taken back of a slice.
#[derive(Debug, Default)]
pub struct Withdrawn {
    /// How many facts of each kind of each customer.
    pub facts: Vec<(ImportedKind, CustomerId)>,
    /// The identifiers that began or ended with them.
    pub identifiers: Vec<(CustomerId, IdentifierDigest)>,
}

/// Takes the facts back.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn insert(
    tx: &mut PgConnection,
    withdrawal: Withdrawal<'_>,
) -> Result<Withdrawn, StoreError> {
    let mut withdrawn = Withdrawn::default();
    for (kind, statement) in [
        (ImportedKind::Transaction, TRANSACTIONS),
        (ImportedKind::Contact, CONTACTS),
        (ImportedKind::Contract, CONTRACTS),
        (ImportedKind::Attribute, ATTRIBUTES),
    ] {
        let ids: Vec<String> = bind(sqlx::query_scalar(statement), withdrawal)
            .fetch_all(&mut *tx)
            .await?;
        for id in ids {
            withdrawn.facts.push((kind, codes::customer_id(&id)?));
        }
    }
    let versions = withdrawal.versions;
    let rows: Vec<(String, i16, Vec<u8>)> = sqlx::query_as(IDENTIFIERS)
        .bind(withdrawal.import)
        .bind(versions.keys().map(CustomerId::as_str).collect::<Vec<_>>())
        .bind(versions.values().copied().collect::<Vec<_>>())
        .bind(Instant(withdrawal.recorded_at))
        .fetch_all(tx)
        .await?;
    for (id, kind, digest) in rows {
        let customer = codes::customer_id(&id)?;
        let digest = identifiers::stored_digest(kind, digest)?;
        withdrawn
            .facts
            .push((ImportedKind::Identifier, customer.clone()));
        withdrawn.identifiers.push((customer, digest));
    }
    Ok(withdrawn)
}

type Ids<'q> = sqlx::query::QueryScalar<'q, sqlx::Postgres, String, sqlx::postgres::PgArguments>;

fn bind<'q>(query: Ids<'q>, withdrawal: Withdrawal<'_>) -> Ids<'q> {
    let versions = withdrawal.versions;
    query
        .bind(withdrawal.import)
        .bind(
            versions
                .keys()
                .map(|id| id.as_str().to_owned())
                .collect::<Vec<_>>(),
        )
        .bind(versions.values().copied().collect::<Vec<_>>())
        .bind(Instant(withdrawal.recorded_at))
}

/// Kept is what a fact of another import, or one that is kept, takes back.
const TRANSACTIONS: &str = "
    WITH RECURSIVE written AS (
      SELECT customer_id, lower(versions) AS first_version, upper(versions) - 1 AS last_version
      FROM (SELECT customer_id, unnest(range_agg(int8range(first_version, last_version, '[]'))) AS versions
            FROM import_writes
            WHERE customer_id = ANY($2) AND import = $1 AND NOT undone
            GROUP BY customer_id) AS merged
    ), kept (customer_id, source, id) AS (
      SELECT t.customer_id, coalesce(t.original_source, t.source), t.original_id
      FROM transactions AS t
      WHERE t.customer_id = ANY($2) AND t.original_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM written AS w
                        WHERE w.customer_id = t.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version)
      UNION
      SELECT t.customer_id, coalesce(t.original_source, t.source), t.original_id
      FROM kept AS k
      JOIN transactions AS t ON t.customer_id = k.customer_id AND t.source = k.source AND t.transaction_id = k.id
      WHERE t.customer_id = ANY($2) AND t.original_id IS NOT NULL
    ), gone AS (
      DELETE FROM transactions AS t
      USING written AS w
      WHERE t.customer_id = ANY($2) AND t.customer_id = w.customer_id
        AND t.profile_version BETWEEN w.first_version AND w.last_version
        AND NOT EXISTS (SELECT 1 FROM kept AS k
                        WHERE k.customer_id = t.customer_id AND k.source = t.source AND k.id = t.transaction_id)
      RETURNING t.customer_id, t.profile_version, to_jsonb(t) AS fact
    )
    INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, import, fact, recorded_at)
    SELECT gone.customer_id, 1, gone.profile_version, now.version, $1, gone.fact, $4
    FROM gone
    JOIN unnest($2::text[], $3::bigint[]) AS now (customer_id, version) ON now.customer_id = gone.customer_id
    RETURNING customer_id";

/// As for transactions.
const CONTACTS: &str = "
    WITH RECURSIVE written AS (
      SELECT customer_id, lower(versions) AS first_version, upper(versions) - 1 AS last_version
      FROM (SELECT customer_id, unnest(range_agg(int8range(first_version, last_version, '[]'))) AS versions
            FROM import_writes
            WHERE customer_id = ANY($2) AND import = $1 AND NOT undone
            GROUP BY customer_id) AS merged
    ), kept (customer_id, source, id) AS (
      SELECT t.customer_id, t.source, t.retracts_id
      FROM contacts AS t
      WHERE t.customer_id = ANY($2) AND t.retracts_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM written AS w
                        WHERE w.customer_id = t.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version)
      UNION
      SELECT t.customer_id, t.source, t.retracts_id
      FROM kept AS k
      JOIN contacts AS t ON t.customer_id = k.customer_id AND t.source = k.source AND t.contact_id = k.id
      WHERE t.customer_id = ANY($2) AND t.retracts_id IS NOT NULL
    ), gone AS (
      DELETE FROM contacts AS t
      USING written AS w
      WHERE t.customer_id = ANY($2) AND t.customer_id = w.customer_id
        AND t.profile_version BETWEEN w.first_version AND w.last_version
        AND NOT EXISTS (SELECT 1 FROM kept AS k
                        WHERE k.customer_id = t.customer_id AND k.source = t.source AND k.id = t.contact_id)
      RETURNING t.customer_id, t.profile_version, to_jsonb(t) AS fact
    )
    INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, import, fact, recorded_at)
    SELECT gone.customer_id, 2, gone.profile_version, now.version, $1, gone.fact, $4
    FROM gone
    JOIN unnest($2::text[], $3::bigint[]) AS now (customer_id, version) ON now.customer_id = gone.customer_id
    RETURNING customer_id";

/// Kept is what was observed of a contract before a later observation of another import.
const CONTRACTS: &str = "
    WITH written AS (
      SELECT customer_id, lower(versions) AS first_version, upper(versions) - 1 AS last_version
      FROM (SELECT customer_id, unnest(range_agg(int8range(first_version, last_version, '[]'))) AS versions
            FROM import_writes
            WHERE customer_id = ANY($2) AND import = $1 AND NOT undone
            GROUP BY customer_id) AS merged
    ), gone AS (
      DELETE FROM contracts AS t
      USING written AS w
      WHERE t.customer_id = ANY($2) AND t.customer_id = w.customer_id
        AND t.profile_version BETWEEN w.first_version AND w.last_version
        AND NOT EXISTS (SELECT 1 FROM contracts AS later
                        WHERE later.customer_id = t.customer_id AND later.source = t.source
                          AND later.contract_id = t.contract_id AND later.profile_version > t.profile_version
                          AND NOT EXISTS (SELECT 1 FROM written AS o
                                          WHERE o.customer_id = later.customer_id
                                            AND later.profile_version BETWEEN o.first_version AND o.last_version))
      RETURNING t.customer_id, t.profile_version, to_jsonb(t) AS fact
    )
    INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, import, fact, recorded_at)
    SELECT gone.customer_id, 3, gone.profile_version, now.version, $1, gone.fact, $4
    FROM gone
    JOIN unnest($2::text[], $3::bigint[]) AS now (customer_id, version) ON now.customer_id = gone.customer_id
    RETURNING customer_id";

/// Kept is what another import corrected for the same day.
const ATTRIBUTES: &str = "
    WITH written AS (
      SELECT customer_id, lower(versions) AS first_version, upper(versions) - 1 AS last_version
      FROM (SELECT customer_id, unnest(range_agg(int8range(first_version, last_version, '[]'))) AS versions
            FROM import_writes
            WHERE customer_id = ANY($2) AND import = $1 AND NOT undone
            GROUP BY customer_id) AS merged
    ), gone AS (
      DELETE FROM attribute_values AS t
      USING written AS w
      WHERE t.customer_id = ANY($2) AND t.customer_id = w.customer_id
        AND t.profile_version BETWEEN w.first_version AND w.last_version
        AND NOT EXISTS (SELECT 1 FROM attribute_values AS later
                        WHERE later.customer_id = t.customer_id AND later.name = t.name
                          AND later.observed_on = t.observed_on AND later.profile_version > t.profile_version
                          AND NOT EXISTS (SELECT 1 FROM written AS o
                                          WHERE o.customer_id = later.customer_id
                                            AND later.profile_version BETWEEN o.first_version AND o.last_version))
      RETURNING t.customer_id, t.profile_version, to_jsonb(t) AS fact
    )
    INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, import, fact, recorded_at)
    SELECT gone.customer_id, 6, gone.profile_version, now.version, $1, gone.fact, $4
    FROM gone
    JOIN unnest($2::text[], $3::bigint[]) AS now (customer_id, version) ON now.customer_id = gone.customer_id
    RETURNING customer_id";

/// Kept is what another import changed of the same identifier since. Returns the identifiers too.
const IDENTIFIERS: &str = "
    WITH written AS (
      SELECT customer_id, lower(versions) AS first_version, upper(versions) - 1 AS last_version
      FROM (SELECT customer_id, unnest(range_agg(int8range(first_version, last_version, '[]'))) AS versions
            FROM import_writes
            WHERE customer_id = ANY($2) AND import = $1 AND NOT undone
            GROUP BY customer_id) AS merged
    ), gone AS (
      DELETE FROM identifiers AS t
      USING written AS w
      WHERE t.customer_id = ANY($2) AND t.customer_id = w.customer_id
        AND t.profile_version BETWEEN w.first_version AND w.last_version
        AND NOT EXISTS (SELECT 1 FROM identifiers AS later
                        WHERE later.customer_id = t.customer_id AND later.kind = t.kind
                          AND later.digest = t.digest AND later.profile_version > t.profile_version
                          AND NOT EXISTS (SELECT 1 FROM written AS o
                                          WHERE o.customer_id = later.customer_id
                                            AND later.profile_version BETWEEN o.first_version AND o.last_version))
      RETURNING t.customer_id, t.kind, t.digest, t.profile_version, to_jsonb(t) AS fact
    ), recorded AS (
      INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, import, fact, recorded_at)
      SELECT gone.customer_id, 7, gone.profile_version, now.version, $1, gone.fact, $4
      FROM gone
      JOIN unnest($2::text[], $3::bigint[]) AS now (customer_id, version) ON now.customer_id = gone.customer_id
    )
    SELECT customer_id, kind, digest FROM gone";

/// How many facts of an import `customers` still have, by kind: those that were corrected since, once the others were taken back.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn count_kept(
    tx: &mut PgConnection,
    import: i64,
    customers: &[CustomerId],
) -> Result<[(ImportedKind, i64); 5], StoreError> {
    let counts: (i64, i64, i64, i64, i64) = sqlx::query_as(
        "WITH written AS (
           SELECT customer_id, lower(versions) AS first_version, upper(versions) - 1 AS last_version
           FROM (SELECT customer_id, unnest(range_agg(int8range(first_version, last_version, '[]'))) AS versions
                 FROM import_writes
                 WHERE customer_id = ANY($2) AND import = $1 AND NOT undone
                 GROUP BY customer_id) AS merged
         )
         SELECT (SELECT count(*) FROM transactions AS t JOIN written AS w
                   ON t.customer_id = w.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
                 WHERE t.customer_id = ANY($2)),
                (SELECT count(*) FROM contacts AS t JOIN written AS w
                   ON t.customer_id = w.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
                 WHERE t.customer_id = ANY($2)),
                (SELECT count(*) FROM contracts AS t JOIN written AS w
                   ON t.customer_id = w.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
                 WHERE t.customer_id = ANY($2)),
                (SELECT count(*) FROM attribute_values AS t JOIN written AS w
                   ON t.customer_id = w.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
                 WHERE t.customer_id = ANY($2)),
                (SELECT count(*) FROM identifiers AS t JOIN written AS w
                   ON t.customer_id = w.customer_id AND t.profile_version BETWEEN w.first_version AND w.last_version
                 WHERE t.customer_id = ANY($2))",
    )
    .bind(import)
    .bind(codes::id_array(customers))
    .fetch_one(tx)
    .await?;
    Ok([
        (ImportedKind::Transaction, counts.0),
        (ImportedKind::Contact, counts.1),
        (ImportedKind::Contract, counts.2),
        (ImportedKind::Attribute, counts.3),
        (ImportedKind::Identifier, counts.4),
    ])
}
