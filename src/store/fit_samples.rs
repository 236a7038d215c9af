//! Samples of customers that a fit looks at one by one: what it wants to know is in the packed part of a profile, and of so many customers
//! that more would not change the result.

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        customer::{CustomerKind, profile::History},
    },
    store::{codes, error::StoreError, packed},
};

/// Persons and companies fall by a hash of their id into so many buckets, of which a sample takes the first.
pub const BUCKETS: i32 = 65_536;

/// How many of the [`BUCKETS`] each sample takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// For whole histories, later facts included.
    pub histories: i32,
    /// For times between purchase days, of those who have three of these and no facts after the day of the fit.
    pub gaps: i32,
}

/// What one customer contributes to one sample.
#[derive(Debug)]
pub enum Sampled {
    /// What all facts say.
    History(CustomerKind, Box<History>),
    /// The last two times between purchase days, in days.
    Gaps(u32, u32),
}

/// Reads both samples in one pass over the profiles, which costs more than what is done with them.
///
/// The same customers are taken at every call on one release of Postgres, so a fit on the same facts has the same result; their order
/// is not promised.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn read(
    connection: &mut PgConnection,
    until: Day,
    shares: Shares,
    mut each: impl FnMut(Sampled),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_as::<_, (i16, bool, bool, Vec<u8>)>(
        "SELECT kind, whole, has_gaps, packed
         FROM (SELECT kind,
                      packed,
                      hashtext(customer_id) & 65535 < $2 AS whole,
                      purchase_day_count >= 3 AND last_event_day <= $1 AND hashtext(customer_id) & 65535 < $3 AS has_gaps
               FROM profiles
               WHERE kind IN (1, 2)) AS persons_and_companies
         WHERE whole OR has_gaps",
    )
    .bind(until.number())
    .bind(shares.histories)
    .bind(shares.gaps)
    .fetch(connection);
    while let Some((kind, whole, has_gaps, bytes)) = rows.try_next().await? {
        if has_gaps && let Some((first, second)) = packed::gaps::unpack_last_gaps(&bytes)? {
            each(Sampled::Gaps(first, second));
        }
        if whole {
            let history = Box::new(packed::unpack(&bytes)?);
            each(Sampled::History(codes::customer_kind(kind)?, history));
        }
    }
    Ok(())
}
