//! Who is found by the identifiers of customers who were merged.

use sqlx::PgConnection;

use super::{
    IdentifierDigest, list_held,
    owners::{Owners, delete_owners, insert_owners},
};
use crate::{domain::text::CustomerId, store::error::StoreError};

/// Lets `root` be found by those of `digests` that it or one of `members` has, and `members` by none of them.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn renew_group_owners(
    tx: &mut PgConnection,
    root: &CustomerId,
    members: &[CustomerId],
    digests: &[IdentifierDigest],
) -> Result<(), StoreError> {
    if digests.is_empty() {
        return Ok(());
    }
    let records: Vec<CustomerId> = std::iter::once(root).chain(members).cloned().collect();
    let held = list_held(tx, &records).await?;
    let is_held = |digest: &&IdentifierDigest| {
        let mut held = held.values().flatten();
        held.any(|one| one.digest == **digest)
    };
    let (begun, ended): (Vec<_>, Vec<_>) = digests.iter().partition(is_held);
    let of_members = members
        .iter()
        .flat_map(|member| digests.iter().map(move |digest| (member, digest)));
    let ended = ended.into_iter().map(|digest| (root, digest));
    delete_owners(tx, Owners::from_pairs(of_members.chain(ended))).await?;
    let begun = begun.into_iter().map(|digest| (root, digest));
    insert_owners(tx, Owners::from_pairs(begun)).await
}
