//! Replies that are being written: a bounded number at the same time, and a bounded time for each.
//!
//! A reply gives its place back when its last part is handed on, when its client leaves, or at its deadline. A client
//! that does not read would keep its place for as long as its connection lasts, because the server does not poll a
//! reply that nobody reads. So a timer takes the place back, and the reply breaks off where it stands.

use std::{io, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use poem::Body;
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::problem::{Code, Problem};

/// Replies that are being written at the same time. The operating system buffers up to a whole reply for each client
/// that does not read; more clients are refused.
const WRITTEN_MAX: usize = 16;
/// How long one may take. A client with 100 kB/s has read the compressed page by then.
pub(super) const WRITTEN_DEADLINE: Duration = Duration::from_secs(10);
/// After how many seconds a refused client may retry.
const RETRY_AFTER_SECONDS: u64 = 1;
/// How much of a reply is handed on at once, bytes.
const PART_BYTES: usize = 64 * 1024;

/// The places of replies that are being written.
#[derive(Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    deadline: Duration,
}

impl Places {
    /// All places are free. A reply gives its place back after `deadline` at the latest.
    pub(super) fn new(deadline: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(WRITTEN_MAX)),
            deadline,
        }
    }

    /// A body of these bytes. It holds a place until it is written.
    pub(super) fn body(&self, bytes: &'static [u8]) -> Result<Body, Problem> {
        let place = Arc::clone(&self.free).try_acquire_owned().map_err(|_| {
            Problem::new(
                Code::Unavailable,
                "Too many clients are reading the documentation now. Ask again in a second.",
            )
            .retry_after(RETRY_AFTER_SECONDS)
        })?;
        let (written, too_late) = (CancellationToken::new(), CancellationToken::new());
        let (done, late, deadline) = (written.clone(), too_late.clone(), self.deadline);
        tokio::spawn(async move {
            let _held = place;
            tokio::select! {
                () = done.cancelled() => {}
                () = sleep(deadline) => late.cancel(),
            }
        });
        let written: DropGuard = written.drop_guard();
        let parts = stream::iter(bytes.chunks(PART_BYTES)).map(move |part| {
            let _until_the_last_part = &written;
            if too_late.is_cancelled() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Ok::<_, io::Error>(part)
        });
        Ok(Body::from_bytes_stream(parts))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use poem::Body;
    use tokio::{task::yield_now, time::timeout};

    use super::{PART_BYTES, Places, WRITTEN_DEADLINE, WRITTEN_MAX};

    /// Long enough for anything that is not stuck.
    const PATIENCE: Duration = Duration::from_secs(5);

    static TEXT: [u8; 3 * PART_BYTES] = [b'x'; 3 * PART_BYTES];

    fn filled(places: &Places) -> Vec<Body> {
        let held = (0..WRITTEN_MAX).map(|_| places.body(&TEXT).unwrap());
        let held = held.collect();
        assert!(
            places.body(&TEXT).is_err(),
            "one more than there are places"
        );
        held
    }

    /// Waits until the task that keeps a place has given it back.
    async fn until_room(places: &Places) {
        let room = async {
            while places.body(&TEXT).is_err() {
                yield_now().await;
            }
        };
        timeout(PATIENCE, room).await.expect("a place is free");
    }

    #[tokio::test]
    async fn only_so_many_are_written_at_once_and_a_written_one_makes_room() {
        let places = Places::new(WRITTEN_DEADLINE);
        let mut held = filled(&places);
        let read = held.pop().unwrap().into_vec().await.unwrap();
        assert!(read == TEXT, "{} bytes", read.len());
        until_room(&places).await;
    }

    #[tokio::test]
    async fn a_client_who_leaves_makes_room() {
        let places = Places::new(WRITTEN_DEADLINE);
        let mut held = filled(&places);
        drop(held.pop());
        until_room(&places).await;
    }

    #[tokio::test]
    async fn clients_who_do_not_read_lose_their_places_and_their_replies_break_off() {
        let places = Places::new(Duration::from_millis(50));
        let held = filled(&places);
        until_room(&places).await;
        for unread in held {
            unread.into_vec().await.unwrap_err();
        }
    }
}
