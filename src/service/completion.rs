//! Work that must come to its end once it has begun.

use tracing::Instrument as _;

/// Runs `work` to its end, whatever becomes of the caller. A call's deadline drops its future, and a commit that was sent takes effect
/// all the same: what must follow it, such as dropping what memory holds, follows only if nobody's deadline can come between.
pub(super) async fn spawn_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
