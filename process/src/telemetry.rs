//! Logging, the same in every process: to standard error, in the chosen form.
//!
//! A thread of its own writes the lines, so logging never blocks on a slow reader: a full pipe whose reader hangs
//! would otherwise stop each thread that logs.

use std::io::{self, IsTerminal};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, LogSettings};

/// Never logged, whatever the setting says: sqlx would log the values of unknown options in a `DATABASE_URL`, and a
/// misspelt `password` is one.
const NEVER_LOGGED: &str = "sqlx_postgres::options=error";

/// Lines that may wait to be written. Further lines are lost.
const WAITING_LINES_MAX: usize = 10_000;

/// Logging under way. Dropping it writes the waiting lines, as far as a reader takes them within a second.
#[must_use = "logging ends with it"]
#[derive(Debug)]
pub struct Logging {
    _writer: WorkerGuard,
}

/// Starts logging. Call it once in a process; a second call changes nothing.
pub fn start(settings: &LogSettings) -> Logging {
    let filter = EnvFilter::new(&settings.log_filter);
    let filter = match NEVER_LOGGED.parse() {
        Ok(never) => filter.add_directive(never),
        // The constant always parses.
        Err(_) => filter,
    };
    let (lines, writer) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES_MAX)
        .thread_name("log")
        .finish(io::stderr());
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer()
        .with_writer(lines)
        .with_ansi(io::stderr().is_terminal());
    let started = match settings.log_format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
    Logging { _writer: writer }
}
