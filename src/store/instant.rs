//! `timestamptz` as a `jiff::Timestamp`: microseconds, as Postgres keeps them.

use jiff::Timestamp;
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef},
};

/// A point in time in a statement or row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant(pub(super) Timestamp);

/// Microseconds from 1970-01-01 to 2000-01-01, where Postgres begins to count.
const POSTGRES_EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("TIMESTAMPTZ")
    }
}

impl PgHasArrayType for Instant {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("_TIMESTAMPTZ")
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let microseconds = self.0.as_microsecond() - POSTGRES_EPOCH_MICROSECONDS;
        Encode::<Postgres>::encode(microseconds, buffer)
    }
}

impl Decode<'_, Postgres> for Instant {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() != PgValueFormat::Binary {
            return Err("timestamps are read in the binary format only".into());
        }
        let microseconds = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        let since_1970 = microseconds.checked_add(POSTGRES_EPOCH_MICROSECONDS);
        let since_1970 = since_1970.ok_or("the timestamp is infinite")?;
        Ok(Self(Timestamp::from_microsecond(since_1970)?))
    }
}
