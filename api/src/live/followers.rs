//! The purchases of the users whose streams show one sale.
//!
//! A purchase that this process admits is known at once. All others are looked up, together: the reconciler hints that
//! purchases of the sale were posted; the gate has sold more; the terms have changed, so an order may be cancelled. A
//! hint may be lost, so purchases on their way are looked up every second as well.
//!
//! What a stream shows of a purchase only goes forward ([`rank`]): two look-ups that overtake each other change nothing.
//! One thing goes back: Redis loses a purchase that was not posted, and the gate is loaded from scratch. That raises the
//! epoch of the gate. A look that began in a newer epoch than the purchase was shown in, and found none, is right.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use sale::model::{BuyerId, Epoch, ProductId, SaleId};
use tokio::sync::{Notify, watch};

use super::event::Event;
use crate::purchases::purchase_status::{Found, PurchaseStatus, Stage};

/// The name of events about the user's purchase.
pub const PURCHASE: &str = "purchase";

/// Whose purchases may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of those whose purchase is on its way, or is not known.
    Pending,
    /// Of those who have none yet, too.
    Buying,
    /// Of all.
    All,
}

/// How to look at a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// In the gate and in the ledger.
    Full,
    /// In the ledger only if the gate knows of one: a crowd that has bought nothing costs the ledger nothing.
    Brief,
}

impl Look {
    const fn at(stage: Option<Stage>) -> Self {
        match stage {
            Some(Stage::NotPurchased) => Self::Brief,
            None
            | Some(
                Stage::Queued
                | Stage::Processing
                | Stage::Completed
                | Stage::Failed
                | Stage::Cancelled,
            ) => Self::Full,
        }
    }
}

/// The users whose streams show a sale.
#[derive(Debug)]
pub struct Followers {
    sale: SaleId,
    by_buyer: Mutex<HashMap<BuyerId, Follower>>,
    /// What the sale offers.
    product: OnceLock<ProductId>,
    /// The epoch of its gate, by the ledger.
    base: AtomicU64,
    bought: AtomicBool,
    changed: AtomicBool,
    due: Notify,
}

#[derive(Debug)]
struct Follower {
    stage: Option<Stage>,
    /// The epoch of the gate when that was found.
    base: Epoch,
    /// A look at it is due, and has found nothing yet.
    is_due: bool,
    event: watch::Sender<Option<Event>>,
}

impl Followers {
    /// Nobody follows this sale yet.
    pub fn new(sale: SaleId) -> Self {
        Self {
            sale,
            by_buyer: Mutex::default(),
            product: OnceLock::new(),
            base: AtomicU64::new(0),
            bought: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            due: Notify::new(),
        }
    }

    /// What the sale offers is known now, and the epoch of its gate.
    pub fn learn(&self, product: ProductId, base: Epoch) {
        self.product.get_or_init(|| product);
        self.base.fetch_max(base.0, Ordering::Relaxed);
    }

    /// The epoch of the gate, which a look at a purchase must know before it begins.
    pub fn base(&self) -> Epoch {
        Epoch(self.base.load(Ordering::Relaxed))
    }

    /// Follows a buyer's purchase. The first event comes with the first look at it.
    pub fn follow(&self, buyer: BuyerId) -> watch::Receiver<Option<Event>> {
        let mut by_buyer = self.by_buyer();
        let follower = by_buyer.entry(buyer).or_insert_with(|| Follower {
            stage: None,
            base: Epoch(0),
            is_due: true,
            event: watch::Sender::new(None),
        });
        follower.event.subscribe()
    }

    /// A look at the gate and the ledger, which began in this epoch of the gate, found this of a buyer's purchase. Without
    /// effect for buyers whom nobody follows.
    pub fn show(&self, buyer: BuyerId, base: Epoch, found: Option<&Found>) {
        self.update(buyer, found, |follower, shown| {
            follower.is_due = false;
            follower.show(base, shown);
        });
    }

    /// This process has admitted a buyer's purchase, for the first time or again. A look that is due stays due: the order
    /// may have been cancelled since.
    pub fn admitted(&self, buyer: BuyerId, found: &Found) {
        let base = self.base();
        self.update(buyer, Some(found), |follower, shown| {
            follower.show(base, shown);
        });
    }

    /// Writes an event only for a buyer whom somebody follows: admissions come from the path of purchases.
    fn update(
        &self,
        buyer: BuyerId,
        found: Option<&Found>,
        update: impl FnOnce(&mut Follower, Shown),
    ) {
        if !self.by_buyer().contains_key(&buyer) {
            return;
        }
        let shown = Shown::of((self.sale, buyer), found, self.product.get().copied());
        if let (Some(shown), Some(follower)) = (shown, self.by_buyer().get_mut(&buyer)) {
            update(follower, shown);
        }
    }

    /// Some purchases may have changed.
    pub fn look_again(&self, whose: Whose) {
        match whose {
            Whose::Pending => {}
            Whose::Buying => self.bought.store(true, Ordering::Relaxed),
            Whose::All => self.changed.store(true, Ordering::Relaxed),
        }
        self.due.notify_one();
    }

    /// Waits for [`Followers::look_again`].
    pub async fn due(&self) {
        self.due.notified().await;
    }

    /// The buyers at whose purchases to look now, and how. Those whom nobody follows any more are dropped.
    pub fn take_due(&self) -> Vec<(BuyerId, Look)> {
        let bought = self.bought.swap(false, Ordering::Relaxed);
        let changed = self.changed.swap(false, Ordering::Relaxed);
        let mut by_buyer = self.by_buyer();
        by_buyer.retain(|_, follower| follower.event.receiver_count() > 0);
        let is_due = |stage: Option<Stage>| match stage {
            None | Some(Stage::Queued | Stage::Processing) => true,
            Some(Stage::NotPurchased) => bought || changed,
            Some(Stage::Completed | Stage::Failed | Stage::Cancelled) => changed,
        };
        for follower in by_buyer.values_mut() {
            follower.is_due |= is_due(follower.stage);
        }
        let due = by_buyer.iter().filter(|(_, follower)| follower.is_due);
        due.map(|(buyer, follower)| (*buyer, Look::at(follower.stage)))
            .collect()
    }

    fn by_buyer(&self) -> MutexGuard<'_, HashMap<BuyerId, Follower>> {
        self.by_buyer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A purchase as a look found it.
struct Shown {
    stage: Stage,
    event: Event,
}

impl Shown {
    /// The event's id names also whose purchase it is: a client may name it to a stream of another sale.
    fn of(
        whose: (SaleId, BuyerId),
        found: Option<&Found>,
        product: Option<ProductId>,
    ) -> Option<Self> {
        let mut status = found.map_or_else(PurchaseStatus::not_purchased, PurchaseStatus::from);
        if let (Some(product), true) = (product, status.job_id().is_some()) {
            status = status.of_product(product);
        }
        let (sale, buyer) = whose;
        let content = (sale.uuid(), buyer.uuid(), status.content());
        let event = Event::new(PURCHASE, &status, &content)
            .inspect_err(|error| tracing::error!(%error, "a purchase cannot be written"));
        Some(Self {
            stage: status.status,
            event: event.ok()?,
        })
    }
}

impl Follower {
    fn show(&mut self, base: Epoch, shown: Shown) {
        let goes_back = rank(Some(shown.stage)) < rank(self.stage);
        let was_lost = shown.stage == Stage::NotPurchased && base > self.base;
        if goes_back && !was_lost {
            return;
        }
        self.stage = Some(shown.stage);
        self.base = self.base.max(base);
        self.event.send_if_modified(|last| {
            let is_new = last
                .as_ref()
                .is_none_or(|last| last.id() != shown.event.id());
            if is_new {
                *last = Some(shown.event);
            }
            is_new
        });
    }
}

/// The way of a purchase: from none to on its way, then to a result. A cancelled order was completed, and a failed
/// purchase may be completed by an operator. Only a loss of Redis's goes back.
const fn rank(stage: Option<Stage>) -> u8 {
    match stage {
        None => 0,
        Some(Stage::NotPurchased) => 1,
        Some(Stage::Queued | Stage::Processing) => 2,
        Some(Stage::Failed) => 3,
        Some(Stage::Completed) => 4,
        Some(Stage::Cancelled) => 5,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use sale::{
        ledger::{PurchaseOutcome, Rejection},
        model::{BuyerId, Epoch, OrderId, ProductId, SaleId},
    };

    use super::{Followers, Found, Look, Whose};

    const FIRST: Epoch = Epoch(1);
    const NEXT: Epoch = Epoch(2);

    fn admitted(sale: SaleId) -> Found {
        Found {
            order: OrderId::random(),
            sale,
            outcome: None,
        }
    }

    #[test]
    fn a_purchase_vanishes_only_by_a_look_in_a_newer_epoch_of_the_gate() {
        let (sale, buyer) = (SaleId::random(), BuyerId::random());
        let followers = Followers::new(sale);
        followers.learn(ProductId::random(), FIRST);
        let events = followers.follow(buyer);
        let status = || {
            let event = events.borrow().clone().unwrap();
            let text = String::from_utf8(event.bytes().to_vec()).unwrap();
            let (_, rest) = text.split_once(r#""status":""#).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        followers.show(buyer, FIRST, None);
        assert_eq!(status(), "not_purchased");
        followers.admitted(buyer, &admitted(sale));
        followers.show(buyer, FIRST, None);
        assert_eq!(status(), "queued", "the look began before the purchase");

        followers.learn(ProductId::random(), NEXT);
        assert_eq!(followers.base(), NEXT);
        followers.show(buyer, FIRST, None);
        assert_eq!(status(), "queued", "the look began before the loss");
        followers.show(buyer, NEXT, None);
        assert_eq!(status(), "not_purchased");
        followers.admitted(buyer, &admitted(sale));
        followers.show(buyer, NEXT, None);
        assert_eq!(status(), "queued", "it was bought after the loss");
    }

    #[test]
    fn the_id_of_an_event_names_the_sale_and_the_buyer() {
        let sales = [SaleId::random(), SaleId::random()];
        let buyers = [BuyerId::random(), BuyerId::random()];
        let id = |sale, buyer| {
            let followers = Followers::new(sale);
            let events = followers.follow(buyer);
            followers.show(buyer, FIRST, None);
            let event = events.borrow().clone().unwrap();
            event.id().to_owned()
        };
        let first = id(sales[0], buyers[0]);
        assert_eq!(id(sales[0], buyers[0]), first);
        assert_ne!(id(sales[1], buyers[0]), first);
        assert_ne!(id(sales[0], buyers[1]), first);
    }

    #[test]
    fn a_purchase_that_is_sent_again_does_not_stand_for_a_look_that_is_due() {
        let (order, sale) = (OrderId::random(), SaleId::random());
        let (followers, buyer) = (Followers::new(sale), BuyerId::random());
        let found = |outcome| Found {
            order,
            sale,
            outcome,
        };
        let rejection = Rejection {
            id: order.uuid(),
            sale,
            buyer: Some(buyer),
            order: Some(order),
            reason: "superseded".to_owned(),
            counted: true,
            at: Utc::now(),
        };
        let rejected = found(Some(PurchaseOutcome::Rejected(rejection)));
        let _events = followers.follow(buyer);
        followers.show(buyer, FIRST, Some(&rejected));
        assert_eq!(followers.take_due(), []);

        followers.look_again(Whose::All);
        assert_eq!(followers.take_due(), [(buyer, Look::Full)]);
        followers.admitted(buyer, &found(None));
        assert_eq!(followers.take_due(), [(buyer, Look::Full)]);
        followers.show(buyer, FIRST, Some(&rejected));
        assert_eq!(followers.take_due(), []);
    }

    #[test]
    fn nobody_is_shown_what_nobody_follows() {
        let (sale, buyer) = (SaleId::random(), BuyerId::random());
        let followers = Followers::new(sale);
        followers.admitted(buyer, &admitted(sale));
        assert!(followers.follow(buyer).borrow().is_none());
    }
}
