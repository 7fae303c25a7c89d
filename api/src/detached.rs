//! Work that goes on when its caller leaves.
//!
//! Poem drops a handler when the client closes the connection or the deadline passes. What writes
//! in several steps must not stop between two of them, so it runs as a task of its own.

use std::future::Future;

use tracing::Instrument;

use crate::problem::Problem;

/// Runs `work` to its end, and waits for it as long as the caller does.
///
/// # Errors
/// Where it panicked.
pub async fn detached<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work.in_current_span())
        .await
        .map_err(|error| Problem::internal(&error))
}
