//! Ports for servers on 127.0.0.1.
//!
//! A restarted server must find its port free. A port that the system chooses by itself (port 0) would not do: while
//! the server is down, a client that keeps connecting to it may get that very port as its own. On Linux the client is
//! then connected to itself, and holds the port. So this module draws ports below every system's range for clients
//! (Linux: from 32768, `ip(7)`; macOS: from 49152), and tries them by binding them.

use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// The range to draw ports from. Few well-known servers have registered a port in it, and a taken port is noticed.
const RANGE: std::ops::Range<u16> = 15_000..30_000;

/// How many ports to draw before giving up.
const DRAWS: u32 = 100;

/// How many ports a server tries to start on, if other programs take each first.
pub(crate) const START_ATTEMPTS: u32 = 5;

/// A port that was free a moment ago. If another program binds it first, draw again.
///
/// # Errors
/// No port was free.
pub fn free_port() -> Result<u16, Error> {
    let mut last = None;
    for _ in 0..DRAWS {
        let port = rand::random_range(RANGE);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    let source = last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into());
    Err(Error::Io {
        action: "find a free port on 127.0.0.1".to_owned(),
        source,
    })
}
