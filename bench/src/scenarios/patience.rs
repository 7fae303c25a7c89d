//! How long a server may stay silent: no scenario waits for ever.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{error::Elapsed, timeout};

/// The deadline for a connection, or an answer.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a result until a deadline.
pub async fn within<T, E: Into<anyhow::Error>>(
    deadline: Duration,
    awaited: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T> {
    let in_time = timeout(deadline, awaited).await;
    let in_time = in_time.with_context(|| format!("the server was silent for {deadline:?}"))?;
    in_time.map_err(Into::into)
}

/// Whether an error of [`within`] means that the deadline passed.
pub fn was_silent(error: &anyhow::Error) -> bool {
    error.is::<Elapsed>()
}
