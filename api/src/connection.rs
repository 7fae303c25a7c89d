//! One connection, with a limit on silence: when nothing was written to it for that long, it is
//! broken off.
//!
//! The clock starts anew with each write, and with the first read after a write, and with nothing
//! else. So it bounds all of these, whichever way a client goes about it: a connection that is left
//! open, one on which a request comes byte by byte, and a reply that is not read. A request is to be
//! answered within this time of its first byte. Reads do not push the limit on: that is what a slow
//! client would live from.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};

/// A stream with a limit on silence.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    silence_max: Duration,
    /// Nothing was read since the last write.
    at_rest: bool,
    /// When the limit is reached.
    deadline: Instant,
    /// Rings at the deadline, or at an earlier one and is then set again: moving a timer for each
    /// write would cost more than looking at the clock.
    alarm: Pin<Box<Sleep>>,
    /// Frees its place among the connections.
    _place: OwnedSemaphorePermit,
}

impl<S> Connection<S> {
    /// Limits the silence on `stream`, which holds a place among the connections.
    pub fn new(stream: S, silence_max: Duration, place: OwnedSemaphorePermit) -> Self {
        let deadline = Instant::now() + silence_max;
        Self {
            stream,
            silence_max,
            at_rest: true,
            deadline,
            alarm: Box::pin(sleep_until(deadline)),
            _place: place,
        }
    }

    fn start_anew(&mut self) {
        self.deadline = Instant::now() + self.silence_max;
    }

    /// Ready once the limit is reached.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.alarm.as_mut().poll(context));
            if self.alarm.deadline() >= self.deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            let deadline = self.deadline;
            self.alarm.as_mut().reset(deadline);
        }
    }

    /// What the stream answered, or an error where it has nothing to say and the limit is reached.
    fn bounded<T>(
        &mut self,
        answer: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        match answer {
            Poll::Pending => self.poll_silence(context).map(Err),
            ready @ Poll::Ready(_) => ready,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_read(context, buffer);
        if answer.is_ready() && self.at_rest {
            self.at_rest = false;
            self.start_anew();
        }
        self.bounded(answer, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(answer, Poll::Ready(Ok(_))) {
            self.at_rest = true;
            self.start_anew();
        }
        self.bounded(answer, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(answer, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(answer, context)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, sync::Arc, time::Duration};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        sync::Semaphore,
        time::{Instant, sleep},
    };

    use super::Connection;

    const SILENCE_MAX: Duration = Duration::from_millis(200);

    async fn pair() -> (DuplexStream, Connection<DuplexStream>) {
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let (client, server) = duplex(16);
        (client, Connection::new(server, SILENCE_MAX, place))
    }

    #[tokio::test]
    async fn a_silent_connection_is_broken_off() {
        let (_client, mut server) = pair().await;
        assert_eq!(
            server.read_u8().await.unwrap_err().kind(),
            ErrorKind::TimedOut
        );
    }

    #[tokio::test]
    async fn a_request_that_comes_byte_by_byte_is_broken_off() {
        let (mut client, mut server) = pair().await;
        tokio::spawn(async move {
            while client.write_u8(b'G').await.is_ok() {
                sleep(SILENCE_MAX / 20).await;
            }
        });
        let mut bytes = 0;
        let error = loop {
            match server.read_u8().await {
                Ok(_) => bytes += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(bytes > 1, "{bytes}");
    }

    #[tokio::test]
    async fn a_reply_that_nobody_reads_is_broken_off() {
        let (_client, mut server) = pair().await;
        assert_eq!(
            server.write_all(&[0; 64]).await.unwrap_err().kind(),
            ErrorKind::TimedOut
        );
    }

    #[tokio::test]
    async fn a_connection_that_is_answered_in_time_lives_on() {
        let (mut client, mut server) = pair().await;
        let began = Instant::now();
        while began.elapsed() < 3 * SILENCE_MAX {
            client.write_u8(1).await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), 1);
            sleep(SILENCE_MAX / 10).await;
            server.write_u8(2).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), 2);
            sleep(SILENCE_MAX / 10).await;
        }
    }
}
