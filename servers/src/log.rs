//! The end of a server's log, for the message when it does not start.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use crate::Error;

/// How much of a log a message quotes.
const QUOTE_MAX_BYTES: u64 = 2_000;

/// What both servers log about a port that another process has (`strerror(3)`, locale C).
const PORT_TAKEN: &str = "Address already in use";

/// The current length of the log; 0 if it does not exist.
pub(crate) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |log| log.len())
}

/// The log from a position on, or the end of that part.
pub(crate) fn since(path: &Path, start: u64) -> String {
    let start = start.max(length(path).saturating_sub(QUOTE_MAX_BYTES));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut log| {
        log.seek(SeekFrom::Start(start))?;
        log.take(QUOTE_MAX_BYTES).read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(no log: {error})"),
    }
}

/// Names the reason if a server ended because its port was taken.
pub(crate) fn port_taken(error: Error, server: &'static str, port: u16) -> Error {
    if matches!(&error, Error::Exited { log, .. } if log.contains(PORT_TAKEN)) {
        Error::PortTaken { server, port }
    } else {
        error
    }
}
