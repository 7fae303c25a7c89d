//! How long a server may be silent: no scenario waits for ever.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{error::Elapsed, timeout};

/// How long a connection, or an answer, may take to come.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// What came in time.
///
/// # Errors
/// It did not (see [`was_silent`]), or it came as an error.
pub async fn within<T, E: Into<anyhow::Error>>(
    deadline: Duration,
    awaited: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T> {
    let in_time = timeout(deadline, awaited).await;
    let in_time = in_time.with_context(|| format!("the server was silent for {deadline:?}"))?;
    in_time.map_err(Into::into)
}

/// Whether it is an error of [`within`] that nothing came in time.
pub fn was_silent(error: &anyhow::Error) -> bool {
    error.is::<Elapsed>()
}
