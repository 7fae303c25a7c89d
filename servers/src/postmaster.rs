//! The processes of a running Postgres: one postmaster, and a child for each connection and each
//! background task.
//!
//! The file `postmaster.pid` in the data directory shows whether the server is ready (line 1: the postmaster's pid;
//! line 8: `ready` once it accepts connections; `miscadmin.h` in its source).
//!
//! Stopping the postmaster alone would leave existing connections working, so its children are stopped too. Each has a
//! session of its own, so no signal to a group reaches them. We read the kernel's list of them once the postmaster has
//! stopped: from then on it neither makes new children nor reaps ended ones, so that each listed pid still belongs to
//! that child.

use std::{fs, path::Path};

#[cfg(target_os = "linux")]
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::Error;

#[cfg(target_os = "linux")]
const NAME: &str = "postgres";

/// Whether the postmaster with this pid accepts connections. The file of a killed predecessor has another pid.
pub(crate) fn is_ready(cluster: &Path, pid: u32) -> bool {
    has_status(cluster, pid, "ready")
}

/// Whether the postmaster with this pid is shutting down. After a SIGTERM it waits until the last client has left,
/// however long that takes.
pub(crate) fn is_stopping(cluster: &Path, pid: u32) -> bool {
    has_status(cluster, pid, "stopping")
}

fn has_status(cluster: &Path, pid: u32, status: &str) -> bool {
    let Ok(text) = fs::read_to_string(cluster.join("postmaster.pid")) else {
        return false;
    };
    let mut lines = text.lines();
    let same = lines
        .next()
        .is_some_and(|line| line.trim() == pid.to_string());
    same && lines.nth(6).is_some_and(|line| line.trim() == status)
}

/// Stops the postmaster, then its children.
#[cfg(target_os = "linux")]
pub(crate) fn pause(postmaster: Pid) -> Result<(), Error> {
    send(postmaster, Signal::SIGSTOP)?;
    wait_until_stopped(postmaster)?;
    children(postmaster)?
        .into_iter()
        .try_for_each(|child| send(child, Signal::SIGSTOP))
}

/// Resumes the children, then the postmaster. A running postmaster is not touched: the list of its children could be
/// outdated by the time it is used.
#[cfg(target_os = "linux")]
pub(crate) fn resume(postmaster: Pid) -> Result<(), Error> {
    if !is_stopped(postmaster)? {
        return Ok(());
    }
    children(postmaster)?
        .into_iter()
        .try_for_each(|child| send(child, Signal::SIGCONT))?;
    send(postmaster, Signal::SIGCONT)
}

/// Only Linux can list a process's children.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pause(_postmaster: Pid) -> Result<(), Error> {
    Err(Error::Unsupported {
        what: "pausing Postgres",
    })
}

/// Where no Postgres can be paused, none needs to be resumed.
#[cfg(not(target_os = "linux"))]
pub(crate) fn resume(_postmaster: Pid) -> Result<(), Error> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn send(pid: Pid, signal: Signal) -> Result<(), Error> {
    signal::kill(pid, signal).map_err(|source| Error::Signal {
        server: NAME,
        source,
    })
}

/// A process obeys a stop signal at once, but not before `kill` returns.
#[cfg(target_os = "linux")]
fn wait_until_stopped(pid: Pid) -> Result<(), Error> {
    /// The limit; each check takes 1 ms.
    const CHECKS: u32 = 2_000;
    for _ in 0..CHECKS {
        if is_stopped(pid)? {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let source = std::io::ErrorKind::TimedOut.into();
    Err(Error::Io {
        action: "wait until postgres has stopped".to_owned(),
        source,
    })
}

/// The state is the first field after the name in parentheses (`proc_pid_stat(5)`).
#[cfg(target_os = "linux")]
fn is_stopped(pid: Pid) -> Result<bool, Error> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))?;
    Ok(stat
        .rsplit_once(") ")
        .is_some_and(|(_, fields)| fields.starts_with('T')))
}

/// The postmaster has one thread, so these are all of them.
#[cfg(target_os = "linux")]
fn children(pid: Pid) -> Result<Vec<Pid>, Error> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let listed = fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))?;
    Ok(listed
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .map(Pid::from_raw)
        .collect())
}
