//! Following the writes of other processes, where the database is shared.

use std::{pin::Pin, sync::Arc};

use tokio::runtime::Handle;

use crate::{
    app::{database::Database, server::Shared},
    cache::{identifiers::IdentifierCache, profiles::ProfileCache},
    service::{
        current_basis::CurrentBasis,
        error::ServiceError,
        follow::{Announcements, Follower, Parts},
    },
    store::change_log::news::{self, Seen},
};

/// The beginning: where the logs end before anything is read into memory. `None` where nobody else writes.
///
/// # Errors
/// When the database cannot be asked.
pub(super) async fn begin(
    database: &Database,
    control: &Handle,
) -> Result<Option<Seen>, ServiceError> {
    let Some(follow) = &database.follow else {
        return Ok(None);
    };
    let pool = follow.pool.clone();
    // There, because a connection belongs to the runtime that opened it.
    let found = control.spawn(async move { news::find_end(&pool).await });
    let found = found.await;
    Ok(Some(found.map_err(|error| {
        ServiceError::Internal(Box::new(error))
    })??))
}

/// How this process announces what it writes.
pub(super) fn announcements(database: &Database) -> Announcements {
    match database.follow {
        Some(_) => Announcements::heard(),
        None => Announcements::default(),
    }
}

/// Follows from `seen` on, until the database is closed: on the control runtime, so that busy calls hold nothing up. `None` where nobody else
/// writes.
pub(super) fn start(
    seen: Option<Seen>,
    (profiles, identifiers): (&Arc<ProfileCache>, &Arc<IdentifierCache>),
    bases: &Arc<CurrentBasis>,
    (database, shared): (&Database, &Shared),
    (control, background): (&Handle, &Handle),
) -> Option<Arc<Follower>> {
    let (follow, seen) = (database.follow.as_ref()?, seen?);
    let parts = Parts {
        pool: follow.pool.clone(),
        profiles: Arc::clone(profiles),
        identifiers: Arc::clone(identifiers),
        bases: Arc::clone(bases),
        background: background.clone(),
        clock: Arc::clone(&shared.clock),
        breaker: Arc::clone(&database.breaker),
        metrics: shared.metrics.follow.clone(),
    };
    let follower = Follower::new(parts, &seen);
    let own: Arc<str> = uuid::Uuid::new_v4().to_string().into();
    let until_closed = |handle: &Handle, work: Pin<Box<dyn Future<Output = ()> + Send>>| {
        let stop = follow.stop.clone();
        handle.spawn(stop.run_until_cancelled_owned(work));
    };
    let listen = Arc::clone(&follower).listen(follow.target.clone(), Arc::clone(&own));
    until_closed(control, Box::pin(listen));
    let announce = bases.announcements().clone();
    let announce = announce.announce_all(follow.pool.clone(), own);
    until_closed(control, Box::pin(announce));
    until_closed(control, Box::pin(Arc::clone(&follower).follow(seen)));
    // Here, on another one: should the control runtime itself be late, it shows.
    let watch = Arc::clone(&follower).watch_age();
    until_closed(&Handle::current(), Box::pin(watch));
    Some(follower)
}
