//! Statements of the kind and name of customers, with the import that made each.

use std::{collections::HashMap, hash::BuildHasher};

use sqlx::PgConnection;

use crate::{
    domain::{
        customer::CustomerKind,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, repeats::NO_IMPORT},
};

/// A statement of the kind or name of a customer; one of neither states that there is the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The import that stated it, or [`NO_IMPORT`].
    pub import: i64,
    /// The kind, if stated.
    pub kind: Option<CustomerKind>,
    /// The name, if stated; the inner `None` is that there is none.
    pub display_name: Option<Option<Label>>,
}

impl Naming {
    /// Whether the statement stands as long as `import` is not undone.
    fn stands_with(&self, import: i64) -> bool {
        self.import == NO_IMPORT || self.import == import
    }

    /// Whether this is to be recorded after `recorded`: where it repeats what only other imports stated, it stays when these are undone.
    #[must_use]
    pub fn is_new(&self, recorded: &[Self]) -> bool {
        let stands = |last: Option<&Self>| last.is_some_and(|it| it.stands_with(self.import));
        let kind = recorded.iter().rev().find(|it| it.kind.is_some());
        let name = recorded.iter().rev().find(|it| it.display_name.is_some());
        if self.kind.is_none() && self.display_name.is_none() {
            return !recorded.iter().any(|it| it.stands_with(self.import));
        }
        let is_known = |last: Option<&Self>, is_same: bool| is_same && stands(last);
        let new_kind =
            self.kind.is_some() && !is_known(kind, kind.is_some_and(|it| it.kind == self.kind));
        let new_name = self.display_name.is_some()
            && !is_known(
                name,
                name.is_some_and(|it| it.display_name == self.display_name),
            );
        new_kind || new_name
    }

    /// Kind and name that statements come to: of each the last one, or a person without a name.
    #[must_use]
    pub fn fold(recorded: &[Self]) -> (CustomerKind, Option<Label>) {
        let kind = recorded.iter().rev().find_map(|it| it.kind);
        let name = recorded.iter().rev().find_map(|it| it.display_name.clone());
        (kind.unwrap_or(CustomerKind::Person), name.flatten())
    }
}

struct Row {
    customer_id: String,
    import: i64,
    kind: Option<i16>,
    names: bool,
    display_name: Option<String>,
}

crate::store::row::from_row!(Row {
    customer_id,
    import,
    kind,
    names,
    display_name
});

/// The statements about `customers` that were not taken back, by customer, in the order of recording.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<Naming>>, StoreError> {
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT customer_id, import, kind, names, display_name
         FROM customer_namings
         WHERE customer_id = ANY($1) AND withdrawn_version IS NULL
         ORDER BY customer_id, number",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut namings: HashMap<CustomerId, Vec<Naming>> = HashMap::new();
    for row in rows {
        let of_customer = namings.entry(codes::customer_id(&row.customer_id)?);
        of_customer.or_default().push(Naming {
            import: row.import,
            kind: row.kind.map(codes::customer_kind).transpose()?,
            display_name: row.names.then(|| row.display_name.map(Label::from)),
        });
    }
    Ok(namings)
}

/// Records statements, in their order.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    namings: &[(CustomerId, Naming)],
) -> Result<(), StoreError> {
    if namings.is_empty() {
        return Ok(());
    }
    let kind = |naming: &Naming| naming.kind.map(codes::customer_kind_code);
    let name = |naming: &Naming| {
        naming
            .display_name
            .clone()
            .flatten()
            .map(|it| it.to_string())
    };
    let rows = namings.iter();
    sqlx::query(
        "INSERT INTO customer_namings (customer_id, import, kind, names, display_name)
         SELECT customer_id, import, kind, names, display_name
         FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::boolean[], $5::text[])
           WITH ORDINALITY AS new (customer_id, import, kind, names, display_name, position)
         ORDER BY position",
    )
    .bind(rows.clone().map(|(id, _)| id.as_str()).collect::<Vec<_>>())
    .bind(rows.clone().map(|(_, it)| it.import).collect::<Vec<_>>())
    .bind(rows.clone().map(|(_, it)| kind(it)).collect::<Vec<_>>())
    .bind(
        rows.clone()
            .map(|(_, it)| it.display_name.is_some())
            .collect::<Vec<_>>(),
    )
    .bind(rows.map(|(_, it)| name(it)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes back what an import stated of `versions`, which are the customers with the first version of each profile without it. Returns the
/// customers who were named by it.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn withdraw(
    tx: &mut PgConnection,
    import: i64,
    versions: &HashMap<CustomerId, i64, impl BuildHasher>,
) -> Result<Vec<CustomerId>, StoreError> {
    let mut ids: Vec<String> = sqlx::query_scalar(
        "UPDATE customer_namings AS n
         SET withdrawn_version = now.version
         FROM unnest($2::text[], $3::bigint[]) AS now (customer_id, version)
         WHERE n.customer_id = ANY($2) AND n.customer_id = now.customer_id AND n.import = $1 AND n.withdrawn_version IS NULL
         RETURNING n.customer_id",
    )
    .bind(import)
    .bind(versions.keys().map(CustomerId::as_str).collect::<Vec<_>>())
    .bind(versions.values().copied().collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    ids.sort_unstable();
    ids.dedup();
    ids.iter().map(|id| codes::customer_id(id)).collect()
}
