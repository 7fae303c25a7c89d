//! Starts every process from one thread that lives as long as we do.
//!
//! On Linux a child asks the kernel for SIGKILL for when its parent dies, by way of `setpriv`
//! (util-linux, on every Debian), which then becomes the program: same pid, no code of ours between
//! fork and exec. "Parent" there is the *thread* that forked it, hence the one thread. Where there
//! is no `setpriv`, a process ends when its owner is dropped, and only then. Each leads a process
//! group of its own, so that a Ctrl-C at the terminal reaches us alone.

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command},
    sync::{
        OnceLock,
        mpsc::{Sender, channel},
    },
    thread,
};

/// What sets the death signal.
const SETPRIV: &str = "/usr/bin/setpriv";

type Job = Box<dyn FnOnce() + Send>;

static QUEUE: OnceLock<Result<Sender<Job>, String>> = OnceLock::new();

/// Starts a program.
pub(super) fn spawn(program: &Path, set_up: impl FnOnce(&mut Command)) -> io::Result<Child> {
    let mut command = if Path::new(SETPRIV).is_file() {
        let mut command = Command::new(SETPRIV);
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    set_up(&mut command);
    command.process_group(0);
    let (answer, answered) = channel();
    let job: Job = Box::new(move || {
        // The asker waits below, so the channel cannot be closed.
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
        .name("system-spawner".to_owned())
        .spawn(move || jobs.into_iter().for_each(|job| job()))
        .map_err(|error| format!("cannot start the spawning thread: {error}"))?;
    Ok(queue)
}
