//! A stream that ends when its reader stops taking it, so that what it holds is free for others.

use std::{io, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{sync::mpsc, time::timeout};

/// A part is small, so that a slow reader who goes on takes one from time to time.
const PART_BYTES: usize = 16 * 1024;

/// These pieces, cut into small parts. A task of its own makes them, and drops `place` when they end, when one fails, and
/// when the reader has taken nothing for `stall_max` or has left. A reader who comes back later finds the stream broken off.
pub fn while_taken(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    place: impl Send + 'static,
    stall_max: Duration,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _until_it_ends = place;
        let mut pieces = pin!(pieces);
        while let Some(piece) = pieces.next().await {
            for part in parts(piece) {
                if !send(&sender, Some(part), stall_max).await {
                    return;
                }
            }
        }
        send(&sender, None, stall_max).await;
    });
    stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(part)) => Some((part, Some(receiver))),
            Some(None) => None,
            None => Some((Err(broken_off()), None)),
        }
    })
}

/// Whether the reader has taken the part before this one in time.
async fn send(
    sender: &mpsc::Sender<Option<io::Result<Bytes>>>,
    part: Option<io::Result<Bytes>>,
    stall_max: Duration,
) -> bool {
    let sent = timeout(stall_max, sender.send(part)).await;
    if sent.is_err() {
        tracing::info!("an export was broken off: its reader takes nothing");
    }
    matches!(sent, Ok(Ok(())))
}

fn parts(piece: io::Result<Bytes>) -> Vec<io::Result<Bytes>> {
    match piece {
        Ok(mut rest) => {
            let mut parts = Vec::new();
            while !rest.is_empty() {
                let part = rest.split_to(PART_BYTES.min(rest.len()));
                parts.push(Ok(part));
            }
            parts
        }
        Err(error) => vec![Err(error)],
    }
}

fn broken_off() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the reader took nothing for too long",
    )
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc, time::Duration};

    use bytes::Bytes;
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};
    use tokio::time::sleep;

    use super::{PART_BYTES, while_taken};

    const STALL_MAX: Duration = Duration::from_millis(500);

    fn pieces(count: usize) -> Vec<io::Result<Bytes>> {
        let piece = Bytes::from(vec![b'x'; PART_BYTES + 1]);
        (0..count).map(|_| Ok(piece.clone())).collect()
    }

    #[tokio::test]
    async fn a_slow_reader_gets_everything() {
        let place = Arc::new(());
        let taken = while_taken(stream::iter(pieces(5)), Arc::clone(&place), STALL_MAX);
        let slowly = taken.then(async |part| {
            sleep(STALL_MAX / 10).await;
            part
        });
        let parts: Vec<Bytes> = slowly.try_collect().await.unwrap();
        assert_eq!(parts.concat().len(), 5 * (PART_BYTES + 1));
        assert_eq!(Arc::strong_count(&place), 1);
    }

    #[tokio::test]
    async fn a_reader_who_stops_loses_the_place_and_learns_it() {
        let place = Arc::new(());
        let taken = while_taken(stream::iter(pieces(5)), Arc::clone(&place), STALL_MAX);
        let mut taken = Box::pin(taken);
        assert!(taken.next().await.unwrap().is_ok());
        sleep(STALL_MAX / 10).await;
        assert_eq!(Arc::strong_count(&place), 2);
        sleep(2 * STALL_MAX).await;
        assert_eq!(Arc::strong_count(&place), 1);
        let rest: Vec<_> = taken.collect().await;
        assert!(rest.last().unwrap().is_err());
    }

    #[tokio::test]
    async fn a_failure_comes_through_and_a_reader_who_leaves_frees_the_place() {
        let place = Arc::new(());
        let fails = [Ok(Bytes::from("a")), Err(io::Error::other("no"))];
        let taken = while_taken(stream::iter(fails), Arc::clone(&place), STALL_MAX);
        let taken: Vec<_> = taken.collect().await;
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[1].as_ref().unwrap_err().to_string(), "no");
        drop(while_taken(
            stream::iter(pieces(5)),
            Arc::clone(&place),
            STALL_MAX,
        ));
        sleep(STALL_MAX / 5).await;
        assert_eq!(Arc::strong_count(&place), 1);
    }
}
