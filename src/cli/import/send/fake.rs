//! `StreamFacts` of the servers that tests make themselves.

use std::pin::Pin;

use tokio_stream::{Stream, StreamExt as _};
use tonic::{Status, Streaming};

use super::Batch;
use crate::pb;

/// The answer of a stream.
pub(crate) type Answers =
    Pin<Box<dyn Stream<Item = Result<pb::StreamFactsResponse, Status>> + Send>>;

/// Acknowledges each batch with what `write` returns; an error ends the stream.
pub(crate) fn acknowledge(
    messages: Streaming<pb::StreamFactsRequest>,
    mut write: impl FnMut(Batch) -> Result<Vec<pb::ItemResult>, Status> + Send + 'static,
) -> Answers {
    let mut acknowledged_count = 0;
    let answers = messages.map(move |message| {
        let results = write(message?.batch.unwrap())?;
        acknowledged_count += 1;
        Ok(pb::StreamFactsResponse {
            acknowledged_count,
            batches: vec![pb::BatchResult {
                results,
                ..Default::default()
            }],
        })
    });
    Box::pin(answers)
}
