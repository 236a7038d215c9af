//! Times between orders from a packed profile. It reads the days of purchases and nothing else: a fit asks for those of thousands.

use prost::Message;

use crate::{domain::customer::profile::last_gaps, store::error::StoreError};

/// The part of the message that is needed; what else there is, is skipped.
#[derive(Clone, PartialEq, Message)]
struct PackedDays {
    #[prost(message, repeated, tag = "2")]
    purchases: Vec<PackedDay>,
}

#[derive(Clone, PartialEq, Message)]
struct PackedDay {
    #[prost(sint32, tag = "1")]
    day: i32,
}

/// The last two times between purchase days, in days; `None` with fewer than three purchase days.
pub(in crate::store) fn unpack_last_gaps(bytes: &[u8]) -> Result<Option<(u32, u32)>, StoreError> {
    let packed =
        PackedDays::decode(bytes).map_err(|error| StoreError::corrupt("packed profile", error))?;
    let days = packed.purchases.iter().map(|entry| entry.day);
    Ok(last_gaps(days))
}
