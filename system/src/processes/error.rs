//! Why a process could not be started or signalled.

use std::{io, time::Duration};

/// Why a process could not be started or signalled.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The system refused.
    #[error("cannot {action} {name}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which process.
        name: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("{name} ended while it started ({status}); its log ends:\n{log}")]
    Exited {
        /// Which.
        name: &'static str,
        /// Its exit status.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// It was not ready in time.
    #[error("{name} was not ready after {waited:?}; its log ends:\n{log}")]
    NotReady {
        /// Which.
        name: &'static str,
        /// How long it was waited for.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// It is not running.
    #[error("{name} is not running")]
    Down {
        /// Which.
        name: &'static str,
    },
}
