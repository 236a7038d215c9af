//! Who calls: identities in memory, followed from the database, and the decision about a call.
//!
//! A call never asks the database. The identities are read at the start and again whenever another id of the last change is found, which is looked
//! for several times a second, so that every process sees a new or revoked token within a second. While the database is away, those read last stay in
//! force, and end when they expire.

mod caller;
mod quota;
mod refusal;

pub use self::{
    caller::{Call, Caller},
    refusal::{Refusal, role_names},
};

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    clock::Clock,
    domain::access::{
        Scope,
        token::{self, SecretDigest},
    },
    metrics::{CallRefused, CallerMetrics},
    service::error::ServiceError,
    store::{
        pool::Pool,
        tokens::{self, Proof, StoredToken},
    },
};

/// How often another change is looked for: a change is seen after this time and a read of the identities, well within a second.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What a method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Any identity.
    Identity,
    /// An identity with this scope.
    Scope(Scope),
    /// More than any identity has: the method declares no scope.
    Undeclared,
}

/// What a caller sent besides the request.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The header `authorization`.
    pub authorization: Option<&'a [u8]>,
    /// The header `patron-purpose`.
    pub purpose: Option<&'a [u8]>,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

/// The identities as they were read.
#[derive(Debug, Default)]
struct Table {
    /// Tokens and certificate names by id.
    by_id: HashMap<Box<str>, Arc<Caller>>,
    by_certificate: HashMap<Box<str>, Arc<Caller>>,
}

impl Table {
    /// The table of what is stored. What is used of a quota, and counters, go on.
    fn new(stored: Vec<StoredToken>, before: &Self, metrics: &CallerMetrics) -> Self {
        let mut table = Self::default();
        for StoredToken { token, .. } in stored {
            let id: Box<str> = token.id.as_str().into();
            // An identity never changes: it ends.
            let known = before.by_id.get(&id).cloned();
            let caller = known.unwrap_or_else(|| Arc::new(Caller::new(&token, metrics)));
            if let Proof::Certificate(name) = token.proof {
                // The latest of a name counts.
                let name = name.into_boxed_str();
                table.by_certificate.insert(name, Arc::clone(&caller));
            }
            table.by_id.insert(id, caller);
        }
        for (id, caller) in &before.by_id {
            if !table.by_id.contains_key(id) {
                caller.end();
            }
        }
        table
    }
}

/// The identities of all callers.
#[derive(Debug)]
pub struct Identities {
    table: ArcSwap<Table>,
    /// The id of the change under which they were read. Held while they are read.
    change: Mutex<Option<String>>,
    clock: Arc<dyn Clock>,
    metrics: CallerMetrics,
}

impl Identities {
    /// None, until they are read.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, metrics: CallerMetrics) -> Self {
        Self {
            table: ArcSwap::default(),
            change: Mutex::default(),
            clock,
            metrics,
        }
    }

    /// Reads the identities unless nothing has changed.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn refresh(&self, pool: &Pool) -> Result<(), ServiceError> {
        let mut connection = pool.lease().await?;
        // First: what is committed after this look and read below is read once more.
        let change = tokens::find_change(&mut connection).await?;
        let known = |change: &str| {
            let known = self.change.lock().unwrap_or_else(PoisonError::into_inner);
            known.as_deref() == Some(change)
        };
        if !known(&change) {
            let stored = tokens::list_valid(&mut connection, self.clock.now()).await?;
            let table = Table::new(stored, &self.table.load(), &self.metrics);
            let count = i64::try_from(table.by_id.len()).unwrap_or(i64::MAX);
            self.metrics.identities.set(count);
            self.table.store(Arc::new(table));
            let mut known = self.change.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(change);
        }
        drop(connection.done());
        Ok(())
    }

    /// Reads the identities again after each change, forever.
    pub async fn follow(self: Arc<Self>, pool: Pool) {
        let mut due = tokio::time::interval(LOOK_INTERVAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_failed = false;
        loop {
            due.tick().await;
            let read = self.refresh(&pool).await;
            self.metrics.reading_failed.set(i64::from(read.is_err()));
            match &read {
                Err(error) if !has_failed => {
                    tracing::warn!(
                        error.cause = %error,
                        "identities cannot be read: those read before stay in force until they expire"
                    );
                }
                Ok(()) if has_failed => tracing::info!("identities are read again"),
                Ok(()) | Err(_) => {}
            }
            has_failed = read.is_err();
        }
    }

    /// Decides about a call of `method`, which needs `need`. `method` is the path of the request, `names` are those in the certificate of its
    /// client, which was verified.
    ///
    /// # Errors
    /// Why the call is refused.
    pub fn admit<'a>(
        &self,
        credentials: Credentials<'_>,
        names: impl Iterator<Item = &'a str>,
        method: &str,
        need: Need,
    ) -> Result<Call, Refusal> {
        let caller = self
            .identify(credentials.authorization, names)
            .inspect_err(|refusal| {
                if let Some(reason) = refusal.not_identified() {
                    self.metrics.not_identified(reason).inc();
                }
            })?;
        let refused = |caller: &Caller, why, refusal| {
            caller.refused(why).inc();
            Err(refusal)
        };
        if let Err((quota, retry_after)) = caller.take(Instant::now()) {
            let refusal = Refusal::QuotaExceeded {
                caller: caller.id().into(),
                calls_per_second: quota.calls_per_second,
                retry_after,
            };
            return refused(&caller, CallRefused::Quota, refusal);
        }
        let stated = credentials.purpose;
        let purpose = stated.and_then(|stated| caller.find_purpose(stated));
        if let (Some(stated), None) = (stated, purpose) {
            let refusal = Refusal::purpose(&caller, stated);
            return refused(&caller, CallRefused::Purpose, refusal);
        }
        let is_allowed = match need {
            Need::Identity => true,
            Need::Scope(scope) => caller.scopes().contains(scope),
            Need::Undeclared => false,
        };
        if !is_allowed {
            let refusal = Refusal::scope(&caller, method, need);
            return refused(&caller, CallRefused::Scope, refusal);
        }
        let call = Call::new(caller, purpose);
        call.count();
        Ok(call)
    }

    /// The caller by its token, else by its certificate. A token that is sent must be valid, whatever the certificate.
    fn identify<'a>(
        &self,
        authorization: Option<&[u8]>,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Arc<Caller>, Refusal> {
        let table = self.table.load();
        let caller = match authorization {
            Some(header) => find_token(&table, header)?,
            None => find_certificate(&table, names)?,
        };
        match caller.expires_at() {
            Some(at) if at <= self.clock.now() => Err(Refusal::Expired {
                caller: caller.id().into(),
                at,
            }),
            Some(_) | None => Ok(caller),
        }
    }
}

/// The token in a header `authorization`: `Bearer patron_ID.SECRET`.
fn find_token(table: &Table, header: &[u8]) -> Result<Arc<Caller>, Refusal> {
    const SCHEME: &str = "bearer ";
    let text = std::str::from_utf8(header).map_err(|_| Refusal::Malformed)?;
    let scheme = text.get(..SCHEME.len());
    if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
        return Err(Refusal::Malformed);
    }
    let parts = token::parse(text[SCHEME.len()..].trim()).ok_or(Refusal::Malformed)?;
    // Also where there is no such id, so that the answer takes as long.
    let sent = SecretDigest::of(parts.secret);
    let caller = table.by_id.get(parts.id).ok_or(Refusal::Invalid)?;
    match caller.digest() {
        Some(digest) if digest.matches(&sent) => Ok(Arc::clone(caller)),
        Some(_) | None => Err(Refusal::Invalid),
    }
}

/// The identity of the first name in a certificate that has one.
fn find_certificate<'a>(
    table: &Table,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<Arc<Caller>, Refusal> {
    let find = |name: &str| table.by_certificate.get(name).cloned();
    let Some(first) = names.next() else {
        return Err(Refusal::NoCredentials);
    };
    let found = find(first).or_else(|| names.find_map(find));
    found.ok_or_else(|| Refusal::Certificate { name: first.into() })
}

#[cfg(test)]
mod tests;
