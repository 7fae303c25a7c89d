//! The processes of a running Postgres: one postmaster, and a child for each connection and each
//! background task.
//!
//! Whether the server is ready stands in `postmaster.pid` in its data directory (line 1: the
//! postmaster's pid; line 8: `ready` once it takes connections; `miscadmin.h` in its source).
//!
//! Stopping the postmaster alone would leave existing connections working, so its children are
//! stopped too. Each has a session of its own, so no signal to a group reaches them. They are
//! listed by the kernel once the postmaster has stopped: from then on it neither makes new ones
//! nor reaps those that ended, so that each listed pid stays the child it was.

use std::{fs, path::Path};

#[cfg(target_os = "linux")]
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::Error;

#[cfg(target_os = "linux")]
const NAME: &str = "postgres";

/// Whether the postmaster with this pid takes connections. A killed predecessor's file has
/// another pid.
pub(crate) fn is_ready(cluster: &Path, pid: u32) -> bool {
    has_status(cluster, pid, "ready")
}

/// Whether the postmaster with this pid is on its way to its end. Told to by SIGTERM it waits until the
/// last client has left, however long that takes.
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

/// Lets the children go on, then the postmaster. A postmaster that runs is not touched: its
/// list of children could be old when it is used.
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

/// Only Linux lists a process's children.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pause(_postmaster: Pid) -> Result<(), Error> {
    Err(Error::Unsupported {
        what: "pausing Postgres",
    })
}

/// Only Linux lists a process's children.
#[cfg(not(target_os = "linux"))]
pub(crate) fn resume(_postmaster: Pid) -> Result<(), Error> {
    Err(Error::Unsupported {
        what: "resuming Postgres",
    })
}

#[cfg(target_os = "linux")]
fn send(pid: Pid, signal: Signal) -> Result<(), Error> {
    signal::kill(pid, signal).map_err(|source| Error::Signal {
        server: NAME,
        source,
    })
}

/// A signal to stop is obeyed at once, but not before `kill` returns.
#[cfg(target_os = "linux")]
fn wait_until_stopped(pid: Pid) -> Result<(), Error> {
    /// At 1 ms each.
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
