//! Metrics of evaluations and drift checks of models.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the histogram, in seconds. Chosen: a demo takes less than the third, and the call is given up after ten minutes.
const BUCKETS_SECONDS: [f64; 8] = [0.05, 0.25, 1.0, 5.0, 20.0, 60.0, 180.0, 600.0];

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationOperation {
    /// An evaluation.
    Evaluation,
    /// A drift check.
    DriftCheck,
    /// A comparison of models.
    Comparison,
}

impl EvaluationOperation {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Evaluation, "evaluation"),
        (Self::DriftCheck, "drift_check"),
        (Self::Comparison, "comparison"),
    ];
}

/// Handles for evaluations, drift checks and comparisons.
#[derive(Debug, Clone)]
pub struct EvaluationMetrics {
    /// By operation in the order of its declaration, then failed and done.
    ended: [[Counter; 2]; 3],
    durations: [Histogram; 3],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

impl EvaluationMetrics {
    /// Counts an operation that took this many seconds, and whether it came to an answer.
    pub fn record(&self, operation: EvaluationOperation, is_done: bool, seconds: f64) {
        self.ended[operation as usize][usize::from(is_done)].inc();
        self.durations[operation as usize].observe(seconds);
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let ended = Family::<OutcomeLabels, Counter>::default();
        registry.register(
            "evaluations",
            "Evaluations, drift checks and comparisons of models, by outcome",
            ended.clone(),
        );
        let durations = Family::<OperationLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(BUCKETS_SECONDS)
        });
        registry.register_with_unit(
            "evaluation_duration",
            "Duration of an evaluation or drift check, including reading the facts",
            Unit::Seconds,
            durations.clone(),
        );
        Self {
            ended: EvaluationOperation::ALL.map(|(_, operation)| {
                ["failed", "done"]
                    .map(|outcome| ended.get_or_create_owned(&OutcomeLabels { operation, outcome }))
            }),
            durations: EvaluationOperation::ALL.map(|(_, operation)| {
                durations.get_or_create_owned(&OperationLabels { operation })
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_table_is_in_the_order_of_the_enum() {
        for (index, (operation, _)) in EvaluationOperation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index);
        }
    }
}
