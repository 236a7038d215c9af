//! Metrics of what comes in (facts) and of what is made of it (fits).

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the fit histogram, in seconds. A demo fits in milliseconds, a million customers in about a second (measured for the
/// collapsed likelihood), and the call is given up after minutes.
const FIT_BUCKETS_SECONDS: [f64; 8] = [0.01, 0.05, 0.25, 1.0, 5.0, 20.0, 60.0, 300.0];

/// Kind of a fact received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// A customer or a patch of one.
    Customer,
    /// Money in or back.
    Transaction,
    /// A service contact.
    Contact,
    /// An exchange rate.
    Rate,
    /// An observation of a contract.
    Contract,
    /// How a contact ended.
    Outcome,
}

impl FactKind {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Customer, "customer"),
        (Self::Transaction, "transaction"),
        (Self::Contact, "contact"),
        (Self::Rate, "rate"),
        (Self::Contract, "contract"),
        (Self::Outcome, "outcome"),
    ];
}

/// What became of a fact received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactOutcome {
    /// New, and written.
    Written,
    /// Known already with the same content.
    Duplicate,
    /// Refused with a reason.
    Refused,
    /// Withdrawn with its import.
    Withdrawn,
}

impl FactOutcome {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Written, "written"),
        (Self::Duplicate, "duplicate"),
        (Self::Refused, "refused"),
        (Self::Withdrawn, "withdrawn"),
    ];
}

/// A fact that takes back another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakesBack {
    /// A refund or reversal of a transaction.
    Refund,
    /// A retraction of a contact.
    Retraction,
}

impl TakesBack {
    const ALL: [(Self, &'static str); 2] =
        [(Self::Refund, "refund"), (Self::Retraction, "retraction")];
}

/// Handles for the facts received, by kind and outcome.
#[derive(Debug, Clone)]
pub struct IngestMetrics {
    /// By kind, then by outcome, in the order of their declaration.
    facts: [[Counter; 4]; 6],
    /// Facts that went from one customer to another.
    pub moved: Counter,
    /// Customers who were erased.
    pub erased_customers: Counter,
    /// Those that found nothing to take back, in the order of declaration.
    unmatched: [Counter; 2],
    /// Those of them that found it later.
    matched: [Counter; 2],
    /// Streams open now.
    pub streams: Gauge,
    /// Batches that came by streams.
    pub streamed_batches: Counter,
    /// Transactions of the database that wrote them.
    pub stream_writes: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TakesBackLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FactLabels {
    kind: &'static str,
    outcome: &'static str,
}

impl IngestMetrics {
    /// Counter of the facts of this kind with this outcome.
    #[must_use]
    pub fn facts(&self, kind: FactKind, outcome: FactOutcome) -> &Counter {
        &self.facts[kind as usize][outcome as usize]
    }

    /// Counts facts that found nothing to take back when they were recorded, and earlier ones that now have.
    pub fn unmatched(&self, kind: TakesBack, added: u32, matched: u32) {
        self.unmatched[kind as usize].inc_by(added.into());
        self.matched[kind as usize].inc_by(matched.into());
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::<FactLabels, Counter>::default();
        registry.register(
            "ingest_facts",
            "Facts received or withdrawn, by kind and outcome",
            family.clone(),
        );
        let facts = FactKind::ALL.map(|(_, kind)| {
            FactOutcome::ALL
                .map(|(_, outcome)| family.get_or_create_owned(&FactLabels { kind, outcome }))
        });
        let metrics = Self {
            facts,
            moved: Counter::default(),
            erased_customers: Counter::default(),
            unmatched: by_taking_back(
                registry,
                "ingest_unmatched",
                "Refunds and retractions that found nothing, or not all, to take back when they were recorded",
            ),
            matched: by_taking_back(
                registry,
                "ingest_matched_later",
                "Unmatched refunds and retractions that a later fact matched",
            ),
            streams: Gauge::default(),
            streamed_batches: Counter::default(),
            stream_writes: Counter::default(),
        };
        registry.register(
            "facts_moved",
            "Facts moved from one customer to another",
            metrics.moved.clone(),
        );
        registry.register(
            "customers_erased",
            "Customers who were erased, with everything stored about them",
            metrics.erased_customers.clone(),
        );
        registry.register(
            "ingest_streams_open",
            "Streams of facts open now",
            metrics.streams.clone(),
        );
        registry.register(
            "ingest_streamed_batches",
            "Batches of facts received by streams and written",
            metrics.streamed_batches.clone(),
        );
        registry.register(
            "ingest_stream_writes",
            "Database transactions that wrote the batches of streams; one may write several batches",
            metrics.stream_writes.clone(),
        );
        metrics
    }
}

fn by_taking_back(registry: &mut Registry, name: &str, help: &str) -> [Counter; 2] {
    let family = Family::<TakesBackLabels, Counter>::default();
    registry.register(name, help, family.clone());
    TakesBack::ALL.map(|(_, kind)| family.get_or_create_owned(&TakesBackLabels { kind }))
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitOutcome {
    /// It found the optimum, and a model version was stored.
    Converged,
    /// It found none; the version was stored for its report and not activated.
    NotConverged,
    /// It could not run: no data, several currencies, or the database failed.
    Failed,
}

impl FitOutcome {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Converged, "converged"),
        (Self::NotConverged, "not_converged"),
        (Self::Failed, "failed"),
    ];
}

/// Handles for model fits.
#[derive(Debug, Clone)]
pub struct FitMetrics {
    /// By outcome, in the order of its declaration.
    fits: [Counter; 3],
    duration: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FitLabels {
    outcome: &'static str,
}

impl FitMetrics {
    /// Counts a fit that took this many seconds.
    pub fn record(&self, outcome: FitOutcome, seconds: f64) {
        self.fits[outcome as usize].inc();
        self.duration.observe(seconds);
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::<FitLabels, Counter>::default();
        registry.register("fits", "Model fits, by outcome", family.clone());
        let duration = Histogram::new(FIT_BUCKETS_SECONDS);
        registry.register_with_unit(
            "fit_duration",
            "Duration of a model fit, including reading the facts",
            Unit::Seconds,
            duration.clone(),
        );
        Self {
            fits: FitOutcome::ALL
                .map(|(_, outcome)| family.get_or_create_owned(&FitLabels { outcome })),
            duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tables_are_in_the_order_of_the_enums() {
        for (index, (kind, _)) in FactKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
        for (index, (outcome, _)) in FactOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
        for (index, (kind, _)) in TakesBack::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
        for (index, (outcome, _)) in FitOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }
}
