//! What the connection to the database is not protected from.

use crate::store::target::{Protection, Target};

/// Says in the log what the connection to a database on another machine is not protected from.
pub(super) fn warn(target: &Target) {
    if target.is_local() {
        return;
    }
    let mode = target.protection().as_str();
    let weakness = match target.protection() {
        Protection::Socket | Protection::Verified => return,
        Protection::Plain | Protection::IfOffered => {
            "everybody on the way can read what the database is sent, as --allow-plain-database allows"
        }
        Protection::Unverified => {
            "nothing verifies which server answers for the database: set sslmode=verify-full"
        }
        Protection::AnyHost => {
            "certificates of the database are trusted for any host: set sslmode=verify-full"
        }
    };
    tracing::warn!(database.sslmode = mode, "{weakness}");
}
