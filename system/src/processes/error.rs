//! The errors of starting and signalling a process.

use std::{io, time::Duration};

/// Why a process could not be started or signalled.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The operating system refused.
    #[error("cannot {action} {name}: {source}")]
    Io {
        /// The action that failed.
        action: &'static str,
        /// The process.
        name: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("{name} ended while it started ({status}); its log ends:\n{log}")]
    Exited {
        /// The process.
        name: &'static str,
        /// Its exit status.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// It was not ready in time.
    #[error("{name} was not ready after {waited:?}; its log ends:\n{log}")]
    NotReady {
        /// The process.
        name: &'static str,
        /// How long the caller waited for it.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// It is not running.
    #[error("{name} is not running")]
    Down {
        /// The process.
        name: &'static str,
    },
}
