//! A child process and the story of its lives: when it started, how often it died, when it may start again.

use std::{
    io,
    process::{Child, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use nix::unistd::Pid;

use crate::{Error, service::Service};

/// The pause before the second start in a row; it doubles from there.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause before a start.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A process that ran this long was healthy, and the count of deaths starts over.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// The pause between checks whether a process has ended or become ready.
pub(crate) const CHECK: Duration = Duration::from_millis(5);

/// A process that its owner wants to run, or not.
pub(crate) struct Lives {
    child: Option<Child>,
    pub(crate) wanted: bool,
    pub(crate) paused: bool,
    pub(crate) restarts: u64,
    pub(crate) deaths_in_a_row: u32,
    started: Instant,
    /// The earliest time at which it may be restarted.
    pub(crate) due: Instant,
}

impl Lives {
    /// The first life of a child.
    pub(crate) fn of(child: Child) -> Self {
        let now = Instant::now();
        Self {
            child: Some(child),
            wanted: true,
            paused: false,
            restarts: 0,
            deaths_in_a_row: 0,
            started: now,
            due: now,
        }
    }

    /// The pid of the child, as long as it has not ended. `try_wait` may be called on an ended child again: the
    /// standard library reaps it at most once.
    pub(crate) fn running(&mut self) -> Option<Pid> {
        let child = self.child.as_mut()?;
        match child.try_wait() {
            Ok(None) => i32::try_from(child.id()).ok().map(Pid::from_raw),
            Ok(Some(_)) | Err(_) => None,
        }
    }

    /// How the child ended by itself; `None` while it runs, and once it was ended or reaped.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    /// Reaps a child that has ended by itself, and returns how. `None` if there is none.
    pub(crate) fn reap(&mut self) -> Option<String> {
        let mut child = self.child.take()?;
        if self.started.elapsed() >= HEALTHY_AFTER {
            self.deaths_in_a_row = 0;
        }
        let ended = child.wait();
        Some(ended.map_or_else(|error| error.to_string(), |status| status.to_string()))
    }

    /// Waits for the end of the child, and kills it after the deadline. Returns whether it ended in time.
    pub(crate) fn await_end(&mut self, deadline: Duration) -> io::Result<bool> {
        let Some(mut child) = self.child.take() else {
            return Ok(true);
        };
        let started = Instant::now();
        while child.try_wait()?.is_none() {
            if started.elapsed() >= deadline {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            thread::sleep(CHECK);
        }
        Ok(true)
    }

    /// A new life.
    pub(crate) fn up(&mut self, child: Child) {
        self.child = Some(child);
        self.paused = false;
        self.restarts += 1;
        self.started = Instant::now();
    }

    /// Counts a death or a failed start, and sets the time of the next start.
    pub(crate) fn put_off(&mut self) {
        let pause = match self.deaths_in_a_row {
            0 => Duration::ZERO,
            // Past the tenth doubling the maximum holds anyway.
            deaths => PAUSE_MAX.min(PAUSE_MIN * 2_u32.pow(deaths.min(10) - 1)),
        };
        self.deaths_in_a_row += 1;
        self.due = Instant::now() + pause;
    }
}

/// Waits until a fresh child is ready. Reaps it if it is not ready within the deadline, ends, or cannot be checked.
pub(crate) fn until_ready(
    mut child: Child,
    service: &impl Service,
    deadline: Duration,
    mut ready: impl FnMut(u32) -> bool,
    log: impl Fn() -> String,
) -> Result<Child, Error> {
    let server = service.name();
    let started = Instant::now();
    loop {
        if let Some(status) = child
            .try_wait()
            .map_err(Error::io(format!("wait for {server}")))?
        {
            return Err(Error::Exited {
                server,
                status: status.to_string(),
                log: log(),
            });
        }
        if ready(child.id()) {
            return Ok(child);
        }
        if started.elapsed() >= deadline {
            child
                .kill()
                .and_then(|()| child.wait())
                .map_err(Error::io(format!("end {server}")))?;
            return Err(Error::NotReady {
                server,
                deadline_ms: deadline.as_millis(),
                log: log(),
            });
        }
        thread::sleep(CHECK);
    }
}
