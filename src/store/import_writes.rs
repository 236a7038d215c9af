//! Which versions of profiles an import made: with them, which facts it wrote.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::{
        customer::CustomerKind,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, locks::lock_import_for_writing},
};

/// Kind and name of a customer.
pub type Naming = (CustomerKind, Option<Label>);

/// The versions of a customer's profile that a call of an import made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportWrite {
    /// The customer.
    pub customer_id: CustomerId,
    /// The first version.
    pub first_version: i64,
    /// The last version.
    pub last_version: i64,
    /// Whether the call created the customer.
    pub created: bool,
    /// Kind and name before, if they changed.
    pub before: Option<Naming>,
    /// Kind and name after, if they changed or the customer is new.
    pub after: Option<Naming>,
}

/// Notes the writes of a call.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    number: i64,
    writes: &[ImportWrite],
) -> Result<(), StoreError> {
    let kind = |naming: &Option<Naming>| naming.as_ref().map(|it| codes::customer_kind_code(it.0));
    let name = |naming: &Option<Naming>| {
        naming
            .as_ref()
            .and_then(|it| it.1.as_deref().map(str::to_owned))
    };
    let writes = writes.iter();
    sqlx::query(
        "INSERT INTO import_writes
           (customer_id, import, first_version, last_version, created, kind_before, name_before, kind_after, name_after)
         SELECT customer_id, $1, first_version, last_version, created, kind_before, name_before, kind_after, name_after
         FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::boolean[], $6::smallint[], $7::text[], $8::smallint[], $9::text[])
           AS new (customer_id, first_version, last_version, created, kind_before, name_before, kind_after, name_after)",
    )
    .bind(number)
    .bind(writes.clone().map(|it| it.customer_id.as_str()).collect::<Vec<_>>())
    .bind(writes.clone().map(|it| it.first_version).collect::<Vec<_>>())
    .bind(writes.clone().map(|it| it.last_version).collect::<Vec<_>>())
    .bind(writes.clone().map(|it| it.created).collect::<Vec<_>>())
    .bind(writes.clone().map(|it| kind(&it.before)).collect::<Vec<_>>())
    .bind(writes.clone().map(|it| name(&it.before)).collect::<Vec<_>>())
    .bind(writes.clone().map(|it| kind(&it.after)).collect::<Vec<_>>())
    .bind(writes.map(|it| name(&it.after)).collect::<Vec<_>>())
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
    first_version: i64,
    last_version: i64,
    created: bool,
    kind_before: Option<i16>,
    name_before: Option<String>,
    kind_after: Option<i16>,
    name_after: Option<String>,
}

crate::store::row::from_row!(WriteRow {
    customer_id,
    first_version,
    last_version,
    created,
    kind_before,
    name_before,
    kind_after,
    name_after
});

/// The writes of an import to `customers` that were not taken back, by customer, in the order of versions.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    number: i64,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<ImportWrite>>, StoreError> {
    let rows: Vec<WriteRow> = sqlx::query_as(
        "SELECT customer_id, first_version, last_version, created, kind_before, name_before, kind_after, name_after
         FROM import_writes
         WHERE customer_id = ANY($2) AND import = $1 AND NOT undone
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
            first_version: row.first_version,
            last_version: row.last_version,
            created: row.created,
            before: naming(row.kind_before, row.name_before)?,
            after: naming(row.kind_after, row.name_after)?,
        };
        writes.entry(customer_id).or_default().push(write);
    }
    Ok(writes)
}

fn naming(kind: Option<i16>, name: Option<String>) -> Result<Option<Naming>, StoreError> {
    let kind = kind.map(codes::customer_kind).transpose()?;
    Ok(kind.map(|kind| (kind, name.map(Label::from))))
}

/// Kind and name with which those of `customers` began who were created by an import, whichever it was. A customer who went and came back
/// began anew.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_created(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Naming>, StoreError> {
    let rows: Vec<(String, Option<i16>, Option<String>)> = sqlx::query_as(
        "SELECT DISTINCT ON (customer_id) customer_id, kind_after, name_after
         FROM import_writes
         WHERE customer_id = ANY($1) AND created
           AND first_version > coalesce((SELECT f.version FROM former_customers AS f WHERE f.customer_id = import_writes.customer_id), 0)
         ORDER BY customer_id, last_version DESC",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut created = HashMap::with_capacity(rows.len());
    for (id, kind, name) in rows {
        if let Some(naming) = naming(kind, name)? {
            created.insert(codes::customer_id(&id)?, naming);
        }
    }
    Ok(created)
}

/// Notes that the writes of an import to `customers` were taken back.
///
/// # Errors
/// When the database cannot be asked.
pub async fn update_undone(
    tx: &mut PgConnection,
    number: i64,
    customers: &[CustomerId],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE import_writes SET undone = true WHERE customer_id = ANY($2) AND import = $1",
    )
    .bind(number)
    .bind(codes::id_array(customers))
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
