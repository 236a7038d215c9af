//! Descriptors: how many connections fit under what the system allows.
//!
//! A server that runs out of descriptors shuts everybody out, its database and its probes included. So the soft limit is raised to the hard
//! one, and where the connections still do not fit beside what the process needs for itself, fewer are taken.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::app::admin::MAX_CONNECTIONS as ADMIN_CONNECTIONS;
use crate::app::connections::MAX_CONNECTIONS as FACE_CONNECTIONS;
use crate::app::settings::Settings;

/// Descriptors for everything that is not counted by itself: standard streams, runtimes, listeners, the connections for fits, the lock of
/// the process, files that are open for a moment, and connections that are accepted only to be closed. Chosen, with room.
const OTHER: u64 = 64;

/// Fewest connections worth serving, whatever the limit: below it the operator learns more from errors than from a refusal to start.
const MIN_CONNECTIONS: u64 = 16;

/// Raises the soft limit of the process to the hard one. Returns how many connections of the wanted ones fit under it, and says in the log
/// when they are fewer.
#[must_use]
pub fn fit_connections(settings: &Settings) -> u32 {
    let wanted = settings.max_connections;
    let Some(allowed) = raise_limit() else {
        return wanted;
    };
    let reserve = reserve(settings);
    let fitting = fit(wanted, allowed, reserve);
    if fitting < wanted {
        tracing::warn!(
            descriptors.allowed = allowed,
            descriptors.reserved = reserve,
            connections.wanted = wanted,
            connections.fitting = fitting,
            "the limit of open files is lower than --max-connections needs: raise it (ulimit -n, LimitNOFILE)"
        );
    }
    fitting
}

/// The limit of descriptors after raising it; `None` when there is none.
fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(error.cause = %error, "could not raise the limit of open files");
    }
    getrlimit(Resource::Nofile).current
}

/// What the process needs beside the connections of its callers.
fn reserve(settings: &Settings) -> u64 {
    let pools = u64::from(settings.read_pool) + u64::from(settings.write_pool);
    let faces = [settings.http_listen, settings.agi_listen];
    let faces = faces.iter().flatten().count() as u64 * FACE_CONNECTIONS as u64;
    faces + pools + ADMIN_CONNECTIONS as u64 + OTHER
}

fn fit(wanted: u32, allowed: u64, reserve: u64) -> u32 {
    let room = allowed.saturating_sub(reserve).max(MIN_CONNECTIONS);
    wanted.min(u32::try_from(room).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_beside_what_the_process_needs() {
        for (wanted, allowed, fitting) in [
            (4096, 1_048_576, 4096),
            (4096, 1024, 884),
            (100, 1024, 100),
            (4096, 140, 16),
            (4096, 10, 16),
            (8, 10, 8),
        ] {
            assert_eq!(fit(wanted, allowed, 140), fitting, "{wanted} {allowed}");
        }
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise_limit(), hard);
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }
}
