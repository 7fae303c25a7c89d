//! Starts every child process, from one thread that lives as long as the process.
//!
//! On Linux a child asks the kernel for a signal when its parent dies (`PR_SET_PDEATHSIG`, `prctl(2)`). "Parent" means
//! the *thread* that forked it: spawned from a test's thread, a shared server would die with that test. Hence the one
//! thread. The child makes the request between fork and exec, and after the change of user, which would clear it. The
//! parent may be dead by then, so the child checks for it afterwards. Each child leads a process group of its own, so
//! that a Ctrl-C at the terminal reaches only us, and our servers stay up while we shut down.
//!
//! macOS has no such signal. There, children end when their owners are dropped, and they stay in our process group, so
//! that a Ctrl-C ends them as well.

use std::{
    io,
    process::{Child, Command},
    sync::{
        OnceLock,
        mpsc::{Sender, channel},
    },
    thread,
};

use nix::sys::signal::Signal;

type Job = Box<dyn FnOnce() + Send>;

static QUEUE: OnceLock<Result<Sender<Job>, String>> = OnceLock::new();

/// Starts a child. On Linux it gets this signal when our process dies, and leads a process group of its own.
pub fn spawn(mut command: Command, at_our_death: Signal) -> io::Result<Child> {
    die_with_us(&mut command, at_our_death);
    let (answer, answered) = channel();
    let job: Job = Box::new(move || {
        // The caller waits below, so the channel cannot be closed.
        let _ = answer.send(command.spawn());
    });
    let queue = QUEUE
        .get_or_init(start)
        .as_ref()
        .map_err(|why| io::Error::other(why.as_str()))?;
    let gone = || io::Error::other("the spawning thread is gone");
    queue.send(job).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn start() -> Result<Sender<Job>, String> {
    let (queue, jobs) = channel::<Job>();
    thread::Builder::new()
        .name("servers-spawner".to_owned())
        .spawn(move || jobs.into_iter().for_each(|job| job()))
        .map_err(|error| format!("cannot start the spawning thread: {error}"))?;
    Ok(queue)
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "asking for the death signal must happen in the child, before exec"
)]
fn die_with_us(command: &mut Command, signal: Signal) {
    use std::os::unix::process::CommandExt;

    use nix::{errno::Errno, sys::prctl, unistd};

    let us = unistd::getpid();
    let ask = move || {
        prctl::set_pdeathsig(signal)?;
        if unistd::getppid() == us {
            Ok(())
        } else {
            Err(io::Error::from(Errno::ESRCH))
        }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `ask` makes two
    // plain system calls and neither allocates nor locks.
    unsafe {
        command.process_group(0).pre_exec(ask);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_us(_command: &mut Command, _signal: Signal) {}
