//! What a fit reads of contacts: the packed profiles of persons and companies, of so many that more would not change the result.

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use crate::{
    domain::{customer::CustomerKind, profile::History},
    store::{codes, error::StoreError, packed},
};

/// Hands over every person and company whose id has the hash 0 modulo `one_in`; with 1, all of them. Later facts are in it.
///
/// The same ids are taken at every call on one release of Postgres, so a fit on the same facts has the same result.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn sample(
    connection: &mut PgConnection,
    one_in: i64,
    mut each: impl FnMut(CustomerKind, History),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_as::<_, (i16, Vec<u8>)>(
        "SELECT kind, packed
         FROM profiles
         WHERE kind IN (1, 2) AND mod(hashtext(customer_id)::bigint, $1) = 0",
    )
    .bind(one_in.max(1))
    .fetch(connection);
    while let Some((kind, bytes)) = rows.try_next().await? {
        each(codes::customer_kind(kind)?, packed::unpack(&bytes)?);
    }
    Ok(())
}
