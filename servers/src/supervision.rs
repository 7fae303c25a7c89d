//! One server under supervision: started, watched, revived, paused, stopped, ended.
//!
//! A server is *wanted* from its start until [`Supervisor::kill`] or [`Supervisor::stop`], and again from
//! [`Supervisor::start_again`]. If supervision is on, a thread checks every [`POLL`] whether a wanted server has died,
//! reaps it, and restarts it with the same data, port and password: at once the first time, then after pauses that
//! double up to [`PAUSE_MAX`]. After [`DEATHS_MAX`] deaths in a row, each within [`HEALTHY_AFTER`] of its start, it
//! gives up. The supervisor waits on every child, so none stays a zombie and no signal meets a reused pid.

use std::{
    process::Child,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::Error;

/// How often the thread checks its server.
const POLL: Duration = Duration::from_millis(20);

/// The pause before the second start in a row; it doubles from there.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause before a start.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The supervisor gives up after this many deaths or failed starts in a row.
const DEATHS_MAX: u32 = 12;

/// A server that ran this long was healthy, and the count of deaths starts over.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// The pause between checks whether a server has ended or become ready.
const CHECK: Duration = Duration::from_millis(5);

/// How long a server may take to end after the stop signal; then it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// The properties of a kind of server that its supervisor needs.
pub(crate) trait Service: Send + Sync + 'static {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// Starts it and returns once it is ready, or leaves nothing running.
    fn launch(&self) -> Result<Child, Error>;

    /// The signal for an orderly end that keeps all data.
    fn stop_signal(&self) -> Signal;

    /// The signal for an end after which the data are not needed.
    fn end_signal(&self) -> Signal;

    /// Whether it is shutting down at somebody else's request, and would take its time.
    fn is_stopping(&self, _pid: Pid) -> bool {
        false
    }

    /// Freezes the server and all of its processes.
    fn pause(&self, pid: Pid) -> Result<(), Error>;

    /// Undoes `pause`; harmless without one.
    fn resume(&self, pid: Pid) -> Result<(), Error>;
}

/// Owns one running server; ends it when dropped.
pub(crate) struct Supervisor<S: Service> {
    shared: Arc<Shared<S>>,
    watcher: Option<JoinHandle<()>>,
}

struct Shared<S> {
    service: S,
    state: Mutex<State>,
    /// Wakes the watching thread at the end.
    ending: Condvar,
}

struct State {
    child: Option<Child>,
    wanted: bool,
    ending: bool,
    paused: bool,
    restarts: u64,
    deaths_in_a_row: u32,
    started: Instant,
    /// The earliest time at which the watching thread may restart it.
    due: Instant,
}

impl<S: Service> Supervisor<S> {
    /// Starts a server, and watches it from then on if `supervised`.
    pub(crate) fn start(service: S, supervised: bool) -> Result<Self, Error> {
        let child = service.launch()?;
        let now = Instant::now();
        let state = State {
            child: Some(child),
            wanted: true,
            ending: false,
            paused: false,
            restarts: 0,
            deaths_in_a_row: 0,
            started: now,
            due: now,
        };
        let shared = Arc::new(Shared {
            service,
            state: Mutex::new(state),
            ending: Condvar::new(),
        });
        let mut supervisor = Self {
            shared,
            watcher: None,
        };
        if supervised {
            let shared = Arc::clone(&supervisor.shared);
            let watcher = thread::Builder::new()
                .name(format!("{}-watcher", shared.service.name()))
                .spawn(move || shared.watch())
                .map_err(Error::io("start a watching thread"))?;
            supervisor.watcher = Some(watcher);
        }
        Ok(supervisor)
    }

    pub(crate) fn service(&self) -> &S {
        &self.shared.service
    }

    /// The running process; `None` while there is none.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.shared
            .lock()
            .running()
            .map(|pid| pid.as_raw().unsigned_abs())
    }

    /// How often the server was restarted, by supervision or by a call.
    pub(crate) fn restarts(&self) -> u64 {
        self.shared.lock().restarts
    }

    /// Ends the server as a crash would, and leaves it down.
    pub(crate) fn kill(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        state.wanted = false;
        self.shared.end(&mut state, Signal::SIGKILL)
    }

    /// Ends the server in good order, and leaves it down.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        state.wanted = false;
        self.shared
            .end(&mut state, self.shared.service.stop_signal())
    }

    /// Restarts a server that is down; does nothing if it runs. Retries within the bounds above: a killed Postgres
    /// leaves processes that hold its memory for a moment.
    pub(crate) fn start_again(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        if state.running().is_some() {
            return Ok(());
        }
        let mut pause = PAUSE_MIN;
        let mut attempt = 1;
        loop {
            match self.shared.service.launch() {
                Ok(child) => {
                    state.deaths_in_a_row = 0;
                    state.wanted = true;
                    state.up(child);
                    return Ok(());
                }
                Err(error) if attempt >= DEATHS_MAX => return Err(error),
                Err(_) => thread::sleep(pause),
            }
            attempt += 1;
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Freezes the server: connections stay, but get no answers.
    pub(crate) fn pause(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        let pid = state.running().ok_or(Error::Down {
            server: self.service().name(),
        })?;
        // Set first: even a half-done pause must be resumed.
        state.paused = true;
        self.service().pause(pid)
    }

    /// Lets a paused server go on.
    pub(crate) fn resume(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        let pid = state.running().ok_or(Error::Down {
            server: self.service().name(),
        })?;
        self.service().resume(pid)?;
        state.paused = false;
        Ok(())
    }
}

impl<S: Service> Drop for Supervisor<S> {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.wanted = false;
            state.ending = true;
            self.shared.ending.notify_all();
            if let Err(error) = self
                .shared
                .end(&mut state, self.shared.service.end_signal())
            {
                tracing::warn!(server = self.shared.service.name(), %error, "cannot end a server");
            }
        }
        if let Some(watcher) = self.watcher.take() {
            // A watcher that panicked has nothing left to do.
            let _ = watcher.join();
        }
    }
}

impl<S: Service> Shared<S> {
    /// The state stays usable if a thread panicked while holding the lock: every change leaves it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watching thread.
    fn watch(&self) {
        let server = self.service.name();
        let mut state = self.lock();
        while !state.ending {
            if state.wanted && state.running().is_none() {
                if let Some(mut child) = state.child.take() {
                    let status = child
                        .wait()
                        .map_or_else(|e| e.to_string(), |s| s.to_string());
                    tracing::warn!(server, status, "the server died");
                    if state.started.elapsed() >= HEALTHY_AFTER {
                        state.deaths_in_a_row = 0;
                    }
                    state.put_off();
                }
                if state.deaths_in_a_row > DEATHS_MAX {
                    tracing::error!(server, deaths = DEATHS_MAX, "the server is left dead");
                    state.wanted = false;
                } else if Instant::now() >= state.due {
                    self.revive(&mut state);
                }
            }
            self.hasten(&mut state);
            let waited = self.ending.wait_timeout(state, POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Quickly ends a server that is shutting down at somebody else's request, so that it can restart.
    fn hasten(&self, state: &mut State) {
        if state.paused || !state.wanted {
            return;
        }
        if let Some(pid) = state.running()
            && self.service.is_stopping(pid)
            && let Err(error) = signal::kill(pid, self.service.stop_signal())
        {
            tracing::warn!(server = self.service.name(), %error, "it could not be hastened");
        }
    }

    fn revive(&self, state: &mut State) {
        let server = self.service.name();
        match self.service.launch() {
            Ok(child) => {
                state.up(child);
                tracing::info!(server, restarts = state.restarts, "the server is up again");
            }
            Err(error) => {
                tracing::warn!(server, %error, "the server did not start again");
                state.put_off();
            }
        }
    }

    /// Signals the server, and reaps it: by force after the deadline.
    fn end(&self, state: &mut State, signal: Signal) -> Result<(), Error> {
        let server = self.service.name();
        if let Some(pid) = state.running() {
            if state.paused {
                self.service.resume(pid)?;
                state.paused = false;
            }
            signal::kill(pid, signal).map_err(|source| Error::Signal { server, source })?;
        }
        let Some(mut child) = state.child.take() else {
            return Ok(());
        };
        reap(&mut child, STOP_DEADLINE).map_err(Error::io(format!("wait for the end of {server}")))
    }
}

impl State {
    /// The pid of the child, as long as it has not ended. `try_wait` may be called on an ended child again: the
    /// standard library reaps it at most once.
    fn running(&mut self) -> Option<Pid> {
        let child = self.child.as_mut()?;
        match child.try_wait() {
            Ok(None) => i32::try_from(child.id()).ok().map(Pid::from_raw),
            Ok(Some(_)) | Err(_) => None,
        }
    }

    fn up(&mut self, child: Child) {
        self.child = Some(child);
        self.paused = false;
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

/// Waits for a child's end, and kills it after the deadline.
fn reap(child: &mut Child, deadline: Duration) -> std::io::Result<()> {
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
        thread::sleep(CHECK);
    }
    Ok(())
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
