//! Metrics of routing: what became of contacts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What is known of who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteVerdict {
    /// Exactly one customer.
    Resolved,
    /// Several.
    Ambiguous,
    /// Nobody's number.
    Unknown,
    /// No number is shown.
    Withheld,
    /// No number.
    Invalid,
}

impl RouteVerdict {
    const NAMES: [&'static str; 5] = ["resolved", "ambiguous", "unknown", "withheld", "invalid"];
}

/// How good an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteQuality {
    /// From current data.
    Full,
    /// From memory, while the database is away.
    Stale,
    /// Of more customers than are looked at.
    Partial,
    /// Nothing was looked up.
    Fallback,
}

impl RouteQuality {
    const NAMES: [&'static str; 4] = ["full", "stale", "partial", "fallback"];
}

/// Handles for contacts that were routed.
#[derive(Debug, Clone)]
pub struct RouteMetrics {
    /// By verdict and quality, in the order of their declarations.
    answers: [[Counter; 4]; 5],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    verdict: &'static str,
    quality: &'static str,
}

impl RouteMetrics {
    /// Counter of the answers with this verdict and quality.
    #[must_use]
    pub fn answers(&self, verdict: RouteVerdict, quality: RouteQuality) -> &Counter {
        &self.answers[verdict as usize][quality as usize]
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let answers = Family::<Labels, Counter>::default();
        registry.register(
            "route_answers",
            "Answers of RouteContact and the HTTP route, by what is known of the caller and how good the answer is",
            answers.clone(),
        );
        Self {
            answers: RouteVerdict::NAMES.map(|verdict| {
                RouteQuality::NAMES
                    .map(|quality| answers.get_or_create_owned(&Labels { verdict, quality }))
            }),
        }
    }
}
