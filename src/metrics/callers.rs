//! Metrics of callers: their calls by identity and purpose, and calls that were refused because of who sent them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Most identities with series of their own; those that a process sees later are counted together. Chosen: a company has some dozens.
const MAX_CALLERS: usize = 256;

/// Name under which the others are counted.
const OTHER: &str = "other";

/// Why a caller is not identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotIdentified {
    /// No token and no certificate.
    Nothing,
    /// The header has no token.
    Malformed,
    /// The token is unknown, revoked, or has another secret.
    Invalid,
    /// The token has expired.
    Expired,
    /// No name in the certificate has roles.
    Certificate,
}

impl NotIdentified {
    const NAMES: [&'static str; 5] = ["nothing", "malformed", "invalid", "expired", "certificate"];
}

/// Why the call of a known caller is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallRefused {
    /// The caller lacks the scope.
    Scope,
    /// The caller may not state the purpose.
    Purpose,
    /// The caller has used its quota.
    Quota,
}

impl CallRefused {
    const NAMES: [&'static str; 3] = ["scope", "purpose", "quota"];
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    caller: String,
    purpose: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    caller: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotIdentifiedLabels {
    reason: &'static str,
}

/// Handles for callers.
#[derive(Debug, Clone)]
pub struct CallerMetrics {
    not_identified: [Counter; 5],
    calls: Family<CallLabels, Counter>,
    refused: Family<RefusedLabels, Counter>,
    named: Arc<Mutex<HashSet<String>>>,
    /// Identities in memory.
    pub identities: Gauge,
    /// 1 while they cannot be read anew.
    pub reading_failed: Gauge,
}

impl CallerMetrics {
    /// Counter of the calls without an identity, for this reason.
    #[must_use]
    pub fn not_identified(&self, reason: NotIdentified) -> &Counter {
        &self.not_identified[reason as usize]
    }

    /// Counter of the calls of an identity with a purpose; empty: none stated. Looks labels up: not for every call.
    #[must_use]
    pub fn calls(&self, caller: &str, purpose: &str) -> Counter {
        self.calls.get_or_create_owned(&CallLabels {
            caller: self.label(caller),
            purpose: purpose.to_owned(),
        })
    }

    /// Counters of the refused calls of an identity, in the order of [`CallRefused`].
    #[must_use]
    pub fn refused(&self, caller: &str) -> [Counter; 3] {
        let caller = self.label(caller);
        CallRefused::NAMES.map(|reason| {
            let caller = caller.clone();
            self.refused
                .get_or_create_owned(&RefusedLabels { caller, reason })
        })
    }

    /// The name under which an identity is counted.
    fn label(&self, caller: &str) -> String {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if !named.contains(caller) {
            if named.len() >= MAX_CALLERS {
                return OTHER.to_owned();
            }
            named.insert(caller.to_owned());
        }
        caller.to_owned()
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let not_identified = Family::<NotIdentifiedLabels, Counter>::default();
        registry.register(
            "calls_not_identified",
            "Calls refused because their caller is not identified, by reason: nothing, malformed, invalid, expired, certificate",
            not_identified.clone(),
        );
        let calls = Family::<CallLabels, Counter>::default();
        registry.register(
            "caller_calls",
            "Calls of identified callers, by id of the token and stated purpose; the first 256 identities by name, others together",
            calls.clone(),
        );
        let refused = Family::<RefusedLabels, Counter>::default();
        registry.register(
            "caller_calls_refused",
            "Refused calls of identified callers, by id of the token and reason: scope, purpose, quota",
            refused.clone(),
        );
        let identities = Gauge::default();
        registry.register(
            "identities",
            "Identities in memory: tokens and certificate names that are neither revoked nor expired",
            identities.clone(),
        );
        let reading_failed = Gauge::default();
        registry.register(
            "identities_reading_failed",
            "1 while identities cannot be read from the database, so that revocations are not seen",
            reading_failed.clone(),
        );
        let metrics = Self {
            not_identified: NotIdentified::NAMES
                .map(|reason| not_identified.get_or_create_owned(&NotIdentifiedLabels { reason })),
            calls,
            refused,
            named: Arc::default(),
            identities,
            reading_failed,
        };
        let other = CallLabels {
            caller: OTHER.to_owned(),
            purpose: String::new(),
        };
        metrics.calls.get_or_create_owned(&other);
        for reason in CallRefused::NAMES {
            let caller = OTHER.to_owned();
            metrics
                .refused
                .get_or_create_owned(&RefusedLabels { caller, reason });
        }
        metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_beyond_the_most_are_counted_together() {
        let metrics = CallerMetrics::register(&mut Registry::default());
        for number in 0..MAX_CALLERS + 2 {
            metrics.calls(&format!("caller-{number}"), "").inc();
        }
        assert_eq!(metrics.calls("caller-0", "").get(), 1);
        assert_eq!(metrics.calls("another", "").get(), 2);
        let [scope, ..] = metrics.refused("another");
        scope.inc();
        let [other, ..] = metrics.refused(OTHER);
        assert_eq!(other.get(), 1);
    }
}
