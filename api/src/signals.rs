//! Being told to end: SIGTERM, or SIGINT from a terminal. The second one is obeyed at once.

use std::{future::Future, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The status of a process that was told twice.
const TOLD_TWICE_STATUS: i32 = 130;

/// Listens for signals from now on. The future is ready when the first one comes; when another one
/// comes the process ends.
///
/// # Errors
/// Where signals can not be listened for.
pub fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        next(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            tracing::warn!("told to end again: ending at once");
            std::process::exit(TOLD_TWICE_STATUS);
        });
    })
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
