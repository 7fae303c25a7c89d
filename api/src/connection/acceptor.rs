//! Accepts connections, and adds what a plain listener lacks:
//!
//! - `TCP_NODELAY`, because replies are small and clients wait for them
//! - a bound: above it, new connections wait in the listen queue until one ends
//! - a bound for each address: a connection above it is refused at once, so that it delays nobody else
//! - a growing pause after a failed accept, because a process without free file descriptors would spin

use std::{
    io::{self, Read, Write},
    net::{self, Shutdown, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::OwnedSemaphorePermit,
    time::sleep,
};

use crate::{
    connection::{
        activity::Patience,
        client_address::TrustedProxies,
        places::{AddressPlace, Places},
    },
    log_limit::LogLimit,
    problem::{Code, Problem},
    replies::request_id::RequestId,
};

/// First pause after a failed accept.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// Longest pause after a failed accept.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// At most one line about refused connections is logged in this time.
const REFUSAL_LOGGED_EVERY: Duration = Duration::from_secs(60);
/// When an address with too many connections should retry, seconds.
const RETRY_AFTER_SECONDS: u64 = 5;
/// How much of a request is read and discarded before its connection is refused, bytes. Closing with unread bytes
/// would break the connection before the client reads the refusal.
const DISCARDED_BYTES: usize = 16 * 1024;

/// Connections to a port for metrics at the same time.
const METRICS_CONNECTIONS_MAX: usize = 16;
/// How long they may stay.
const METRICS_PATIENCE: Patience = Patience {
    silence_max: Duration::from_secs(60),
    head_max: Duration::from_secs(10),
};

/// Limits on connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at the same time.
    pub connections_max: usize,
    /// Connections of one address at the same time; 0 is no limit.
    pub connections_per_address_max: usize,
    /// Addresses without a limit of their own.
    pub proxies: TrustedProxies,
    /// How long a connection may stay.
    pub patience: Patience,
}

impl ConnectionLimits {
    /// The limits of a port for metrics, which few clients read.
    pub fn of_metrics() -> Self {
        Self {
            connections_max: METRICS_CONNECTIONS_MAX,
            connections_per_address_max: 0,
            proxies: TrustedProxies::default(),
            patience: METRICS_PATIENCE,
        }
    }
}

/// A connection, and the places that it holds until they are dropped.
#[derive(Debug)]
pub struct Taken {
    /// The connection, which no runtime knows yet.
    pub stream: net::TcpStream,
    /// Its other end.
    pub remote: SocketAddr,
    /// Its place among all, and among those of its address.
    pub places: (Option<OwnedSemaphorePermit>, AddressPlace),
}

/// Takes connections from a listener.
#[derive(Debug)]
pub struct BoundedAcceptor {
    listener: TcpListener,
    local: SocketAddr,
    places: Places,
    patience: Patience,
    pause: Duration,
    refusals: LogLimit,
}

impl BoundedAcceptor {
    /// Accepts connections from `listener` within the limits. Fails if the listener has no address.
    pub fn new(listener: TcpListener, limits: ConnectionLimits) -> io::Result<Self> {
        Ok(Self {
            local: listener.local_addr()?,
            listener,
            places: Places::new(
                limits.connections_max,
                limits.connections_per_address_max,
                limits.proxies,
            ),
            patience: limits.patience,
            pause: PAUSE_MIN,
            refusals: LogLimit::one_in(REFUSAL_LOGGED_EVERY),
        })
    }

    /// Where it listens.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// How long its connections may stay.
    pub const fn patience(&self) -> Patience {
        self.patience
    }

    /// Waits for a place, and then for the next connection.
    pub async fn accept(&mut self) -> Taken {
        let place = self.places.free().await;
        loop {
            let (stream, remote) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.back_off(&error).await;
                    continue;
                }
            };
            self.pause = PAUSE_MIN;
            let Some(address_place) = self.places.of(remote.ip()) else {
                self.refuse(stream, remote);
                continue;
            };
            match prepared(stream) {
                Ok(stream) => {
                    return Taken {
                        stream,
                        remote,
                        places: (place, address_place),
                    };
                }
                Err(error) => tracing::debug!(%error, "a connection ended as it began"),
            }
        }
    }

    async fn back_off(&mut self, error: &io::Error) {
        // The client left before the connection was accepted: nothing is wrong here.
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return;
        }
        tracing::warn!(%error, pause = ?self.pause, "no connection could be taken");
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    fn refuse(&self, stream: TcpStream, remote: SocketAddr) {
        if self.refusals.allows() {
            tracing::warn!(
                address = %remote.ip(),
                setting = "CONNECTIONS_PER_ADDRESS_MAX",
                "an address has as many connections as it may: more are refused",
            );
        }
        if let Err(error) = turn_away(stream) {
            tracing::debug!(%error, "a connection ended before its refusal");
        }
    }
}

fn prepared(stream: TcpStream) -> io::Result<net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.into_std()
}

/// Sends the reason and closes. It waits for nothing: the buffer of an empty socket holds so few bytes at once.
fn turn_away(stream: TcpStream) -> io::Result<()> {
    let problem = Problem::new(
        Code::TooManyAttempts,
        "Too many connections from your address are open. Close some, or try again later.",
    )
    .retry_after(RETRY_AFTER_SECONDS);
    let mut stream = stream.into_std()?;
    match stream.read(&mut [0; DISCARDED_BYTES]) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
        Ok(_) | Err(_) => {}
    }
    stream.write_all(&problem.render_raw(&RequestId::random()))?;
    stream.shutdown(Shutdown::Write)
}
