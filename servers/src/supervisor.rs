//! One process under supervision: started, watched, revived, paused, stopped, ended.
//!
//! A process is *wanted* from its start until [`Supervisor::kill`] or [`Supervisor::stop`], and again from
//! [`Supervisor::start_again`]. If supervision is on, a thread checks every [`POLL`] whether a wanted process has died,
//! reaps it, and restarts it in the same way. The first restart comes at once, later ones after pauses that double up
//! to [`PAUSE_MAX`]. After too many deaths in a row, each soon after its start, it gives up. The supervisor waits on every
//! child, so none stays a zombie. Signals go by pid, under the lock that reaping takes, so none meets a reused pid.

use std::{
    process::ExitStatus,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    Error,
    child::{CHECK, Lives, PAUSE_MAX, PAUSE_MIN},
    service::Service,
};

/// How often the thread checks its process.
const POLL: Duration = Duration::from_millis(20);

/// Owns one running process; ends it when dropped.
pub struct Supervisor<S: Service> {
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
    lives: Lives,
    /// The owner is dropping it.
    ending: bool,
}

impl<S: Service> Supervisor<S> {
    /// Starts a process. Nothing restarts it until [`Supervisor::supervised`].
    pub fn start(service: S) -> Result<Self, Error> {
        let state = State {
            lives: Lives::of(service.launch()?),
            ending: false,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                service,
                state: Mutex::new(state),
                ending: Condvar::new(),
            }),
            watcher: None,
        })
    }

    /// Restarts it from now on when it dies, if `supervised`. Fails if the watching thread cannot be started.
    pub fn supervised(mut self, supervised: bool) -> Result<Self, Error> {
        if supervised {
            let shared = Arc::clone(&self.shared);
            let watcher = thread::Builder::new()
                .name(format!("{}-watcher", shared.service.name()))
                .spawn(move || shared.watch())
                .map_err(Error::io("start a watching thread"))?;
            self.watcher = Some(watcher);
        }
        Ok(self)
    }

    pub(crate) fn service(&self) -> &S {
        &self.shared.service
    }

    /// The running process; `None` while there is none.
    pub fn pid(&self) -> Option<u32> {
        let running = self.shared.lock().lives.running();
        running.map(|pid| pid.as_raw().unsigned_abs())
    }

    /// How it ended by itself; `None` while it runs, and once it was ended or reaped.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.shared.lock().lives.ended()
    }

    /// How often it was restarted, by supervision or by a call.
    pub fn restarts(&self) -> u64 {
        self.shared.lock().lives.restarts
    }

    /// Ends it as a crash would, and leaves it down.
    pub fn kill(&self) -> Result<(), Error> {
        self.shared.end(&mut self.shared.lock(), Signal::SIGKILL)
    }

    /// Ends it in good order, by force after its deadline, and leaves it down.
    pub fn stop(&self) -> Result<(), Error> {
        let signal = self.service().stop_signal();
        self.shared.end(&mut self.shared.lock(), signal)
    }

    /// Restarts a process that is down; does nothing if it runs. Retries within the bounds above: a killed Postgres
    /// leaves processes that hold its memory for a moment.
    pub fn start_again(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        if state.lives.running().is_some() {
            return Ok(());
        }
        let mut pause = PAUSE_MIN;
        let mut attempt = 1;
        loop {
            match self.service().launch() {
                Ok(child) => {
                    state.lives.deaths_in_a_row = 0;
                    state.lives.wanted = true;
                    state.lives.up(child);
                    return Ok(());
                }
                Err(error) if attempt >= self.service().deaths_max() => return Err(error),
                Err(_) => thread::sleep(pause),
            }
            attempt += 1;
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Freezes it: connections stay, but get no answers.
    pub fn pause(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        let pid = state.lives.running().ok_or_else(|| self.down())?;
        // Set first: even a half-done pause must be resumed.
        state.lives.paused = true;
        self.service().pause(pid)
    }

    /// Lets a frozen process go on.
    pub fn resume(&self) -> Result<(), Error> {
        let mut state = self.shared.lock();
        let pid = state.lives.running().ok_or_else(|| self.down())?;
        self.service().resume(pid)?;
        state.lives.paused = false;
        Ok(())
    }

    /// Waits until `ready` returns true.
    ///
    /// # Errors
    /// It ended meanwhile and nothing restarts it, or the deadline passed.
    pub fn until_ready(
        &self,
        deadline: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        let server = self.service().name();
        let started = Instant::now();
        while !ready() {
            if self.watcher.is_none() && self.pid().is_none() {
                let status = self.shared.lock().lives.reap();
                return Err(Error::Exited {
                    server,
                    status: status.unwrap_or_else(|| "not started".to_owned()),
                    log: self.service().log_tail(),
                });
            }
            if started.elapsed() >= deadline {
                return Err(Error::NotReady {
                    server,
                    deadline_ms: deadline.as_millis(),
                    log: self.service().log_tail(),
                });
            }
            thread::sleep(CHECK);
        }
        Ok(())
    }

    fn down(&self) -> Error {
        let server = self.service().name();
        Error::Down { server }
    }
}

impl<S: Service> Drop for Supervisor<S> {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.ending = true;
            self.shared.ending.notify_all();
            let signal = self.service().end_signal();
            if let Err(error) = self.shared.end(&mut state, signal) {
                tracing::warn!(server = self.service().name(), %error, "cannot end a server");
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
            let lives = &mut state.lives;
            if lives.wanted && lives.running().is_none() {
                if let Some(status) = lives.reap() {
                    tracing::warn!(server, status, "the server died");
                    lives.put_off();
                }
                let deaths_max = self.service.deaths_max();
                if lives.deaths_in_a_row > deaths_max {
                    tracing::error!(server, deaths = deaths_max, "the server is left dead");
                    lives.wanted = false;
                } else if Instant::now() >= lives.due {
                    self.revive(lives);
                }
            }
            self.hasten(lives);
            let waited = self.ending.wait_timeout(state, POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Quickly ends a server that is shutting down at somebody else's request, so that it can restart.
    fn hasten(&self, lives: &mut Lives) {
        if lives.paused || !lives.wanted {
            return;
        }
        if let Some(pid) = lives.running()
            && self.service.is_stopping(pid)
            && let Err(error) = self.service.signal(pid, self.service.stop_signal())
        {
            tracing::warn!(server = self.service.name(), %error, "it could not be hastened");
        }
    }

    fn revive(&self, lives: &mut Lives) {
        let server = self.service.name();
        match self.service.launch() {
            Ok(child) => {
                lives.up(child);
                tracing::info!(server, restarts = lives.restarts, "the server is up again");
            }
            Err(error) => {
                tracing::warn!(server, %error, "the server did not start again");
                lives.put_off();
            }
        }
    }

    /// Signals the process, and reaps it: by force after the deadline, also if the signal failed. It stays down.
    fn end(&self, state: &mut State, signal: Signal) -> Result<(), Error> {
        let server = self.service.name();
        let lives = &mut state.lives;
        lives.wanted = false;
        let signalled = lives.running().map_or(Ok(()), |pid| {
            lives.paused = false;
            self.service.signal(pid, signal)
        });
        let in_time = lives
            .await_end(self.service.stop_deadline())
            .map_err(Error::io(format!("wait for the end of {server}")))?;
        if !in_time {
            tracing::warn!(server, "it did not end in time, and was killed");
        }
        signalled
    }
}
