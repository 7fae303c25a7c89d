//! A kind of process: how it starts, and which signals it understands.

use std::{process::Child, time::Duration};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::Error;

/// How long a process may take to end after the stop signal; then it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// The supervisor gives up after this many deaths or failed starts in a row.
const DEATHS_MAX: u32 = 12;

/// The properties of a kind of process that its supervisor needs.
pub trait Service: Send + Sync + 'static {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// Starts it, or leaves nothing running.
    fn launch(&self) -> Result<Child, Error>;

    /// The signal for an orderly end that keeps all data.
    fn stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }

    /// How long it may take to end in order.
    fn stop_deadline(&self) -> Duration {
        STOP_DEADLINE
    }

    /// The signal for an end after which the data are not needed.
    fn end_signal(&self) -> Signal {
        Signal::SIGKILL
    }

    /// How many deaths or failed starts in a row the supervisor bears.
    fn deaths_max(&self) -> u32 {
        DEATHS_MAX
    }

    /// The end of its log, for error messages.
    fn log_tail(&self) -> String {
        String::new()
    }

    /// Whether it is shutting down at somebody else's request, and would take its time.
    fn is_stopping(&self, _pid: Pid) -> bool {
        false
    }

    /// Freezes it, with all of its processes.
    fn pause(&self, pid: Pid) -> Result<(), Error> {
        send(self.name(), pid, Signal::SIGSTOP)
    }

    /// Undoes `pause`; harmless without one.
    fn resume(&self, pid: Pid) -> Result<(), Error> {
        send(self.name(), pid, Signal::SIGCONT)
    }

    /// Sends it a signal to end, which must also reach a frozen process: SIGKILL alone needs no help.
    fn signal(&self, pid: Pid, signal: Signal) -> Result<(), Error> {
        send(self.name(), pid, signal)?;
        if signal == Signal::SIGKILL {
            return Ok(());
        }
        self.resume(pid)
    }
}

/// Sends a signal to a process, of which the caller knows that it was not reaped.
pub(crate) fn send(server: &'static str, pid: Pid, signal: Signal) -> Result<(), Error> {
    signal::kill(pid, signal).map_err(|source| Error::Signal { server, source })
}
