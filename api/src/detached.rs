//! Work that goes on when its caller leaves.
//!
//! Poem drops a handler when the client closes the connection or the deadline passes. A change in several steps must
//! not stop between two of them, so it runs as a task of its own.

use std::future::Future;

use tracing::Instrument;

use crate::problem::Problem;

/// Runs `work` to its end. Waits for it for as long as the caller does. Fails only if `work` panics.
pub async fn detached<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work.in_current_span())
        .await
        .map_err(|error| Problem::internal(&error))
}
