//! Event streams: what happens in a sale, sent to those who look at it as it happens.
//!
//! However many streams show a sale, one task looks at its gate and writes each event once. A stream sends the newest
//! event, never a backlog of older ones. Events say what is, not what changed, so a client that misses some misses
//! nothing.
//!
//! | module | owns |
//! | --- | --- |
//! | [`event`] | one event, written |
//! | [`feed`] | the newest event for many streams, woken group by group |
//! | [`sale_event`] | what streams show of a sale, and that it only goes forward |
//! | [`followers`] | the purchases of the users whose streams show a sale |
//! | [`watched`] | one sale that streams show: when to look, when to send |
//! | [`console`], [`console_event`] | what a merchant watches of a sale: once a second everything |
//! | [`stream`] | the body of one stream |
//! | [`limits`] | how many streams there may be |

pub mod console;
pub mod console_event;
pub mod event;
pub mod feed;
pub mod followers;
pub mod limits;
pub mod sale_event;
pub mod stream;
pub mod watched;

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::Utc;
use futures_util::Stream;
use identity::token::Caller;
use prometheus::{IntCounter, IntGauge};
use sale::{
    gate::hints::Hints,
    ledger::Sale,
    model::{BuyerId, OrderId, SaleId},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use self::{
    console::Consoles,
    feed::Subscription,
    followers::{Look, Whose},
    limits::StreamLimits,
    stream::{Has, Sending},
    watched::{Sources, Watched},
};
use crate::{
    connection::client_address::Network,
    metrics::{InFlight, Metrics},
    purchases::purchase_status::Found,
    quota::{Place, Quota},
};

/// Sales that streams may show at the same time.
const WATCHED_SALES_MAX: usize = 1_000;

/// How long a stream of a user lasts at most, whenever the token expires.
const STREAM_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Why a stream is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamRefused {
    /// The process has as many streams as it may have.
    #[error("too many streams are open")]
    Full,
    /// The user has.
    #[error("the user has too many streams")]
    OfUser,
    /// The address has.
    #[error("the address has too many streams")]
    OfAddress,
    /// Neither the gate nor the ledger says anything about the sale.
    #[error("the sale cannot be looked at")]
    Unknown,
}

/// The places that a stream holds until it is dropped.
#[derive(Debug)]
pub struct Places {
    _all: Option<OwnedSemaphorePermit>,
    _of_address: Option<Place<Network>>,
    _of_user: Option<Place<BuyerId>>,
    _counted: InFlight,
    _console: Option<InFlight>,
}

/// All streams of the process.
pub struct Live {
    hub: Arc<Hub>,
    consoles: Consoles,
    ending: watch::Receiver<bool>,
    _hearing: AbortOnDropHandle<()>,
}

struct Hub {
    sources: Sources,
    all: Arc<Semaphore>,
    by_address: Quota<Network>,
    by_user: Quota<BuyerId>,
    streams: IntGauge,
    open_consoles: IntGauge,
    sent: IntCounter,
    watched: Mutex<HashMap<SaleId, Watching>>,
    /// Streams that show a purchase.
    following: Arc<AtomicUsize>,
    silence_max: Duration,
    /// Where sales are watched: not on the threads that answer.
    runtime: Handle,
}

/// A watched sale, and the task that watches it.
struct Watching {
    watched: Arc<Watched>,
    task: AbortOnDropHandle<()>,
}

/// What a stream holds while it is open.
struct Open {
    _places: Places,
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
        let hub = Arc::new(Hub {
            sources,
            all: Arc::new(Semaphore::new(limits.streams_max)),
            by_address: Quota::new(limits.per_address_max),
            by_user: Quota::new(limits.per_user_max),
            streams: metrics.streams(),
            open_consoles: metrics.consoles(),
            sent: metrics.events_sent(),
            watched: Mutex::default(),
            following: Arc::default(),
            silence_max: limits.silence_max,
            runtime: Handle::current(),
        });
        let hearing = tokio::spawn(Arc::clone(&hub).hear(hints));
        Self {
            hub,
            consoles,
            ending,
            _hearing: AbortOnDropHandle::new(hearing),
        }
    }

    /// Places for a stream.
    pub fn places(&self, address: IpAddr, user: Option<BuyerId>) -> Result<Places, StreamRefused> {
        let hub = &self.hub;
        let of_address = hub.by_address.take(Network::of(address));
        let of_user = user.map(|user| hub.by_user.take(user).ok_or(StreamRefused::OfUser));
        let all = Arc::clone(&hub.all).try_acquire_owned();
        Ok(Places {
            _of_address: Some(of_address.ok_or(StreamRefused::OfAddress)?),
            _of_user: of_user.transpose()?,
            _all: Some(all.map_err(|_| StreamRefused::Full)?),
            _counted: InFlight::new(&hub.streams),
            _console: None,
        })
    }

    /// A place for a console of an admin. A crowd that has taken all places for streams does not lock admins out.
    pub fn console_place(&self, admin: BuyerId) -> Result<Places, StreamRefused> {
        let of_user = self.hub.by_user.take(admin).ok_or(StreamRefused::OfUser)?;
        Ok(Places {
            _of_address: None,
            _of_user: Some(of_user),
            _all: None,
            _counted: InFlight::new(&self.hub.streams),
            _console: Some(InFlight::new(&self.hub.open_consoles)),
        })
    }

    /// Opens a stream of a sale, and of the caller's purchase in it. `last` is the id of the last event that the client
    /// has.
    pub async fn open(
        &self,
        sale: &Sale,
        caller: Option<&Caller>,
        places: Places,
        last: Option<&str>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, StreamRefused> {
        let hub = &self.hub;
        let (watched, watching) = hub.watch(sale.id)?;
        watched.look().await;
        let sale_events = watched.feed.subscribe();
        drop(watching);
        if sale_events.is_empty() {
            return Err(StreamRefused::Unknown);
        }
        let own = match caller {
            None => None,
            Some(caller) => {
                let events = watched.followers.follow(caller.buyer);
                watched
                    .look_at_purchase(&hub.sources, sale.state, caller.buyer, Look::Full)
                    .await;
                Some(Subscription::alone(events))
            }
        };
        let sending = Sending {
            sale: sale_events,
            has: Has::of(last),
            until: caller.map(expiry),
            ending: self.ending.clone(),
            silence_max: hub.silence_max,
            sent: hub.sent.clone(),
            keep: Open {
                _places: places,
                _following: own.as_ref().map(|_| Following::new(&hub.following)),
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
        places: Places,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, StreamRefused> {
        let sending = Sending {
            sale: self.consoles.subscribe(sale)?,
            own: None,
            has: Has::default(),
            until: Some(expiry(caller)),
            ending: self.ending.clone(),
            silence_max: self.hub.silence_max,
            sent: self.hub.sent.clone(),
            keep: places,
        };
        Ok(sending.pieces())
    }

    /// This process has admitted a purchase.
    pub fn admitted(&self, sale: SaleId, buyer: BuyerId, order: OrderId) {
        if self.hub.following.load(Ordering::Relaxed) == 0 {
            return;
        }
        let found = Found {
            order,
            sale,
            outcome: None,
        };
        let watched = self
            .hub
            .watched()
            .get(&sale)
            .map(|watching| Arc::clone(&watching.watched));
        if let Some(watched) = watched {
            watched.followers.show(buyer, Some(&found));
        }
    }
}

/// When a caller's token expires, by the clock of timers.
fn expiry(caller: &Caller) -> Instant {
    let left = (caller.expires_at - Utc::now())
        .to_std()
        .unwrap_or_default();
    Instant::now() + left.min(STREAM_MAX)
}

impl Hub {
    fn watched(&self) -> MutexGuard<'_, HashMap<SaleId, Watching>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sale, which is watched as long as anybody is subscribed to it.
    fn watch(
        self: &Arc<Self>,
        sale: SaleId,
    ) -> Result<(Arc<Watched>, Subscription), StreamRefused> {
        let mut all = self.watched();
        if let Some(watching) = all
            .get(&sale)
            .filter(|watching| !watching.task.is_finished())
        {
            let watched = Arc::clone(&watching.watched);
            let subscription = watched.feed.subscribe();
            return Ok((watched, subscription));
        }
        if all.len() >= WATCHED_SALES_MAX {
            return Err(StreamRefused::Full);
        }
        let watched = Arc::new(Watched::new(sale));
        let subscription = watched.feed.subscribe();
        let hub = Arc::downgrade(self);
        let end = move |watched: &Watched| hub.upgrade().is_none_or(|hub| hub.unwatch(watched));
        let run = Arc::clone(&watched).run(self.sources.clone(), end);
        let watching = Watching {
            watched: Arc::clone(&watched),
            task: AbortOnDropHandle::new(self.runtime.spawn(run)),
        };
        all.insert(sale, watching);
        Ok((watched, subscription))
    }

    /// Forgets a sale that nobody is subscribed to. Returns whether that is so.
    fn unwatch(&self, watched: &Watched) -> bool {
        let mut all = self.watched();
        let is_idle = watched.feed.streams() == 0;
        if is_idle {
            all.remove(&watched.sale);
        }
        is_idle
    }

    /// Hears from reconcilers, for ever.
    async fn hear(self: Arc<Self>, mut hints: Hints) {
        loop {
            let hint = hints.posted().await;
            let all = self.watched();
            // Without a hint messages were lost.
            let hinted = all
                .iter()
                .filter(|(sale, _)| hint.is_none_or(|hint| hint == **sale));
            for (_, watching) in hinted {
                watching.watched.followers.look_again(Whose::Pending);
            }
        }
    }
}
