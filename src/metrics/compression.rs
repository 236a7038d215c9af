//! Metrics of compressed messages.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// A format of compressed messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionFormat {
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl CompressionFormat {
    const NAMES: [&'static str; 2] = ["gzip", "zstd"];
}

/// Handles for compressed messages, by format in the order of their declaration.
#[derive(Debug, Clone)]
pub struct CompressionMetrics {
    requests: [Counter; 2],
    answers: [Counter; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    direction: &'static str,
    encoding: &'static str,
}

impl CompressionMetrics {
    /// Counter of compressed request messages.
    #[must_use]
    pub fn requests(&self, format: CompressionFormat) -> &Counter {
        &self.requests[format as usize]
    }

    /// Counter of compressed answers.
    #[must_use]
    pub fn answers(&self, format: CompressionFormat) -> &Counter {
        &self.answers[format as usize]
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let messages = Family::<Labels, Counter>::default();
        registry.register(
            "compressed_messages",
            "Compressed request messages received and compressed answers sent",
            messages.clone(),
        );
        let counters = |direction| {
            CompressionFormat::NAMES.map(|encoding| {
                let labels = Labels {
                    direction,
                    encoding,
                };
                messages.get_or_create_owned(&labels)
            })
        };
        Self {
            requests: counters("request"),
            answers: counters("answer"),
        }
    }
}
