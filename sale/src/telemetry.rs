//! Logging, the same in every process: to standard error, in the form that was chosen.
//!
//! A thread of its own writes the lines. So whoever logs waits for nobody who reads them: a pipe that is full,
//! because what should read it stands still, would otherwise stop each thread that has something to say.

use std::io::{self, IsTerminal};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, LogSettings};

/// What no setting can bring back: of the options in a `DATABASE_URL` that sqlx does not know it
/// would log the values, and a misspelt `password` is one.
const NEVER_LOGGED: &str = "sqlx_postgres::options=error";

/// Lines that may wait to be written. More are lost.
const WAITING_LINES_MAX: usize = 10_000;

/// Logging under way. At its end the lines that still wait are written, as far as somebody reads them within a
/// second.
#[must_use = "logging ends with it"]
#[derive(Debug)]
pub struct Logging {
    _writer: WorkerGuard,
}

/// Starts logging. Once a process; a second call changes nothing.
pub fn start(settings: &LogSettings) -> Logging {
    let filter = EnvFilter::new(&settings.log_filter);
    let filter = match NEVER_LOGGED.parse() {
        Ok(never) => filter.add_directive(never),
        // It is a constant that parses.
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
