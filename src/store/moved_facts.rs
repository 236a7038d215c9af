//! Facts that go from one customer to another: they leave their tables as withdrawn ones do, and stay on record as what they were.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::text::{CustomerId, Label},
    store::{error::StoreError, fact_keys::KeyedKind, instant::Instant},
};

/// What leaves a customer.
#[derive(Debug, Clone, Copy)]
pub struct Leaving<'a> {
    /// The customer.
    pub customer_id: &'a CustomerId,
    /// Sources and ids of the facts.
    pub names: &'a [(Label, Label)],
    /// The first version of the profile without them.
    pub withdrawn_version: i64,
    /// The present instant.
    pub recorded_at: Timestamp,
}

const TRANSACTIONS: &str = "
    WITH gone AS (
      DELETE FROM transactions AS t
      USING unnest($2::text[], $3::text[]) AS name (source, id)
      WHERE t.customer_id = $1 AND t.source = name.source AND t.transaction_id = name.id
      RETURNING t.customer_id, t.source, t.transaction_id AS id, t.profile_version, to_jsonb(t) AS fact
    ), noted AS (
      INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, fact, recorded_at)
      SELECT customer_id, 1, profile_version, $4, fact, $5
      FROM gone
    )
    SELECT source, id, profile_version FROM gone";

const CONTACTS: &str = "
    WITH gone AS (
      DELETE FROM contacts AS t
      USING unnest($2::text[], $3::text[]) AS name (source, id)
      WHERE t.customer_id = $1 AND t.source = name.source AND t.contact_id = name.id
      RETURNING t.customer_id, t.source, t.contact_id AS id, t.profile_version, to_jsonb(t) AS fact
    ), noted AS (
      INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, fact, recorded_at)
      SELECT customer_id, 2, profile_version, $4, fact, $5
      FROM gone
    )
    SELECT source, id, profile_version FROM gone";

const CONTRACTS: &str = "
    WITH gone AS (
      DELETE FROM contracts AS t
      USING unnest($2::text[], $3::text[]) AS name (source, id)
      WHERE t.customer_id = $1 AND t.source = name.source AND t.contract_id = name.id
      RETURNING t.customer_id, t.source, t.contract_id AS id, t.profile_version, to_jsonb(t) AS fact
    ), noted AS (
      INSERT INTO withdrawn_facts (customer_id, kind, profile_version, withdrawn_version, fact, recorded_at)
      SELECT customer_id, 3, profile_version, $4, fact, $5
      FROM gone
    )
    SELECT source, id, profile_version FROM gone";

/// Takes facts of a kind out of their table. Returns source, id and the first version of the profile that contained each.
///
/// # Errors
/// When the database cannot be asked.
pub async fn take_out(
    tx: &mut PgConnection,
    kind: KeyedKind,
    leaving: Leaving<'_>,
) -> Result<Vec<(Label, Label, i64)>, StoreError> {
    let statement = match kind {
        KeyedKind::Transaction => TRANSACTIONS,
        KeyedKind::Contact => CONTACTS,
        KeyedKind::Contract => CONTRACTS,
    };
    let names = leaving.names.iter();
    let rows: Vec<(String, String, i64)> = sqlx::query_as(statement)
        .bind(leaving.customer_id.as_str())
        .bind(
            names
                .clone()
                .map(|(source, _)| &**source)
                .collect::<Vec<_>>(),
        )
        .bind(names.map(|(_, id)| &**id).collect::<Vec<_>>())
        .bind(leaving.withdrawn_version)
        .bind(Instant(leaving.recorded_at))
        .fetch_all(tx)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(source, id, version)| (source.into(), id.into(), version))
        .collect())
}

/// Gives the recorded ends of contacts to the customer to whom the contacts go; where that one has one of the same contact, it stays.
///
/// # Errors
/// When the database cannot be asked.
pub async fn move_outcomes(
    tx: &mut PgConnection,
    leaving: Leaving<'_>,
    to: &CustomerId,
) -> Result<(), StoreError> {
    let names = leaving.names.iter();
    sqlx::query(
        "WITH gone AS (
           DELETE FROM contact_outcomes AS t
           USING unnest($2::text[], $3::text[]) AS name (source, id)
           WHERE t.customer_id = $1 AND t.source = name.source AND t.contact_id = name.id
           RETURNING t.source, t.contact_id, t.day, t.occurred_at, t.channel, t.topic, t.queue, t.agent, t.transferred,
                     t.resolved_first, t.satisfaction, t.effort, t.duration_seconds, t.recorded_at
         )
         INSERT INTO contact_outcomes
           (customer_id, source, contact_id, day, occurred_at, channel, topic, queue, agent, transferred, resolved_first,
            satisfaction, effort, duration_seconds, recorded_at)
         SELECT $4, source, contact_id, day, occurred_at, channel, topic, queue, agent, transferred, resolved_first,
                satisfaction, effort, duration_seconds, recorded_at
         FROM gone
         ON CONFLICT (customer_id, source, contact_id) DO NOTHING",
    )
    .bind(leaving.customer_id.as_str())
    .bind(names.clone().map(|(source, _)| &**source).collect::<Vec<_>>())
    .bind(names.map(|(_, id)| &**id).collect::<Vec<_>>())
    .bind(to.as_str())
    .execute(tx)
    .await?;
    Ok(())
}
