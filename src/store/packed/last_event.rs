//! The day of the last fact from a packed profile, which tells for which days the profile answers. It reads nothing else.

use prost::Message;

use crate::{
    domain::calendar::Day,
    store::{codes, error::StoreError},
};

/// The part of the message that is needed; what else there is, is skipped.
#[derive(Clone, PartialEq, Message)]
struct PackedLastEvent {
    #[prost(sint32, optional, tag = "7")]
    last_event_day: Option<i32>,
}

/// The latest day of any fact.
pub(in crate::store) fn unpack_last_event_day(bytes: &[u8]) -> Result<Option<Day>, StoreError> {
    let packed = PackedLastEvent::decode(bytes)
        .map_err(|error| StoreError::corrupt("packed profile", error))?;
    packed.last_event_day.map(codes::day).transpose()
}
