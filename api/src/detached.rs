//! Work that goes on when its caller leaves.
//!
//! Poem drops a handler when the client closes the connection or the deadline passes. A change in several steps must
//! not stop between two of them, so it runs as a task of its own. The service waits for these tasks before it closes
//! the connections that they use.

use std::{fmt::Display, future::Future};

use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::problem::Problem;

/// The tasks that outlive their callers.
#[derive(Debug, Default)]
pub struct Detached(TaskTracker);

impl Detached {
    /// Runs `work` to its end. Waits for it for as long as the caller does. The outer result fails only if `work`
    /// panics. A failure of the work is logged here, because its caller may have left.
    pub async fn run<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<Result<T, E>, Problem>
    where
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let logged = async {
            work.await
                .inspect_err(|error| tracing::info!(%error, "work that outlives its caller failed"))
        };
        self.0
            .spawn(logged.in_current_span())
            .await
            .map_err(|error| Problem::internal(&error))
    }

    /// Waits for all of them.
    pub async fn ended(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
