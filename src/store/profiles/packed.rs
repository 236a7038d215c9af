//! Profiles as they are stored, unpacked only when something is computed of them: what memory holds by the hundred thousand.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{Row, members};
use crate::{
    domain::{
        calendar::Day,
        customer::{CustomerKind, profile::Profile},
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, packed},
};

/// A profile with its history packed.
#[derive(Debug, Clone)]
pub struct PackedProfile {
    customer_id: CustomerId,
    version: i64,
    kind: CustomerKind,
    display_name: Option<Label>,
    recorded_at: Timestamp,
    members: Box<[CustomerId]>,
    last_event_day: Option<Day>,
    history: Box<[u8]>,
}

impl PackedProfile {
    /// The profile that a write made.
    #[must_use]
    pub fn from_profile(profile: &Profile) -> Self {
        let Profile {
            customer_id,
            version,
            kind,
            display_name,
            recorded_at,
            members,
            history,
        } = profile;
        Self {
            customer_id: customer_id.clone(),
            version: *version,
            kind: *kind,
            display_name: display_name.clone(),
            recorded_at: *recorded_at,
            members: members.clone(),
            last_event_day: history.last_event_day,
            history: packed::pack(history).into(),
        }
    }

    /// The customer.
    #[must_use]
    pub fn customer_id(&self) -> &CustomerId {
        &self.customer_id
    }

    /// As [`Profile::version`].
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Whether it contains no fact after `day`, so that it is the profile as of that day.
    #[must_use]
    pub fn is_as_of(&self, day: Day) -> bool {
        self.last_event_day.is_none_or(|last| last <= day)
    }

    /// Bytes that the profile takes unpacked, roughly: entries of some ten bytes become as many numbers and shared texts.
    #[must_use]
    pub fn unpacked_bytes(&self) -> usize {
        size_of::<Profile>() + 6 * self.history.len()
    }

    /// The profile.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn unpack(&self) -> Result<Profile, StoreError> {
        Ok(Profile {
            customer_id: self.customer_id.clone(),
            version: self.version,
            kind: self.kind,
            display_name: self.display_name.clone(),
            recorded_at: self.recorded_at,
            members: self.members.clone(),
            history: packed::unpack(&self.history)?,
        })
    }

    /// Bytes that it takes beyond its own size and its id, by part.
    pub fn heap_parts(&self) -> impl Iterator<Item = usize> {
        // Field by field, so that none can be forgotten.
        let Self {
            customer_id: _,
            version: _,
            kind: _,
            display_name,
            recorded_at: _,
            members,
            last_event_day: _,
            history,
        } = self;
        let texts = members.iter().map(|id| id.as_str().len());
        let texts = texts.chain(display_name.as_ref().map(|name| name.len()));
        // The two counters of a shared text.
        let texts = texts.map(|bytes| 2 * size_of::<usize>() + bytes);
        texts.chain([size_of_val(&**members), history.len()])
    }
}

/// The profiles of those of `customers` that are known, packed. Their ids are those given, not copies of them.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read. That its history can is not looked at.
pub async fn list_packed(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, PackedProfile>, StoreError> {
    let rows = super::select(connection, customers).await?;
    let given: HashMap<&str, &CustomerId> = customers.iter().map(|id| (id.as_str(), id)).collect();
    let pack = |row: Row| {
        let id = given.get(row.customer_id.as_str());
        let id = id.map_or_else(
            || codes::customer_id(&row.customer_id),
            |id| Ok((*id).clone()),
        )?;
        let profile = PackedProfile {
            customer_id: id.clone(),
            version: row.version,
            kind: codes::customer_kind(row.kind)?,
            display_name: row.display_name.map(Label::from),
            recorded_at: row.recorded_at.0,
            members: members(row.members)?,
            last_event_day: packed::unpack_last_event_day(&row.packed)?,
            history: row.packed.into(),
        };
        Ok((id, profile))
    };
    rows.into_iter().map(pack).collect()
}
