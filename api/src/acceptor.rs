//! Taking connections: what poem's own acceptor leaves out.
//!
//! - `TCP_NODELAY`, for replies are small and awaited
//! - a bound: above it, new connections wait in the listen queue until one ends
//! - a pause after a failed accept, growing, for poem tries again at once, and a process without
//!   free file descriptors would spin
//! - the one shape of failures for what is no request: see [`crate::unparsed`]
//! - a limit on how long a connection may stay without an answer: see [`crate::connection`]

use std::{io, sync::Arc, time::Duration};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use crate::{connection::Connection, unparsed::Explained};

/// First pause after a failed accept.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// Longest pause after a failed accept.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Limits on connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at the same time.
    pub connections_max: usize,
    /// How long a connection may stay without a byte being written to it.
    pub silence_max: Duration,
}

/// Takes connections from a listener.
#[derive(Debug)]
pub struct BoundedAcceptor {
    listener: TcpListener,
    local: LocalAddr,
    places: Arc<Semaphore>,
    silence_max: Duration,
    pause: Duration,
}

impl BoundedAcceptor {
    /// Takes connections from `listener` within the limits.
    ///
    /// # Errors
    /// Where the listener has no address.
    pub fn new(listener: TcpListener, limits: ConnectionLimits) -> io::Result<Self> {
        Ok(Self {
            local: LocalAddr(listener.local_addr()?.into()),
            listener,
            places: Arc::new(Semaphore::new(limits.connections_max)),
            silence_max: limits.silence_max,
            pause: PAUSE_MIN,
        })
    }

    async fn place(&self) -> io::Result<OwnedSemaphorePermit> {
        Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(io::Error::other)
    }

    async fn back_off(&mut self, error: &io::Error) {
        // The client was gone before it was taken: nothing is wrong here.
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return;
        }
        tracing::warn!(%error, pause = ?self.pause, "no connection could be taken");
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }
}

impl Acceptor for BoundedAcceptor {
    type Io = Connection<Explained<TcpStream>>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local.clone()]
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let place = self.place().await?;
        loop {
            match self.listener.accept().await {
                Ok((stream, remote)) => {
                    self.pause = PAUSE_MIN;
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection ended as it began");
                        continue;
                    }
                    let connection =
                        Connection::new(Explained::new(stream), self.silence_max, place);
                    return Ok((
                        connection,
                        self.local.clone(),
                        RemoteAddr(remote.into()),
                        Scheme::HTTP,
                    ));
                }
                Err(error) => self.back_off(&error).await,
            }
        }
    }
}
