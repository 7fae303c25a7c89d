//! One process and its owner's wish that it runs: started, watched, signalled, reaped.
//!
//! It is wanted from its start until it is killed or terminated, and again from [`Process::start_again`]. If it is
//! supervised, a thread checks every `POLL` whether it died, and restarts it: at once the first time, then after pauses
//! that double up to `PAUSE_MAX`; after `DEATHS_MAX` deaths in a row, each within `HEALTHY_AFTER` of its start, it
//! stays dead. Signals go by pid, under the lock that reaping takes, so that no signal meets a pid that belongs to
//! another process by now.

use std::{
    io,
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use super::{error::ProcessError, launch::Launch};

/// How often the thread checks its process.
const POLL: Duration = Duration::from_millis(20);

/// The pause between checks whether a process has ended or become ready.
const CHECK: Duration = Duration::from_millis(5);

/// The pause before the second start in a row; it doubles from there.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause before a start.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Supervision gives up after this many deaths in a row.
const DEATHS_MAX: u32 = 30;

/// A process that ran this long was healthy.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// A process. Dropping the value ends it.
pub struct Process {
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
}

struct Shared {
    launch: Launch,
    state: Mutex<State>,
    /// Wakes the watching thread at the end.
    ending: Condvar,
}

struct State {
    child: Option<Child>,
    wanted: bool,
    ending: bool,
    restarts: u64,
    deaths_in_a_row: u32,
    started: Instant,
    due: Instant,
}

impl Process {
    /// Starts a process.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start(launch: Launch) -> Result<Self, ProcessError> {
        let now = Instant::now();
        let state = State {
            child: Some(launch.spawn()?),
            wanted: true,
            ending: false,
            restarts: 0,
            deaths_in_a_row: 0,
            started: now,
            due: now,
        };
        let shared = Arc::new(Shared {
            launch,
            state: Mutex::new(state),
            ending: Condvar::new(),
        });
        Ok(Self {
            shared,
            watcher: None,
        })
    }

    /// Restarts it from now on when it dies.
    ///
    /// # Errors
    /// The watching thread cannot be started.
    pub fn supervised(mut self) -> Result<Self, ProcessError> {
        let shared = Arc::clone(&self.shared);
        let name = format!("{}-watcher", shared.launch.name);
        let watcher = thread::Builder::new()
            .name(name)
            .spawn(move || shared.watch());
        self.watcher = Some(watcher.map_err(self.failed("watch"))?);
        Ok(self)
    }

    /// The running process; `None` while there is none.
    pub fn pid(&self) -> Option<u32> {
        self.shared
            .lock()
            .running()
            .map(|pid| pid.as_raw().unsigned_abs())
    }

    /// How it ended by itself; `None` while it runs, and once it was ended or reaped.
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut state = self.shared.lock();
        state.child.as_mut()?.try_wait().ok().flatten()
    }

    /// How often it was restarted, by supervision or by a call.
    pub fn restarts(&self) -> u64 {
        self.shared.lock().restarts
    }

    /// Ends it as a crash would, and leaves it down.
    pub fn kill(&self) -> Result<(), ProcessError> {
        self.end(Signal::SIGKILL, Duration::MAX)
    }

    /// Asks it to end, and kills it after the deadline. It stays down.
    pub fn terminate(&self, deadline: Duration) -> Result<(), ProcessError> {
        self.end(Signal::SIGTERM, deadline)
    }

    /// Starts a process that is down; does nothing if it runs.
    pub fn start_again(&self) -> Result<(), ProcessError> {
        let mut state = self.shared.lock();
        if state.running().is_none() {
            let child = self.shared.launch.spawn()?;
            state.wanted = true;
            state.deaths_in_a_row = 0;
            state.up(child);
        }
        Ok(())
    }

    /// Freezes it: connections stay, but get no answers.
    pub fn pause(&self) -> Result<(), ProcessError> {
        self.signal(Signal::SIGSTOP)
    }

    /// Resumes a frozen process.
    pub fn resume(&self) -> Result<(), ProcessError> {
        self.signal(Signal::SIGCONT)
    }

    /// Waits until `ready` returns true.
    ///
    /// # Errors
    /// It ended meanwhile without supervision, or the deadline passed.
    pub fn until_ready(
        &self,
        deadline: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), ProcessError> {
        let started = Instant::now();
        loop {
            if ready() {
                return Ok(());
            }
            let name = self.shared.launch.name;
            if self.watcher.is_none() && self.pid().is_none() {
                let status = self.shared.lock().reap();
                return Err(ProcessError::Exited {
                    name,
                    status,
                    log: self.shared.launch.log_tail(),
                });
            }
            let waited = started.elapsed();
            if waited >= deadline {
                return Err(ProcessError::NotReady {
                    name,
                    waited,
                    log: self.shared.launch.log_tail(),
                });
            }
            thread::sleep(CHECK);
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let mut state = self.shared.lock();
        let name = self.shared.launch.name;
        let pid = state.running().ok_or(ProcessError::Down { name })?;
        signal::kill(pid, signal).map_err(|errno| self.failed("signal")(errno.into()))
    }

    fn end(&self, signal: Signal, deadline: Duration) -> Result<(), ProcessError> {
        let mut state = self.shared.lock();
        state.wanted = false;
        let Some(pid) = state.running() else {
            state.reap();
            return Ok(());
        };
        signal::kill(pid, signal).map_err(|errno| self.failed("signal")(errno.into()))?;
        if signal != Signal::SIGKILL {
            // A frozen process handles no other signal.
            signal::kill(pid, Signal::SIGCONT)
                .map_err(|errno| self.failed("signal")(errno.into()))?;
        }
        let Some(mut child) = state.child.take() else {
            return Ok(());
        };
        let started = Instant::now();
        while child.try_wait().map_err(self.failed("wait for"))?.is_none() {
            if started.elapsed() >= deadline {
                tracing::warn!(
                    process = self.shared.launch.name,
                    "did not end in time: killed"
                );
                child
                    .kill()
                    .and_then(|()| child.wait())
                    .map_err(self.failed("kill"))?;
                break;
            }
            thread::sleep(CHECK);
        }
        Ok(())
    }

    fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> ProcessError + use<> {
        let name = self.shared.launch.name;
        move |source| ProcessError::Io {
            action,
            name,
            source,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.ending = true;
            self.shared.ending.notify_all();
        }
        if let Err(error) = self.kill() {
            tracing::warn!(%error, "a process may be left");
        }
        if let Some(watcher) = self.watcher.take() {
            // A watcher that panicked has nothing left to do.
            let _ = watcher.join();
        }
    }
}

impl Shared {
    /// The state stays usable if a thread panicked while holding the lock: every change leaves it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watching thread.
    fn watch(&self) {
        let name = self.launch.name;
        let mut state = self.lock();
        while !state.ending {
            if state.wanted && state.running().is_none() {
                if state.child.is_some() {
                    let status = state.reap();
                    tracing::warn!(process = name, status, "a process died");
                    state.put_off();
                }
                if state.deaths_in_a_row > DEATHS_MAX {
                    tracing::error!(process = name, deaths = DEATHS_MAX, "it is left dead");
                    state.wanted = false;
                } else if Instant::now() >= state.due {
                    match self.launch.spawn() {
                        Ok(child) => state.up(child),
                        Err(error) => {
                            tracing::warn!(process = name, %error, "it did not start again");
                            state.put_off();
                        }
                    }
                }
            }
            let waited = self.ending.wait_timeout(state, POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    /// The pid of the child, as long as it has not ended.
    fn running(&mut self) -> Option<Pid> {
        let child = self.child.as_mut()?;
        match child.try_wait() {
            Ok(None) => i32::try_from(child.id()).ok().map(Pid::from_raw),
            Ok(Some(_)) | Err(_) => None,
        }
    }

    /// Waits on an ended child, and returns how it ended.
    fn reap(&mut self) -> String {
        if self.started.elapsed() >= HEALTHY_AFTER {
            self.deaths_in_a_row = 0;
        }
        let ended = self.child.take().map(|mut child| child.wait());
        match ended {
            Some(Ok(status)) => status.to_string(),
            Some(Err(error)) => error.to_string(),
            None => "not started".to_owned(),
        }
    }

    fn up(&mut self, child: Child) {
        self.child = Some(child);
        self.restarts += 1;
        self.started = Instant::now();
    }

    /// Counts a death or a failed start, and sets the time of the next start.
    fn put_off(&mut self) {
        let pause = match self.deaths_in_a_row {
            0 => Duration::ZERO,
            // Past the tenth doubling the maximum holds anyway.
            deaths => PAUSE_MAX.min(PAUSE_MIN * 2_u32.pow(deaths.min(10) - 1)),
        };
        self.deaths_in_a_row += 1;
        self.due = Instant::now() + pause;
    }
}
