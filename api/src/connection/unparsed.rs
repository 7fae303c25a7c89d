//! Malformed HTTP requests never reach the edge. hyper answers them by itself (400, 414, 431), without a body, and
//! ends the connection. This module stands between hyper and the socket, and replaces such an answer by the one shape
//! of failures. On the way in it lets [`crate::connection::heads`] refuse what hyper would accept.
//!
//! While a request is being answered, it also watches for a client that leaves, so that nobody works for it any more.
//! hyper would do that by reading, into a second buffer beside the one that holds the request.
//!
//! An answer of hyper's own lacks `X-Request-Id`, which every reply of the edge carries. It is the last one of its
//! connection. The client may still be writing then, and closing at once would break the connection before the client
//! reads the answer. So this module reads and discards bytes for a moment.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use crate::{
    connection::{
        activity::Activity,
        heads::{Fault, Heads},
    },
    problem::Problem,
    replies::request_id::RequestId,
};

/// How an answer of hyper's own begins, without the minor version: hyper reports only errors of the client.
const REFUSAL: (&[u8], &[u8]) = (b"HTTP/1.", b" 4");
/// Where the head of an answer ends.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// The bytes that hyper reads after a fault. hyper examines a head in parts only at its end, and the client may be
/// waiting for the refusal.
const FAULT_END: &[u8] = b"\n\n";
/// How many bytes are read and discarded after a refusal.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// For how long.
const DISCARDING_MAX: Duration = Duration::from_secs(2);
/// How many bytes are discarded at once.
const DISCARDED_AT_ONCE: usize = 8 * 1024;

/// A stream that answers malformed requests in our shape.
#[derive(Debug)]
pub struct Explained {
    stream: TcpStream,
    /// The first bytes, which were read already, until hyper reads them.
    start: Vec<u8>,
    heads: Heads,
    activity: Arc<Activity>,
    /// How much of [`FAULT_END`] hyper has read.
    ended: usize,
    /// The answer in place of hyper's, and how many bytes of it are written.
    refusal: Option<(Vec<u8>, usize)>,
    discarded: usize,
    /// When discarding ends.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Explained {
    /// Watches what is read from and written to `stream`, whose first bytes were `start`, and reports heads to
    /// `activity`.
    pub fn new(stream: TcpStream, start: &[u8], activity: Arc<Activity>) -> Self {
        Self {
            stream,
            start: start.to_vec(),
            heads: Heads::default(),
            activity,
            ended: 0,
            refusal: None,
            discarded: 0,
            patience: None,
        }
    }
}

impl Explained {
    /// Whether the client of an HTTP/1 connection has left or sends no more. Without unread bytes this is no system
    /// call; with them, hyper will read them before the end.
    fn has_left(&self, context: &mut Context<'_>) -> io::Result<bool> {
        if !self.heads.are_followed() || !self.activity.is_busy() {
            return Ok(false);
        }
        let mut byte = [0];
        match self.stream.poll_peek(context, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(count) => Ok(count? == 0),
            Poll::Pending => Ok(false),
        }
    }
}

/// Whether these bytes are an answer of hyper's own.
fn is_unexplained(bytes: &[u8]) -> bool {
    let (protocol, client_error) = REFUSAL;
    bytes.starts_with(protocol)
        && bytes[protocol.len()..].get(1..3) == Some(client_error)
        && bytes.ends_with(HEAD_END)
        && !bytes
            .to_ascii_lowercase()
            .windows(b"\r\nx-request-id:".len())
            .any(|window| window == b"\r\nx-request-id:")
}

fn refusal(heads: &Heads) -> Vec<u8> {
    let unreadable = "This is no HTTP request that can be read: its first line or its headers are \
                      malformed or too long.";
    let detail = heads.fault().map_or(unreadable, Fault::detail);
    Problem::validation(detail).render_raw(&RequestId::random())
}

impl AsyncRead for Explained {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let fault = this.heads.fault();
        if fault == Some(Fault::Chunk) {
            // For hyper the connection ends here, before the fault.
            return Poll::Ready(Ok(()));
        }
        if fault.is_some() && this.ended < FAULT_END.len() {
            let count = buffer.remaining().min(FAULT_END.len() - this.ended);
            buffer.put_slice(&FAULT_END[this.ended..this.ended + count]);
            this.ended += count;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let count = buffer.remaining().min(this.start.len());
        buffer.put_slice(&this.start[..count]);
        this.start = this.start.split_off(count);
        // What follows the first bytes comes with them: hyper doubles its buffer where it reads a head in two parts.
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Pending if count > 0 => {}
            read @ (Poll::Ready(_) | Poll::Pending) => ready!(read)?,
        }
        let readable = this.heads.read(&mut buffer.filled_mut()[before..]);
        buffer.set_filled(before + readable);
        this.activity.head(this.heads.unfinished());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Explained {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.refusal.is_none() && !is_unexplained(bytes) {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        }
        let (answer, written) = this
            .refusal
            .get_or_insert_with(|| (refusal(&this.heads), 0));
        while *written < answer.len() {
            let wrote = Pin::new(&mut this.stream).poll_write(context, &answer[*written..]);
            match ready!(wrote)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *written += count,
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// hyper flushes whenever it has done what it can do for now.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_left(context)? {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        // The client may still be writing, and closing now would break the connection before it reads the answer.
        if this.refusal.is_none() && this.heads.fault().is_none() {
            return Poll::Ready(Ok(()));
        }
        let patience = this
            .patience
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + DISCARDING_MAX)));
        let mut bytes = [0; DISCARDED_AT_ONCE];
        while this.discarded < DISCARDED_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut this.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    this.discarded += buffer.filled().len();
                }
                // The client has ended it, cleanly or not.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return patience.as_mut().poll(context).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::is_unexplained;

    #[test]
    fn only_answers_of_hypers_own_are_replaced() {
        assert!(is_unexplained(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n"
        ));
        assert!(is_unexplained(
            b"HTTP/1.0 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
        ));
        for ours in [
            &b"HTTP/1.1 400 Bad Request\r\nX-Request-Id: 1\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 4",
            b"",
        ] {
            assert!(!is_unexplained(ours));
        }
    }
}
