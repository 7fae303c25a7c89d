//! Waiting until a purchase is in the ledger (`Prefer: wait`). However many requests wait, one task asks the ledger
//! for all of them, in a few statements. It asks for new requests at once, for those of a sale when the reconciler
//! hints at posted entries of that sale, and for all every [`LOOK_EVERY`], because a hint may be lost.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sale::{
    gate::hints::Hints,
    ledger::{Ledger, PurchaseOutcome},
    model::{OrderId, SaleId},
};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::purchases::purchase_status::order_of;

/// How often to ask the ledger while requests wait and no hint comes.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The shortest time between two questions to the ledger.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// How long the ledger may take to answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// Orders in one statement.
const ORDERS_PER_LOOK: usize = 1_000;

/// Lets requests wait for orders.
pub struct Waiting {
    shared: Arc<Shared>,
    waiters_max: usize,
    ending: watch::Receiver<bool>,
    _looking: AbortOnDropHandle<()>,
}

/// A request that waits for an order of a sale.
struct Waiter {
    sale: SaleId,
    tell: oneshot::Sender<PurchaseOutcome>,
}

#[derive(Default)]
struct Waiters {
    by_order: HashMap<OrderId, Waiter>,
    /// Orders for which the task has not asked yet.
    new: Vec<OrderId>,
}

#[derive(Default)]
struct Shared {
    waiters: Mutex<Waiters>,
    came: Notify,
}

/// For which orders to ask.
enum Whom {
    /// For all.
    All,
    /// For orders that came since the last question.
    New,
    /// For orders of this sale.
    OfSale(SaleId),
}

impl Waiting {
    /// Allows this many requests to wait at a time, until the process is `ending`.
    pub fn start(
        ledger: Ledger,
        hints: Hints,
        waiters_max: usize,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let shared = Arc::<Shared>::default();
        let looking = tokio::spawn(look_for_all(Arc::clone(&shared), ledger, hints));
        Self {
            shared,
            waiters_max,
            ending,
            _looking: AbortOnDropHandle::new(looking),
        }
    }

    /// The outcome of a purchase in a sale, if it is known within `patience`. `None` at once if too many wait, or
    /// another request waits for the same purchase.
    pub async fn outcome(
        &self,
        sale: SaleId,
        order: OrderId,
        patience: Duration,
    ) -> Option<PurchaseOutcome> {
        let (tell, told) = oneshot::channel();
        {
            let mut waiters = self.shared.waiters();
            let other = waiters.by_order.get(&order);
            let awaited = other.is_some_and(|other| !other.tell.is_closed());
            if awaited || waiters.by_order.len() >= self.waiters_max {
                return None;
            }
            waiters.by_order.insert(order, Waiter { sale, tell });
            waiters.new.push(order);
        }
        self.shared.came.notify_one();
        let mut ending = self.ending.clone();
        tokio::select! {
            told = timeout(patience, told) => told.ok()?.ok(),
            _ = ending.wait_for(|ending| *ending) => None,
        }
    }
}

impl Shared {
    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The orders to ask for. Orders whose waiters have left are dropped.
    fn awaited(&self, whom: &Whom) -> Vec<OrderId> {
        let mut waiters = self.waiters();
        let new = std::mem::take(&mut waiters.new);
        match whom {
            Whom::New => new,
            Whom::OfSale(sale) => {
                let of_sale = waiters.by_order.iter();
                let of_sale = of_sale.filter(|(_, waiter)| waiter.sale == *sale);
                // New orders of other sales are not lost: they are asked for too.
                of_sale.map(|(order, _)| *order).chain(new).collect()
            }
            Whom::All => {
                waiters
                    .by_order
                    .retain(|_, waiter| !waiter.tell.is_closed());
                waiters.by_order.keys().copied().collect()
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.waiters().by_order.is_empty()
    }

    fn tell(&self, outcome: PurchaseOutcome) {
        let order = order_of(&outcome);
        let waiter = self.waiters().by_order.remove(&order);
        if let Some(waiter) = waiter {
            // A waiter that has left needs nothing.
            let _ = waiter.tell.send(outcome);
        }
    }
}

async fn look_for_all(shared: Arc<Shared>, ledger: Ledger, mut hints: Hints) {
    let mut whom = Whom::All;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let began = Instant::now();
        for orders in shared.awaited(&whom).chunks(ORDERS_PER_LOOK) {
            match timeout(LOOK_TIMEOUT, ledger.outcomes(orders)).await {
                Ok(Ok(outcomes)) => outcomes.into_iter().for_each(|one| shared.tell(one)),
                Ok(Err(error)) => tracing::debug!(%error, "orders cannot be waited for"),
                Err(_) => tracing::debug!("orders cannot be waited for in time"),
            }
        }
        if shared.is_empty() {
            shared.came.notified().await;
            whom = Whom::New;
            continue;
        }
        // Asking takes half of the time at most, however many wait.
        sleep(began.elapsed().max(LOOK_PAUSE)).await;
        whom = tokio::select! {
            // The timer first: a rush of hints and new requests must not delay the others, nor keep departed waiters
            // in the list.
            biased;
            _ = ticks.tick() => Whom::All,
            hint = hints.posted() => hint.map_or(Whom::All, Whom::OfSale),
            () = shared.came.notified() => Whom::New,
        };
    }
}
