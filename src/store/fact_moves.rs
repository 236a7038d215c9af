//! Which facts went from one customer to another, in order, and which imports moved them.

use sqlx::PgConnection;

use crate::{
    domain::text::{CustomerId, Label},
    store::{codes, error::StoreError, fact_keys::KeyedKind},
};

/// Facts of a kind that go from one customer to another.
#[derive(Debug, Clone, Copy)]
pub struct Moving<'a> {
    /// Which sort of fact.
    pub kind: KeyedKind,
    /// Sources and ids of the facts.
    pub names: &'a [(Label, Label)],
    /// Who has them.
    pub from: &'a CustomerId,
    /// Who is to have them.
    pub to: &'a CustomerId,
}

impl Moving<'_> {
    /// Their sources and their ids.
    pub(super) fn columns(&self) -> (Vec<&str>, Vec<&str>) {
        let names = self.names.iter();
        names.map(|(source, id)| (&**source, &**id)).unzip()
    }
}

/// Notes that facts are moved, by an import or by none.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    moving: Moving<'_>,
    import: Option<i64>,
) -> Result<(), StoreError> {
    let (sources, ids) = moving.columns();
    sqlx::query(
        "INSERT INTO fact_moves (source, fact_id, kind, from_customer_id, to_customer_id, import)
         SELECT source, fact_id, $1, $4, $5, $6
         FROM unnest($2::text[], $3::text[]) AS moved (source, fact_id)",
    )
    .bind(moving.kind.code())
    .bind(sources)
    .bind(ids)
    .bind(moving.from.as_str())
    .bind(moving.to.as_str())
    .bind(import)
    .execute(tx)
    .await?;
    Ok(())
}

/// A fact that an import moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedFact {
    /// Which sort of fact.
    pub kind: KeyedKind,
    /// The system that recorded it.
    pub source: Label,
    /// Its id there.
    pub id: Label,
    /// Who has it; `None` where it is gone.
    pub owner: Option<CustomerId>,
    /// Who would have it without the import.
    pub otherwise: CustomerId,
}

struct MovedRow {
    source: String,
    fact_id: String,
    kind: i16,
    customer_id: Option<String>,
    otherwise: String,
}

crate::store::row::from_row!(MovedRow {
    source,
    fact_id,
    kind,
    customer_id,
    otherwise
});

/// How many facts are elsewhere than they would be without an import.
///
/// # Errors
/// When the database cannot be asked.
pub async fn count_of_import(
    connection: &mut PgConnection,
    import: i64,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*)
         FROM (SELECT DISTINCT source, fact_id, kind FROM fact_moves WHERE import = $1) AS own
         JOIN fact_keys AS k ON k.source = own.source AND k.fact_id = own.fact_id AND k.kind = own.kind
         WHERE k.customer_id <> coalesce(
                 (SELECT o.to_customer_id FROM fact_moves AS o
                  WHERE o.source = own.source AND o.fact_id = own.fact_id AND o.kind = own.kind AND o.import IS DISTINCT FROM $1
                  ORDER BY o.number DESC
                  LIMIT 1),
                 (SELECT o.from_customer_id FROM fact_moves AS o
                  WHERE o.source = own.source AND o.fact_id = own.fact_id AND o.kind = own.kind
                  ORDER BY o.number
                  LIMIT 1))",
    );
    Ok(count.bind(import).fetch_one(connection).await?)
}

/// The first `limit` facts, by source and id, that an import moved.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_of_import(
    connection: &mut PgConnection,
    import: i64,
    limit: i64,
) -> Result<Vec<MovedFact>, StoreError> {
    // What the facts would be without it: where the last other move left them, else where the first move found them.
    let rows: Vec<MovedRow> = sqlx::query_as(
        "SELECT own.source, own.fact_id, own.kind, k.customer_id,
                coalesce(
                  (SELECT o.to_customer_id FROM fact_moves AS o
                   WHERE o.source = own.source AND o.fact_id = own.fact_id AND o.kind = own.kind AND o.import IS DISTINCT FROM $1
                   ORDER BY o.number DESC
                   LIMIT 1),
                  (SELECT o.from_customer_id FROM fact_moves AS o
                   WHERE o.source = own.source AND o.fact_id = own.fact_id AND o.kind = own.kind
                   ORDER BY o.number
                   LIMIT 1)) AS otherwise
         FROM (SELECT DISTINCT source, fact_id, kind FROM fact_moves WHERE import = $1 ORDER BY source, fact_id, kind LIMIT $2) AS own
         LEFT JOIN fact_keys AS k ON k.source = own.source AND k.fact_id = own.fact_id AND k.kind = own.kind
         ORDER BY own.source, own.fact_id, own.kind",
    )
    .bind(import)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let facts = rows.into_iter().map(|row| {
        let owner = row.customer_id.as_deref().map(codes::customer_id);
        Ok(MovedFact {
            kind: KeyedKind::from_code(row.kind)?,
            source: row.source.into(),
            id: row.fact_id.into(),
            owner: owner.transpose()?,
            otherwise: codes::customer_id(&row.otherwise)?,
        })
    });
    facts.collect()
}

/// Forgets that an import moved facts: what the other moves say of them holds.
///
/// # Errors
/// When the database cannot be asked.
pub async fn delete(
    tx: &mut PgConnection,
    kind: KeyedKind,
    names: &[(Label, Label)],
    import: i64,
) -> Result<(), StoreError> {
    // What is left begins with the customer who had the fact first.
    sqlx::query(
        "WITH name AS (
           SELECT source, fact_id FROM unnest($2::text[], $3::text[]) AS name (source, fact_id)
         ), gone AS (
           DELETE FROM fact_moves AS m
           USING name
           WHERE m.source = name.source AND m.fact_id = name.fact_id AND m.kind = $1 AND m.import = $4
         )
         UPDATE fact_moves AS m
         SET from_customer_id = (SELECT o.from_customer_id FROM fact_moves AS o
                                 WHERE o.source = m.source AND o.fact_id = m.fact_id AND o.kind = m.kind
                                 ORDER BY o.number
                                 LIMIT 1)
         FROM name
         WHERE m.source = name.source AND m.fact_id = name.fact_id AND m.kind = $1
           AND m.number = (SELECT min(o.number) FROM fact_moves AS o
                           WHERE o.source = m.source AND o.fact_id = m.fact_id AND o.kind = m.kind
                             AND o.import IS DISTINCT FROM $4)",
    )
    .bind(kind.code())
    .bind(names.iter().map(|(source, _)| &**source).collect::<Vec<_>>())
    .bind(names.iter().map(|(_, id)| &**id).collect::<Vec<_>>())
    .bind(import)
    .execute(tx)
    .await?;
    Ok(())
}
