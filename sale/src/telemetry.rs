//! Logging, the same in every process: to standard error, in the form that was chosen.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, LogSettings};

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,fred=warn,poem=warn,sqlx=warn";

/// What `RUST_LOG` can not bring back: of the options in a `DATABASE_URL` that sqlx does not know it
/// would log the values, and a misspelt `password` is one.
const NEVER_LOGGED: &str = "sqlx_postgres::options=error";

/// Starts logging. Once a process; a second call changes nothing.
pub fn start(settings: &LogSettings) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let filter = match NEVER_LOGGED.parse() {
        Ok(never) => filter.add_directive(never),
        // It is a constant that parses.
        Err(_) => filter,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match settings.log_format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
