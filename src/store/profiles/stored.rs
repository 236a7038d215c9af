//! Profiles as they are stored, also where they cannot be read.

use sqlx::PgConnection;

use super::{Row, select_slice};
use crate::{
    domain::{customer::profile::Profile, text::CustomerId},
    store::{codes, error::StoreError},
};

/// A profile as it is stored, and what was read of it.
#[derive(Debug)]
pub struct StoredProfile {
    /// The customer.
    pub customer_id: CustomerId,
    /// The version.
    pub version: i64,
    /// The profile, if it can be read.
    pub profile: Result<Profile, StoreError>,
}

/// As [`list_slice`](super::list_slice), with the profiles that cannot be read.
///
/// # Errors
/// When the database cannot be asked or the id of a customer cannot be read.
pub async fn list_stored_slice(
    connection: &mut PgConnection,
    after: Option<&CustomerId>,
    limit: i64,
) -> Result<Vec<StoredProfile>, StoreError> {
    let rows = select_slice(connection, after, limit).await?;
    let read = |row: Row| {
        Ok(StoredProfile {
            customer_id: codes::customer_id(&row.customer_id)?,
            version: row.version,
            profile: row.try_into(),
        })
    };
    rows.into_iter().map(read).collect()
}
