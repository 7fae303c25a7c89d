//! Ports for servers on 127.0.0.1.
//!
//! A server that is killed and started again must find its port free. A port that the system
//! hands out by itself (port 0) would not do: while the server is down, a client that keeps
//! connecting to it may be given that very port as its own, and on Linux it is then connected to
//! itself, and holds the port. So ports are drawn below every system's range for clients
//! (Linux: from 32768, `ip(7)`; macOS: from 49152), and tried by binding them.

use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// Where ports are drawn from. No port that is registered for a well-known server lies here in
/// numbers that matter; one that is taken is noticed.
const RANGE: std::ops::Range<u16> = 15_000..30_000;

/// How many are drawn before giving up.
const DRAWS: u32 = 100;

/// How many ports a server is started on, if others are quicker to take each.
pub(crate) const START_ATTEMPTS: u32 = 5;

/// A port that was free a moment ago. Whoever binds it too late draws another.
///
/// # Errors
/// None was found.
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
