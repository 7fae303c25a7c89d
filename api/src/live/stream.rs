//! The body of one stream: the events of its sale, and of its user's purchase.
//!
//! It holds no events of its own, so a reader who does not read costs the few that the connection has taken.

use std::{future::pending, io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use prometheus::IntCounter;
use rand::RngExt;
use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    event::{Event, HEARTBEAT},
    feed::Subscription,
};
use crate::replies::name::NAME_DIGITS;

/// After this time without an event a stream sends a comment, and before where connections may not be silent for so long.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// How long a client should wait before it connects again, at least, milliseconds.
const RETRY_MS_MIN: u32 = 1_000;
/// The same, at most. Clients of a process that ends spread over the time between.
const RETRY_MS_MAX: u32 = 3_000;
/// Separates the ids of the two newest events in an id.
const AND: char = '.';

/// What a stream sends.
pub struct Sending<K> {
    /// Of its sale.
    pub sale: Subscription,
    /// Of its user's purchase.
    pub own: Option<Subscription>,
    /// What the client has.
    pub has: Has,
    /// When its token expires.
    pub until: Option<Instant>,
    /// How long it may be silent.
    pub silence_max: Duration,
    /// Becomes true once the process is about to end.
    pub ending: watch::Receiver<bool>,
    /// Counts events.
    pub sent: IntCounter,
    /// What is held while the stream is open.
    pub keep: K,
}

/// The ids of the newest events that a client has: what it says in `Last-Event-ID`.
#[derive(Debug, Default)]
pub struct Has {
    sale: String,
    own: String,
}

impl Has {
    /// By the id of the last event that the client has. An id that no event can have is as good as none, and takes no
    /// memory.
    pub fn of(last: Option<&str>) -> Self {
        let last = last.unwrap_or_default();
        let (sale, own) = last.split_once(AND).unwrap_or((last, ""));
        let known = |id: &str| {
            let is_name =
                id.len() == NAME_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_name {
                id.to_owned()
            } else {
                String::new()
            }
        };
        Self {
            sale: known(sale),
            own: known(own),
        }
    }

    /// The event as this client gets it; `None` if the client has it.
    fn sale(&mut self, event: &Event, is_users: bool) -> Option<Bytes> {
        if self.sale == event.id() {
            return None;
        }
        event.id().clone_into(&mut self.sale);
        Some(if is_users {
            event.with_id(&self.both())
        } else {
            event.bytes()
        })
    }

    fn own(&mut self, event: &Event) -> Option<Bytes> {
        if self.own == event.id() {
            return None;
        }
        event.id().clone_into(&mut self.own);
        Some(event.with_id(&self.both()))
    }

    fn both(&self) -> String {
        format!("{}{AND}{}", self.sale, self.own)
    }
}

impl<K: Send + 'static> Sending<K> {
    /// The pieces of the reply.
    pub fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> + Send + use<K> {
        let retry = rand::rng().random_range(RETRY_MS_MIN..=RETRY_MS_MAX);
        let first = Bytes::from(format!("retry: {retry}\n\n"));
        let beginning = stream::once(async move { Ok(first) });
        let following = stream::unfold(self, |mut sending| async move {
            let piece = sending.next().await?;
            Some((Ok(piece), sending))
        });
        beginning.chain(following)
    }

    async fn next(&mut self) -> Option<Bytes> {
        if is_past(self.until) {
            return None;
        }
        if let Some(piece) = self.begin() {
            return Some(piece);
        }
        let heartbeat = Instant::now() + self.silence_max;
        let until = self.until;
        let alarm = until.map_or(heartbeat, |until| until.min(heartbeat));
        loop {
            let is_users = self.own.is_some();
            let own = async {
                match &mut self.own {
                    Some(own) => own.next().await,
                    None => pending().await,
                }
            };
            let piece = select! {
                biased;
                _ = self.ending.wait_for(|ending| *ending) => return None,
                event = self.sale.next() => self.has.sale(&event?, is_users),
                event = own => self.has.own(&event?),
                () = sleep_until(alarm) => return (!is_past(until)).then_some(HEARTBEAT),
            };
            if piece.is_some() {
                self.sent.inc();
                return piece;
            }
        }
    }

    /// What the stream begins with, one piece a call.
    fn begin(&mut self) -> Option<Bytes> {
        let is_users = self.own.is_some();
        let sale = self.sale.begin();
        let piece = sale.and_then(|event| self.has.sale(&event, is_users));
        let piece = piece.or_else(|| {
            let event = self.own.as_mut()?.begin()?;
            self.has.own(&event)
        });
        if piece.is_some() {
            self.sent.inc();
        }
        piece
    }
}

fn is_past(until: Option<Instant>) -> bool {
    until.is_some_and(|until| until <= Instant::now())
}

#[cfg(test)]
mod tests {
    use super::{super::event::Event, Has};

    #[test]
    fn a_client_does_not_get_what_it_has() {
        let sale = Event::new("sale", &1, &1).unwrap();
        let own = Event::new("purchase", &2, &2).unwrap();
        let mut has = Has::of(None);
        assert!(has.sale(&sale, true).is_some());
        assert!(has.own(&own).is_some());
        assert!(has.sale(&sale, true).is_none());
        let both = format!("{}.{}", sale.id(), own.id());
        assert_eq!(has.both(), both);
        let mut again = Has::of(Some(&both));
        assert!(again.sale(&sale, true).is_none());
        assert!(again.own(&own).is_none());
        let mut without_token = Has::of(Some(sale.id()));
        assert!(without_token.sale(&sale, false).is_none());
        assert!(Has::of(Some(&"x".repeat(60_000))).sale.is_empty());
        let mut strange = Has::of(Some("..strange"));
        assert_eq!(strange.sale(&sale, false).unwrap(), sale.bytes());
    }
}
