//! Waiting until a purchase is in the ledger (`Prefer: wait`). However many wait, one task looks for
//! all of them, in a few statements: at once when one comes, when the reconciler hints that something
//! was posted, and every [`LOOK_EVERY`] because a hint may be lost.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sale::{
    gate::hints::Hints,
    ledger::{Ledger, Outcome},
    model::OrderId,
};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::purchase_status::order_of;

/// How often to look while somebody waits and nothing is heard.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The shortest time from one look to the next.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// How long the ledger may take to answer a look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// Orders that one statement asks for.
const ORDERS_PER_LOOK: usize = 1_000;

/// Who waits for what.
type Waiters = HashMap<OrderId, oneshot::Sender<Outcome>>;

/// Lets requests wait for orders.
pub struct Waiting {
    shared: Arc<Shared>,
    waiters_max: usize,
    ending: watch::Receiver<bool>,
    _looking: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    waiters: Mutex<Waiters>,
    came: Notify,
}

impl Waiting {
    /// Lets so many requests wait at a time, until the process is `ending`.
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

    /// What becomes of a purchase, if that is known within `patience`. `None` at once where too many
    /// wait, or another request waits for the same purchase.
    pub async fn outcome(&self, order: OrderId, patience: Duration) -> Option<Outcome> {
        let (tell, told) = oneshot::channel();
        {
            let mut waiters = self.shared.waiters();
            let awaited = waiters.get(&order).is_some_and(|other| !other.is_closed());
            if awaited || waiters.len() >= self.waiters_max {
                return None;
            }
            waiters.insert(order, tell);
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

    /// The orders that are waited for; those whose waiters have left are dropped.
    fn awaited(&self) -> Vec<OrderId> {
        let mut waiters = self.waiters();
        waiters.retain(|_, waiter| !waiter.is_closed());
        waiters.keys().copied().collect()
    }

    fn tell(&self, outcome: Outcome) {
        let order = order_of(&outcome);
        let waiter = self.waiters().remove(&order);
        if let Some(waiter) = waiter {
            // One who has left meanwhile needs nothing.
            let _ = waiter.send(outcome);
        }
    }
}

async fn look_for_all(shared: Arc<Shared>, ledger: Ledger, mut hints: Hints) {
    loop {
        let awaited = shared.awaited();
        if awaited.is_empty() {
            shared.came.notified().await;
            continue;
        }
        for orders in awaited.chunks(ORDERS_PER_LOOK) {
            match timeout(LOOK_TIMEOUT, ledger.outcomes(orders)).await {
                Ok(Ok(outcomes)) => outcomes.into_iter().for_each(|one| shared.tell(one)),
                Ok(Err(error)) => tracing::debug!(%error, "orders can not be waited for"),
                Err(_) => tracing::debug!("orders can not be waited for in time"),
            }
        }
        sleep(LOOK_PAUSE).await;
        tokio::select! {
            () = hints.posted() => {}
            () = shared.came.notified() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}
