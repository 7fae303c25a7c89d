//! Printing, the same in every program: results to standard output, everything else to standard error.
//!
//! The macros of the standard library panic if they cannot write to an output. Here it is no error if the reader has
//! left, as `head` does: it has read enough. A long-running program learns of it as [`Reader::Gone`].

use std::{
    error::Error,
    io::{self, Write},
    iter::successors,
    os::fd::AsFd as _,
    sync::atomic::{AtomicBool, Ordering},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Standard output cannot be written to for another reason than a reader that has left: a full disk, say.
#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written to")]
pub struct Unwritable(#[source] io::Error);

/// Whether an output still has a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The text was written.
    There,
    /// The output is closed: nothing will ever read it.
    Gone,
}

/// Prints a text to standard output and ends its last line.
pub fn print(text: &str) -> Result<Reader, Unwritable> {
    let mut out = io::stdout().lock();
    let line_break = if text.ends_with('\n') { "" } else { "\n" };
    reader_of(write!(out, "{text}{line_break}").and_then(|()| out.flush()))
}

/// Whether a write reached a reader.
pub fn reader_of(written: io::Result<()>) -> Result<Reader, Unwritable> {
    match written {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Unwritable(error)),
    }
}

/// Whether standard output still has a reader, as far as the system knows without a write.
pub fn reader() -> Reader {
    let out = io::stdout();
    let mut polled = [PollFd::new(out.as_fd(), PollFlags::empty())];
    let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
    let answered = poll(&mut polled, PollTimeout::ZERO).is_ok();
    let [out] = polled;
    match out.revents() {
        Some(events) if answered && events.intersects(gone) => Reader::Gone,
        Some(_) | None => Reader::There,
    }
}

/// An error and its causes, in one line. Some errors already repeat their cause's text.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    for cause in successors(error.source(), |&cause| cause.source()).map(ToString::to_string) {
        if !line.ends_with(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line.replace('\n', " ")
}

/// Writes a line to standard error. A failure is ignored: without a reader nobody misses the line.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints for a process that does more than print: the first text that cannot be written becomes one log line, and
/// the process continues.
#[derive(Debug, Default)]
pub struct Commentary {
    ended: AtomicBool,
}

impl Commentary {
    /// Nothing is printed yet.
    pub const fn new() -> Self {
        Self {
            ended: AtomicBool::new(false),
        }
    }

    /// Prints a text, unless an earlier one could not be written.
    pub fn print(&self, text: &str) {
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        match print(text) {
            Ok(Reader::There) => return,
            Ok(Reader::Gone) => {
                tracing::warn!("standard output is closed; this process goes on without it");
            }
            Err(error) => {
                let cause = error.0;
                tracing::warn!(%cause, "standard output cannot be written to; this process goes on without it");
            }
        }
        self.ended.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::anyhow;

    use super::{Reader, one_line, reader_of};

    #[test]
    fn a_reader_who_has_left_is_no_error_and_a_full_disk_is_one() {
        assert_eq!(reader_of(Ok(())).unwrap(), Reader::There);
        let gone = reader_of(Err(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(gone.unwrap(), Reader::Gone);
        let full = reader_of(Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(full.unwrap_err().0.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn an_error_is_one_line_that_says_nothing_twice() {
        let cause = anyhow!("no such port\n(7x)").context("wrong address: no such port\n(7x)");
        let line = one_line(&*cause.context("cannot connect"));
        assert_eq!(line, "cannot connect: wrong address: no such port (7x)");
    }
}
