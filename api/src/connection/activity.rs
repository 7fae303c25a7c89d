//! How long a connection may stay: requests extend its time, bytes do not.
//!
//! A request, its reply, and each piece of a reply that comes in pieces give the connection another
//! `CONNECTION_SILENCE_MAX_SECONDS`. Nothing else does: neither a PING of HTTP/2, nor a request or a reply that comes
//! byte by byte. So a client cannot hold a place for long without a request, and an event stream stays open while it
//! has events. The edge ends each request within `REQUEST_DEADLINE_SECONDS`, which is less.
//!
//! The head of an HTTP/1 request has a deadline of its own, from its first byte.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    sync::Notify,
    time::{Instant, Sleep, sleep_until},
};

/// How long a connection may stay.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Without a request and without a piece of a reply.
    pub silence_max: Duration,
    /// With the head of a request that has begun to come.
    pub head_max: Duration,
}

/// What a connection is doing. The requests on it report, and [`Overdue`] reads.
#[derive(Debug)]
pub struct Activity {
    opened: Instant,
    /// When a request or a piece of a reply was last seen, milliseconds after the opening.
    last_ms: AtomicU64,
    /// The head of a request has begun to come.
    head: AtomicBool,
    /// An HTTP/1 request is being answered: bytes read meanwhile wait for the answer, not for their sender.
    answering: AtomicBool,
    /// Replies that come in pieces and are not at their end.
    streaming: AtomicUsize,
    /// Requests whose replies are whole and not passed on yet, or do not exist yet.
    whole: AtomicUsize,
    /// The last reply came in pieces. HTTP/1 may still be writing it after its end.
    streamed: AtomicBool,
    /// A whole reply was passed on, or its client has left.
    repaid: Notify,
}

/// The activity of a connection that begins now.
impl Default for Activity {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            last_ms: AtomicU64::new(0),
            head: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            streaming: AtomicUsize::new(0),
            whole: AtomicUsize::new(0),
            streamed: AtomicBool::new(false),
            repaid: Notify::new(),
        }
    }
}

impl Activity {
    /// Sets whether the head of a request has begun to come and is not complete.
    pub fn head(&self, unfinished: bool) {
        self.head.store(unfinished, Ordering::Relaxed);
    }

    /// A request came. It is owed a reply as long as the result lives.
    pub fn asked(self: &Arc<Self>) -> Owed {
        self.answering.store(true, Ordering::Relaxed);
        self.streamed.store(false, Ordering::Relaxed);
        self.whole.fetch_add(1, Ordering::Relaxed);
        self.progressed();
        Owed(Arc::clone(self))
    }

    /// The reply to a request exists, at least its beginning.
    pub fn answered(&self) {
        self.answering.store(false, Ordering::Relaxed);
        self.progressed();
    }

    /// Whether an HTTP/1 request is under way, up to the last piece of its reply.
    pub fn is_busy(&self) -> bool {
        self.answering.load(Ordering::Relaxed) || self.streaming.load(Ordering::Relaxed) > 0
    }

    /// Whether all replies that the connection still owes come in pieces, as event streams do.
    fn only_streams(&self) -> bool {
        let streams = self.streaming.load(Ordering::Relaxed) > 0;
        self.whole.load(Ordering::Relaxed) == 0
            && (streams || self.streamed.load(Ordering::Relaxed))
    }

    /// Waits until the connection owes only such replies. One task alone may wait for it.
    pub async fn owes_only_streams(&self) {
        while !self.only_streams() {
            self.repaid.notified().await;
        }
    }

    fn progressed(&self) {
        let elapsed = self.opened.elapsed().as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.last_ms.store(elapsed, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.opened + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    fn waits_for_a_head(&self) -> bool {
        self.head.load(Ordering::Relaxed) && !self.answering.load(Ordering::Relaxed)
    }
}

/// Completes once a connection has stayed too long. It must be polled whenever the connection was.
#[derive(Debug)]
pub struct Overdue {
    activity: Arc<Activity>,
    patience: Patience,
    /// When the head that is coming must be complete.
    head_deadline: Option<Instant>,
    /// Rings at the deadline, or earlier and is then set again: moving a timer for each request would cost more than
    /// reading the clock.
    alarm: Pin<Box<Sleep>>,
}

impl Overdue {
    /// Watches the connection whose activity this is.
    pub fn new(activity: Arc<Activity>, patience: Patience) -> Self {
        let alarm = Box::pin(sleep_until(activity.last() + patience.silence_max));
        Self {
            activity,
            patience,
            head_deadline: None,
            alarm,
        }
    }

    fn look_for_a_head(&mut self) {
        if !self.activity.waits_for_a_head() {
            self.head_deadline = None;
        } else if self.head_deadline.is_none() {
            let deadline = Instant::now() + self.patience.head_max;
            self.head_deadline = Some(deadline);
            if deadline < self.alarm.deadline() {
                self.alarm.as_mut().reset(deadline);
            }
        }
    }
}

impl Future for Overdue {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.look_for_a_head();
        loop {
            ready!(this.alarm.as_mut().poll(context));
            let silence = || this.activity.last() + this.patience.silence_max;
            let deadline = this.head_deadline.unwrap_or_else(silence);
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            this.alarm.as_mut().reset(deadline);
        }
    }
}

/// A whole reply that a connection owes, or one that does not exist yet.
#[derive(Debug)]
pub struct Owed(Arc<Activity>);

impl Drop for Owed {
    fn drop(&mut self) {
        self.0.whole.fetch_sub(1, Ordering::Relaxed);
        self.0.repaid.notify_one();
    }
}

/// A reply that comes in pieces and is not at its end.
#[derive(Debug)]
struct Streaming(Arc<Activity>);

impl Streaming {
    fn new(activity: &Arc<Activity>, is_events: bool) -> Self {
        activity.streamed.fetch_or(is_events, Ordering::Relaxed);
        activity.streaming.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.streaming.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum Kind {
    Whole {
        _owed: Owed,
    },
    InPieces {
        streaming: Streaming,
        /// None for an event stream, which no end waits for: its client opens another one.
        _owed: Option<Owed>,
    },
}

/// The body of a reply. If it comes in pieces, each piece counts as activity.
#[derive(Debug)]
pub struct Watched<B> {
    body: B,
    kind: Kind,
}

impl<B: Body> Watched<B> {
    /// Watches the body of the reply that is owed. If its length is known, all of it is already there.
    pub fn new(body: B, owed: Owed, is_events: bool) -> Self {
        let kind = if body.size_hint().exact().is_some() {
            Kind::Whole { _owed: owed }
        } else {
            Kind::InPieces {
                streaming: Streaming::new(&owed.0, is_events),
                _owed: (!is_events).then_some(owed),
            }
        };
        Self { body, kind }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Kind::InPieces { streaming, .. } = &self.kind {
            streaming.0.progressed();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible, future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration,
    };

    use http_body_util::Full;
    use hyper::body::{Body, Bytes, Frame};
    use tokio::time::{Instant, sleep, timeout};

    use super::{Activity, Overdue, Patience, Watched};

    const PATIENCE: Patience = Patience {
        silence_max: Duration::from_millis(200),
        head_max: Duration::from_millis(50),
    };

    fn connection() -> (Arc<Activity>, Overdue) {
        let activity = Arc::new(Activity::default());
        let overdue = Overdue::new(Arc::clone(&activity), PATIENCE);
        (activity, overdue)
    }

    #[tokio::test]
    async fn a_connection_without_requests_is_overdue_after_its_silence() {
        let began = Instant::now();
        let (_activity, overdue) = connection();
        overdue.await;
        assert!(began.elapsed() >= PATIENCE.silence_max);
    }

    #[tokio::test]
    async fn requests_and_replies_keep_a_connection() {
        let (activity, mut overdue) = connection();
        let began = Instant::now();
        while began.elapsed() < 3 * PATIENCE.silence_max {
            let _owed = activity.asked();
            timeout(PATIENCE.silence_max / 4, &mut overdue)
                .await
                .unwrap_err();
            activity.answered();
            timeout(PATIENCE.silence_max / 4, &mut overdue)
                .await
                .unwrap_err();
        }
        overdue.await;
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_to_its_end_is_overdue_sooner() {
        let (activity, overdue) = connection();
        activity.head(true);
        let began = Instant::now();
        overdue.await;
        assert!(began.elapsed() >= PATIENCE.head_max);
        assert!(began.elapsed() < PATIENCE.silence_max);
    }

    #[tokio::test]
    async fn a_head_that_waits_for_an_answer_to_the_one_before_is_not_overdue() {
        let (activity, mut overdue) = connection();
        let _owed = activity.asked();
        activity.head(true);
        timeout(2 * PATIENCE.head_max, &mut overdue)
            .await
            .unwrap_err();
        activity.answered();
        overdue.await;
    }

    /// A body without an end.
    #[derive(Debug)]
    struct Pieces;

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))))
        }
    }

    #[test]
    fn a_connection_owes_only_streams_until_it_owes_a_whole_reply() {
        let activity = Arc::new(Activity::default());
        assert!(!activity.only_streams(), "it owes nothing");
        let stream = Watched::new(Pieces, activity.asked(), true);
        assert!(activity.only_streams());
        let owed = activity.asked();
        assert!(!activity.only_streams(), "a request is being answered");
        let whole = Watched::new(Full::new(Bytes::from_static(b"whole")), owed, false);
        assert!(!activity.only_streams(), "its reply is not passed on");
        drop(whole);
        assert!(activity.only_streams());
        drop(stream);
        assert!(!activity.only_streams());
        // HTTP/1 may still be writing the last reply.
        drop(Watched::new(Pieces, activity.asked(), true));
        assert!(activity.only_streams());
        // A client has left before its reply.
        drop(activity.asked());
        assert!(!activity.only_streams());
    }

    #[tokio::test]
    async fn a_wait_until_only_streams_are_owed_ends_with_the_last_whole_reply() {
        let activity = Arc::new(Activity::default());
        let _stream = Watched::new(Pieces, activity.asked(), true);
        let owed = activity.asked();
        let both = async { tokio::join!(activity.owes_only_streams(), async { drop(owed) }) };
        timeout(PATIENCE.silence_max, both).await.unwrap();
    }

    #[tokio::test]
    async fn each_piece_of_a_reply_keeps_a_connection() {
        let (activity, mut overdue) = connection();
        let mut body = Watched::new(Pieces, activity.asked(), true);
        activity.answered();
        let began = Instant::now();
        while began.elapsed() < 2 * PATIENCE.silence_max {
            poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            timeout(PATIENCE.silence_max / 4, &mut overdue)
                .await
                .unwrap_err();
            sleep(PATIENCE.silence_max / 4).await;
        }
        overdue.await;
    }
}
