//! What is the matter with the database, as stable reasons. It builds no status.

use crate::service::error::Outage;

/// Why a statement took too long: it waited for a lock, or was slow itself.
pub(super) fn slow_reason(locked: bool) -> &'static str {
    if locked {
        "DATABASE_LOCKED"
    } else {
        "DATABASE_TOO_SLOW"
    }
}

/// What is the matter with the database, as a reason.
pub(super) fn outage_reason(outage: Outage) -> &'static str {
    match outage {
        Outage::Away => "DATABASE_UNAVAILABLE",
        Outage::ReadOnly => "DATABASE_READ_ONLY",
        Outage::RefusesLogin => "DATABASE_REFUSES_LOGIN",
        Outage::Full => "DATABASE_FULL",
        Outage::Restarting => "DATABASE_RESTARTING",
        Outage::SessionEnded => "DATABASE_SESSION_ENDED",
        Outage::StorageFailed => "DATABASE_STORAGE_FAILED",
        Outage::TakenOver => "TAKEN_OVER",
    }
}
