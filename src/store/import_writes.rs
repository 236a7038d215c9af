//! Which versions of profiles an import made: with them, which facts it wrote.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError, locks::lock_import_for_writing},
};

/// The versions of a customer's profile that a call of an import made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportWrite {
    /// The customer.
    pub customer_id: CustomerId,
    /// Number of the import.
    pub import: i64,
    /// The first version.
    pub first_version: i64,
    /// The last version.
    pub last_version: i64,
}

impl ImportWrite {
    /// Of an import that wrote no fact of the customer, and repeated some or named them.
    #[must_use]
    pub fn nothing(customer_id: CustomerId, import: i64) -> Self {
        Self {
            customer_id,
            import,
            first_version: 0,
            last_version: -1,
        }
    }
}

/// Notes the writes of calls.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(tx: &mut PgConnection, writes: &[ImportWrite]) -> Result<(), StoreError> {
    if writes.is_empty() {
        return Ok(());
    }
    let writes = writes.iter();
    sqlx::query(
        "INSERT INTO import_writes (customer_id, import, first_version, last_version)
         SELECT customer_id, import, first_version, last_version
         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS new (customer_id, import, first_version, last_version)
         ON CONFLICT (customer_id, import, first_version) DO NOTHING",
    )
    .bind(
        writes
            .clone()
            .map(|it| it.customer_id.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(writes.clone().map(|it| it.import).collect::<Vec<_>>())
    .bind(writes.clone().map(|it| it.first_version).collect::<Vec<_>>())
    .bind(writes.map(|it| it.last_version).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// At most `limit` customers after `after`, by id, who still have something of the import.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_open(
    connection: &mut PgConnection,
    number: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<CustomerId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT customer_id
         FROM import_writes
         WHERE import = $1 AND NOT undone AND customer_id > $2
         ORDER BY customer_id
         LIMIT $3",
    )
    .bind(number)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}

struct WriteRow {
    customer_id: String,
    import: i64,
    first_version: i64,
    last_version: i64,
}

crate::store::row::from_row!(WriteRow {
    customer_id,
    import,
    first_version,
    last_version
});

/// The writes to those of `customers` who still have something of the import: its own, and those of undone imports whose facts stayed, by
/// customer, in the order of versions.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    number: i64,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<ImportWrite>>, StoreError> {
    let rows: Vec<WriteRow> = sqlx::query_as(
        "SELECT customer_id, import, first_version, last_version
         FROM import_writes
         WHERE customer_id = ANY($2) AND ((import = $1 AND NOT undone) OR kept)
         ORDER BY customer_id, first_version",
    )
    .bind(number)
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut writes: HashMap<CustomerId, Vec<ImportWrite>> = HashMap::new();
    for row in rows {
        let customer_id = codes::customer_id(&row.customer_id)?;
        let write = ImportWrite {
            customer_id: customer_id.clone(),
            import: row.import,
            first_version: row.first_version,
            last_version: row.last_version,
        };
        writes.entry(customer_id).or_default().push(write);
    }
    writes.retain(|_, writes| writes.iter().any(|it| it.import == number));
    Ok(writes)
}

/// Notes that an import was taken back from `customers`, and which undone imports still have facts of which customers: these pairs.
///
/// # Errors
/// When the database cannot be asked.
pub async fn update_undone(
    tx: &mut PgConnection,
    number: i64,
    customers: &[CustomerId],
    kept: &[(i64, CustomerId)],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE import_writes AS w
         SET undone = true,
             kept = EXISTS (SELECT 1
                            FROM unnest($3::text[], $4::bigint[]) AS k (customer_id, import)
                            WHERE k.customer_id = w.customer_id AND k.import = w.import)
         WHERE w.customer_id = ANY($2) AND (w.import = $1 OR w.kept)",
    )
    .bind(number)
    .bind(codes::id_array(customers))
    .bind(kept.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>())
    .bind(kept.iter().map(|(import, _)| *import).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// Which of `versions` of a customer's profile were made by imports that are not being undone, with the numbers of those. The imports are
/// not undone before the transaction ends.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_imports(
    tx: &mut PgConnection,
    customer: &CustomerId,
    versions: &[i64],
) -> Result<Vec<(i64, i64)>, StoreError> {
    let found: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT made.version, w.import
         FROM unnest($2::bigint[]) AS made (version)
         JOIN import_writes AS w ON made.version BETWEEN w.first_version AND w.last_version
         WHERE w.customer_id = $1 AND NOT w.undone
         ORDER BY w.import, made.version",
    )
    .bind(customer.as_str())
    .bind(versions)
    .fetch_all(&mut *tx)
    .await?;
    let mut last = None;
    for (_, import) in &found {
        if last != Some(*import) {
            lock_import_for_writing(tx, *import).await?;
            last = Some(*import);
        }
    }
    Ok(found)
}
