//! Event streams: what happens in a sale, sent to those who look at it as it happens.
//!
//! However many streams show a sale, one task looks at its gate and writes each event once. A stream sends the newest
//! event, never a backlog of older ones. Events say what is, not what changed, so a client that misses some misses
//! nothing.
//!
//! | module | owns |
//! | --- | --- |
//! | [`asking`] | a question to a server that may be slow |
//! | [`event`] | one event, written |
//! | [`feed`] | the newest event for many streams, woken group by group |
//! | [`sale_event`] | what streams show of a sale, and that it only goes forward |
//! | [`followers`] | the purchases of the users whose streams show a sale |
//! | [`watched`] | one sale that streams show: when to look, when to send |
//! | [`console`], [`console_event`] | what a merchant watches of a sale: once a second everything |
//! | [`watching`] | the sales that streams show: one task for each |
//! | [`stream`] | the body of one stream |
//! | [`limits`] | how many streams there may be |
//! | [`places`] | the places that streams hold |

pub mod asking;
pub mod console;
pub mod console_event;
pub mod event;
pub mod feed;
pub mod followers;
pub mod limits;
pub mod places;
pub mod sale_event;
pub mod stream;
pub mod watched;
pub mod watching;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::Utc;
use futures_util::Stream;
use identity::token::Caller;
use prometheus::IntCounter;
use sale::{
    gate::hints::Hints,
    ledger::Sale,
    model::{BuyerId, OrderId, Phase, SaleId},
};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use self::{
    console::Consoles,
    feed::Subscription,
    followers::{Look, Whose},
    limits::StreamLimits,
    places::{StreamPlace, StreamPlaces, StreamRefused},
    stream::{Has, Sending},
    watched::{Sources, Watched},
    watching::Watching,
};
use crate::{metrics::Metrics, purchases::purchase_status::Found};

/// Sales that streams may show at the same time.
const WATCHED_SALES_MAX: usize = 1_000;
/// As many of them are kept free of sales that are over: all old sales together do not lock out one that sells.
const KEPT_FOR_SELLING: usize = WATCHED_SALES_MAX / 2;

/// How long a stream of a user lasts at most, whenever the token expires.
const STREAM_MAX: Duration = Duration::from_secs(24 * 3_600);

/// All streams of the process.
pub struct Live {
    sources: Sources,
    sales: Watching<Watched>,
    consoles: Consoles,
    places: StreamPlaces,
    sent: IntCounter,
    /// Streams that show a purchase.
    following: Arc<AtomicUsize>,
    silence_max: Duration,
    ending: watch::Receiver<bool>,
    _hearing: AbortOnDropHandle<()>,
}

/// What a stream holds while it is open.
struct Open {
    _place: StreamPlace,
    _following: Option<Following>,
}

/// A stream that shows a purchase.
struct Following(Arc<AtomicUsize>);

impl Following {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Live {
    /// No streams yet. They end when the process is `ending`.
    pub fn start(
        sources: Sources,
        consoles: Consoles,
        hints: Hints,
        limits: StreamLimits,
        metrics: &Metrics,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let sales = Watching::new(WATCHED_SALES_MAX);
        let hearing = tokio::spawn(hear(hints, sales.clone()));
        Self {
            sources,
            sales,
            consoles,
            places: StreamPlaces::new(limits, metrics),
            sent: metrics.events_sent(),
            following: Arc::default(),
            silence_max: limits.silence_max,
            ending,
            _hearing: AbortOnDropHandle::new(hearing),
        }
    }

    /// The places for streams.
    pub const fn places(&self) -> &StreamPlaces {
        &self.places
    }

    /// Opens a stream of a sale, and of the caller's purchase in it. `last` is the id of the last event that the client
    /// has.
    pub async fn open(
        &self,
        sale: &Sale,
        caller: Option<&Caller>,
        place: StreamPlace,
        last: Option<&str>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, StreamRefused> {
        let (watched, joined) = self.watch(sale)?;
        watched.look().await;
        let sale_events = watched.feed.subscribe();
        drop(joined);
        if sale_events.is_empty() {
            return Err(StreamRefused::Unknown);
        }
        let own = match caller {
            None => None,
            Some(caller) => {
                let events = watched.followers.follow(caller.buyer);
                watched
                    .look_at_purchase(&self.sources, sale.state, caller.buyer, Look::Full)
                    .await;
                Some(Subscription::alone(events))
            }
        };
        let sending = Sending {
            sale: sale_events,
            has: Has::of(last),
            until: caller.map(expiry),
            ending: self.ending.clone(),
            silence_max: self.silence_max,
            sent: self.sent.clone(),
            keep: Open {
                _place: place,
                _following: own.as_ref().map(|_| Following::new(&self.following)),
            },
            own,
        };
        Ok(sending.pieces())
    }

    /// Opens a stream of what a merchant watches of a sale.
    pub fn open_console(
        &self,
        sale: Arc<Sale>,
        caller: &Caller,
        place: StreamPlace,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, StreamRefused> {
        let sending = Sending {
            sale: self.consoles.subscribe(sale)?,
            own: None,
            has: Has::default(),
            until: Some(expiry(caller)),
            ending: self.ending.clone(),
            silence_max: self.silence_max,
            sent: self.sent.clone(),
            keep: place,
        };
        Ok(sending.pieces())
    }

    /// This process has admitted a purchase.
    pub fn admitted(&self, sale: SaleId, buyer: BuyerId, order: OrderId) {
        if self.following.load(Ordering::Relaxed) == 0 {
            return;
        }
        let found = Found {
            order,
            sale,
            outcome: None,
        };
        if let Some(watched) = self.sales.get(sale) {
            watched.followers.admitted(buyer, &found);
        }
    }

    /// A sale, which is watched as long as anybody is subscribed to it.
    fn watch(&self, sale: &Sale) -> Result<(Arc<Watched>, Subscription), StreamRefused> {
        let id = sale.id;
        let free = match sale.phase(Utc::now()) {
            Phase::Ended => KEPT_FOR_SELLING,
            Phase::Upcoming | Phase::Active | Phase::Paused => 0,
        };
        let begin = |leave| {
            let watched = Arc::new(Watched::new(id));
            let task = Arc::clone(&watched).run(self.sources.clone(), leave);
            (watched, task)
        };
        let subscribe = |watched: &Arc<Watched>| (Arc::clone(watched), watched.feed.subscribe());
        self.sales.join(id, free, begin, subscribe)
    }
}

/// When a caller's token expires, by the clock of timers.
fn expiry(caller: &Caller) -> Instant {
    let left = (caller.expires_at - Utc::now())
        .to_std()
        .unwrap_or_default();
    Instant::now() + left.min(STREAM_MAX)
}

/// Hears from reconcilers, for ever.
async fn hear(mut hints: Hints, sales: Watching<Watched>) {
    loop {
        // Without a sale, hints were lost.
        let watched = match hints.posted().await {
            Some(sale) => sales.get(sale).into_iter().collect(),
            None => sales.all(),
        };
        for watched in watched {
            watched.followers.look_again(Whose::Pending);
        }
    }
}
