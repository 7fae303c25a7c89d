//! One sale that streams show: one task looks at it for all of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use sale::{
    gate::{Gate, snapshot::Snapshot},
    ledger::Sale,
    model::{BuyerId, SaleId, SaleState},
    view,
};
use tokio::{
    join, select,
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    asking::Asking,
    feed::Feed,
    followers::{Followers, Look, Whose},
    sale_event::{Difference, Shown},
    watching::Leave,
};
use crate::{
    purchases::purchase_status::Purchases,
    sales::{Sales, SharedError},
};

/// How often to look at a sale that streams show.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same for a settled sale, which has sold what it sells: only a cancellation can change it.
const LOOK_EVERY_SETTLED: Duration = Duration::from_secs(3);
/// The shortest time between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(10);
/// How long a gate may take to answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a stream that begins waits for its look: more than [`LOOK_TIMEOUT`] twice, for another look may be under way.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a look waits for the ledger, once it has said something about the sale.
const LEDGER_PATIENCE: Duration = Duration::from_millis(50);
/// The shortest time between two events that differ in stock alone.
const STOCK_EVERY: Duration = Duration::from_millis(250);
/// What each stream adds to that time: eight times what an event costs, so that events take an eighth of a thread at
/// most. A round of 10,000 streams fills most of it.
const STOCK_EVERY_PER_STREAM: Duration = Duration::from_micros(100);
/// How long a sale without streams is still watched: a page that is loaded again comes back.
const LINGER: Duration = Duration::from_secs(5);
/// How often to look at purchases that are on their way.
const PENDING_EVERY: Duration = Duration::from_secs(1);
/// The shortest pause between two looks at purchases.
const PURCHASES_PAUSE: Duration = Duration::from_millis(100);
/// The longest one: what happens meanwhile is shown so much later at most.
const PURCHASES_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Looking at purchases takes one part of so many of the time, unless the pause would be too long.
const PURCHASES_SHARE: u32 = 5;
/// Purchases looked up at the same time.
const PURCHASES_AT_ONCE: usize = 512;

/// A sale that streams show.
#[derive(Debug)]
pub struct Watched {
    pub(super) sale: SaleId,
    pub(super) feed: Feed,
    pub(super) followers: Followers,
    /// Looks that have begun.
    begun: AtomicU64,
    /// The number of the last look that was completed.
    looked: watch::Sender<u64>,
    wanted: Notify,
}

/// What the tasks of a watched sale ask.
#[derive(Clone)]
pub struct Sources {
    /// The gates.
    pub gate: Gate,
    /// What the ledger says of sales.
    pub sales: Sales,
    /// Looks purchases up.
    pub purchases: Purchases,
}

impl Watched {
    pub(super) fn new(sale: SaleId) -> Self {
        Self {
            sale,
            feed: Feed::default(),
            followers: Followers::new(sale),
            begun: AtomicU64::new(0),
            looked: watch::Sender::new(0),
            wanted: Notify::new(),
        }
    }

    /// Waits for a look that has not begun yet, so that a client that comes from another process sees nothing older than
    /// it saw there. A look ends even if gate and ledger do not answer.
    pub(super) async fn look(&self) {
        let number = self.begun.load(Ordering::Relaxed) + 1;
        let mut looked = self.looked.subscribe();
        self.wanted.notify_one();
        let look = looked.wait_for(|looked| *looked >= number);
        // Then the newest event is the best there is.
        let _ = timeout(BEGIN_TIMEOUT, look).await;
    }

    /// Looks up one buyer's purchase now, and returns whether that succeeded. Otherwise the next looks try again.
    pub(super) async fn look_at_purchase(
        &self,
        sources: &Sources,
        state: SaleState,
        buyer: BuyerId,
        look: Look,
    ) -> bool {
        let purchases = &sources.purchases;
        let base = self.followers.base();
        let found = match look {
            Look::Full => purchases.of_buyer(self.sale, state, buyer).await,
            Look::Brief => purchases.of_buyer_briefly(self.sale, state, buyer).await,
        };
        match found {
            Ok(found) => {
                self.followers.show(buyer, base, found.as_ref());
                true
            }
            Err(error) => {
                tracing::debug!(sale = %self.sale, %error, "a purchase is not known");
                false
            }
        }
    }

    /// Does the work for all streams, until there were none for a while.
    pub(super) async fn run(self: Arc<Self>, sources: Sources, leave: Leave<Self>) {
        select! {
            () = self.watch(&sources, leave) => {}
            () = self.feed.rounds() => {}
            () = self.keep_up(&sources) => {}
        }
    }

    async fn watch(&self, sources: &Sources, leave: Leave<Self>) {
        let mut shown = Shown::default();
        let mut terms = Terms::default();
        let mut looked_at = Instant::now();
        let mut delivered_at: Option<Instant> = None;
        let mut streamed_at = Instant::now();
        loop {
            let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
            let gate = see(sources, self.sale, &mut terms).await;
            let since = looked_at.elapsed();
            looked_at = Instant::now();
            let difference = match &terms.known {
                Some(sale) => {
                    self.followers.learn(sale.product_id, sale.base);
                    shown.look(sale, gate.as_ref(), since)
                }
                None => Difference::default(),
            };
            self.put(&shown);
            if difference.changed {
                self.followers.look_again(Whose::All);
            } else if difference.bought {
                self.followers.look_again(Whose::Buying);
            }
            self.looked.send_replace(number);

            let streams = self.feed.streams();
            let every =
                STOCK_EVERY + STOCK_EVERY_PER_STREAM * u32::try_from(streams).unwrap_or(u32::MAX);
            let due = delivered_at.is_none_or(|at| at.elapsed() >= every);
            if difference.state || (self.feed.waits() && due) {
                self.feed.deliver(difference.state);
                delivered_at = Some(Instant::now());
            }
            if streams > 0 {
                streamed_at = Instant::now();
            } else if streamed_at.elapsed() >= LINGER
                && leave.if_idle(|watched| watched.feed.streams() == 0)
            {
                return;
            }
            sleep(LOOK_PAUSE).await;
            let every = if terms.is_settled() {
                LOOK_EVERY_SETTLED
            } else {
                LOOK_EVERY
            };
            let boundary = shown.until_boundary().unwrap_or(every);
            select! {
                () = sleep(boundary.min(every)) => {}
                () = self.wanted.notified() => {}
            }
        }
    }

    fn put(&self, shown: &Shown) {
        match shown.event(self.sale) {
            None => {}
            Some(Ok(event)) => self.feed.put(event),
            Some(Err(error)) => {
                tracing::error!(sale = %self.sale, %error, "a sale cannot be written");
            }
        }
    }

    /// Looks at purchases when they may have changed.
    async fn keep_up(&self, sources: &Sources) {
        loop {
            // On time or not: those on their way are looked at.
            let _ = timeout(PENDING_EVERY, self.followers.due()).await;
            let due = self.followers.take_due();
            let spent = self.look_at_purchases(sources, &due).await;
            let pause = spent.unwrap_or_default() * (PURCHASES_SHARE - 1);
            sleep(pause.clamp(PURCHASES_PAUSE, PURCHASES_PAUSE_MAX)).await;
        }
    }

    /// Looks up the purchases of these buyers, and returns how long that took; `None` if gate or ledger did not answer.
    /// Then most of the time was spent on waiting, and took nothing away from purchases.
    async fn look_at_purchases(
        &self,
        sources: &Sources,
        due: &[(BuyerId, Look)],
    ) -> Option<Duration> {
        let began = Instant::now();
        if due.is_empty() {
            return Some(began.elapsed());
        }
        let sale = sources.sales.get(Some(self.sale)).await.ok()??;
        let mut failed = false;
        for looks in due.chunks(PURCHASES_AT_ONCE) {
            let looks = looks
                .iter()
                .map(|(buyer, look)| self.look_at_purchase(sources, sale.state, *buyer, *look));
            let found = join_all(looks).await;
            failed |= found.contains(&false);
            if !found.contains(&true) {
                break;
            }
        }
        (!failed).then(|| began.elapsed())
    }
}

/// What the ledger says of the sale.
#[derive(Default)]
struct Terms {
    /// What it said last.
    known: Option<Arc<Sale>>,
    asking: Asking<Result<Option<Arc<Sale>>, SharedError>>,
}

impl Terms {
    /// Asks the ledger, which may take longer to answer than a look waits: streams go on by its last answer.
    async fn ask(&mut self, sales: &Sales, id: SaleId) {
        let patience = if self.known.is_some() {
            LEDGER_PATIENCE
        } else {
            LOOK_TIMEOUT
        };
        let question = || {
            let sales = sales.clone();
            async move { sales.get(Some(id)).await }
        };
        if let Some(Ok(Some(sale))) = self.asking.within(patience, question).await {
            self.known = Some(sale);
        }
    }

    fn is_settled(&self) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|sale| sale.state == SaleState::Settled)
    }
}

/// Looks at a gate; `None` if it is not open, or the sale is settled and needs none. Meanwhile it asks the ledger.
async fn see(sources: &Sources, id: SaleId, terms: &mut Terms) -> Option<Snapshot> {
    let is_settled = terms.is_settled();
    let gate = async {
        if is_settled {
            return None;
        }
        let gate = timeout(LOOK_TIMEOUT, view::open_gate(&sources.gate, id));
        gate.await.ok().flatten()
    };
    let ((), gate) = join!(terms.ask(&sources.sales, id), gate);
    gate.filter(|_| !terms.is_settled())
}
