//! The errors of this crate. Messages are for a person at a terminal: if the person can do something, they say what to
//! type. No message carries a password.

use std::{io, path::PathBuf};

/// Why a server could not be found, installed, started or controlled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An environment variable has a meaningless value.
    #[error("{name} is {value:?}; it must be {expected}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that it may have.
        expected: &'static str,
    },
    /// An environment variable is not text. Its value is not shown: it may hold a password.
    #[error("{name} is not Unicode")]
    NotUnicode {
        /// The variable.
        name: &'static str,
    },
    /// The program is absent, and installing was forbidden.
    #[error(
        "{program} was not found and MINCOMMERCE_INSTALL=never forbids installing it; type: {command}"
    )]
    InstallForbidden {
        /// The missing program.
        program: &'static str,
        /// The command that would install it.
        command: String,
    },
    /// The program is absent, and it cannot be installed from here.
    #[error("{program} was not found and cannot be installed from here ({why}); type: {command}")]
    NoInstaller {
        /// The missing program.
        program: &'static str,
        /// The obstacle.
        why: &'static str,
        /// The command that installs it.
        command: String,
    },
    /// The installer ran and failed, or what it installed is still not found.
    #[error("{program} could not be installed ({why}); type: {command}")]
    InstallFailed {
        /// The missing program.
        program: &'static str,
        /// How it failed.
        why: String,
        /// The command to try by hand.
        command: String,
    },
    /// The program that was found is older than this project supports.
    #[error("{path} is version {found}, but {needed} or newer is needed", path = path.display())]
    TooOld {
        /// The program.
        path: PathBuf,
        /// Its version.
        found: crate::Version,
        /// The oldest supported version.
        needed: crate::Version,
    },
    /// A file that should be the program, but is not.
    #[error("{path} cannot be used: {why}", path = path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// We are root, which Postgres refuses, and there is no other user to run it as.
    #[error("Postgres refuses to run as root, and there is neither a user postgres nor nobody")]
    NoAccount,
    /// A system call on a file or a process failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// The action that failed, and its file.
        action: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A signal could not be sent to a server.
    #[error("cannot send a signal to {server}: {source}")]
    Signal {
        /// The server.
        server: &'static str,
        /// The system's answer.
        source: nix::errno::Errno,
    },
    /// The server ended before it was ready.
    #[error("{server} ended while it started ({status}); its log ends:\n{log}")]
    Exited {
        /// The server.
        server: &'static str,
        /// Its exit status.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The server found its port in use.
    #[error("{server} found port {port} in use")]
    PortTaken {
        /// The server.
        server: &'static str,
        /// The port.
        port: u16,
    },
    /// The server runs but did not become ready in time.
    #[error("{server} was not ready within {deadline_ms} ms; its log ends:\n{log}")]
    NotReady {
        /// The server.
        server: &'static str,
        /// The deadline in milliseconds.
        deadline_ms: u128,
        /// The end of its log.
        log: String,
    },
    /// The server is not running, so there is nothing to pause or resume.
    #[error("{server} is not running")]
    Down {
        /// The server.
        server: &'static str,
    },
    /// This system does not support the operation.
    #[error("{what} is not possible on this system")]
    Unsupported {
        /// The operation.
        what: &'static str,
    },
    /// Redis answered a command with an error, or with something unreadable.
    #[error("redis answered {command} with: {reply}")]
    Reply {
        /// The command's name.
        command: String,
        /// The answer.
        reply: String,
    },
    /// A number of nodes that cannot form a cluster.
    #[error("a Redis Cluster needs 3 to {most} nodes, not {asked}")]
    ClusterSize {
        /// The number that the caller asked for.
        asked: usize,
        /// The largest allowed number.
        most: usize,
    },
    /// The nodes of a cluster did not agree in time.
    #[error("the Redis Cluster was not ok within {deadline_ms} ms; a node says:\n{info}")]
    ClusterNotReady {
        /// The deadline in milliseconds.
        deadline_ms: u128,
        /// The last reply to `CLUSTER INFO`.
        info: String,
    },
    /// A database name that cannot be used unquoted.
    #[error("{name:?} is no database name: lower-case letters, digits and _, 1 to 63 of them")]
    DatabaseName {
        /// The name.
        name: String,
    },
    /// Postgres refused, or could not be reached.
    #[error("postgres cannot {action}: {source}")]
    Database {
        /// The action that it was asked to do.
        action: &'static str,
        /// Its answer.
        source: sqlx::Error,
    },
}

impl Error {
    /// For `map_err`: an I/O error with what was being done.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}
