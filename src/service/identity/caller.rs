//! An identity in memory, and a call of one.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;

use super::quota::UsedQuota;
use crate::{
    domain::access::{CallQuota, Scope, Scopes, purpose::Purpose, token::SecretDigest},
    metrics::{CallRefused, CallerMetrics},
    store::tokens::{NewToken, Proof},
};

/// An identity. It never changes but for what is used of its quota, and that it ends.
pub struct Caller {
    id: Box<str>,
    digest: Option<SecretDigest>,
    scopes: Scopes,
    expires_at: Option<Timestamp>,
    purposes: Box<[(Purpose, Counter)]>,
    quota: Option<UsedQuota>,
    /// Calls without a purpose.
    calls: Counter,
    refused: [Counter; 3],
    has_ended: AtomicBool,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.id).finish()
    }
}

impl Caller {
    /// The identity that is stored.
    pub(super) fn new(token: &NewToken, metrics: &CallerMetrics) -> Self {
        let purposes = token.purposes.iter().map(|purpose| {
            let calls = metrics.calls(&token.id, purpose.as_str());
            (purpose.clone(), calls)
        });
        Self {
            id: token.id.as_str().into(),
            digest: match token.proof {
                Proof::Secret(digest) => Some(digest),
                Proof::Certificate(_) => None,
            },
            scopes: Scopes::of_roles(&token.roles),
            expires_at: token.expires_at,
            purposes: purposes.collect(),
            quota: token.quota.map(UsedQuota::new),
            calls: metrics.calls(&token.id, ""),
            refused: metrics.refused(&token.id),
            has_ended: AtomicBool::new(false),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its scopes.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }

    pub(super) fn digest(&self) -> Option<&SecretDigest> {
        self.digest.as_ref()
    }

    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    pub(super) fn refused(&self, why: CallRefused) -> &Counter {
        &self.refused[why as usize]
    }

    /// Uses a call of its quota.
    pub(super) fn take(&self, now: Instant) -> Result<(), (CallQuota, Duration)> {
        match &self.quota {
            Some(used) => used.take(now).map_err(|wait| (used.quota(), wait)),
            None => Ok(()),
        }
    }

    /// The index of the purpose that a header states, if it may.
    pub(super) fn find_purpose(&self, stated: &[u8]) -> Option<usize> {
        let mut purposes = self.purposes.iter();
        purposes.position(|(purpose, _)| purpose.as_str().as_bytes() == stated)
    }

    /// The purposes that it may state.
    pub(super) fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.purposes.iter().map(|(purpose, _)| purpose)
    }

    /// It was revoked.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}

/// A call of an identity. Layers and handlers find it in the extensions of the request, where identities are required.
#[derive(Debug, Clone)]
pub struct Call {
    caller: Arc<Caller>,
    purpose: Option<usize>,
}

impl Call {
    pub(super) fn new(caller: Arc<Caller>, purpose: Option<usize>) -> Self {
        Self { caller, purpose }
    }

    pub(super) fn count(&self) {
        let stated = self.purpose.and_then(|at| self.caller.purposes.get(at));
        stated.map_or(&self.caller.calls, |(_, calls)| calls).inc();
    }

    /// The id of its caller.
    #[must_use]
    pub fn caller_id(&self) -> &str {
        self.caller.id()
    }

    /// The purpose that it states.
    #[must_use]
    pub fn purpose(&self) -> Option<&str> {
        let (purpose, _) = self.caller.purposes.get(self.purpose?)?;
        Some(purpose.as_str())
    }

    /// Whether its caller has a scope.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.caller.scopes.contains(scope)
    }

    /// Whether its caller is still what it was at the beginning: a stream may last longer.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        let is_current = self.caller.expires_at.is_none_or(|at| now < at);
        is_current && !self.caller.has_ended.load(Ordering::Relaxed)
    }
}
