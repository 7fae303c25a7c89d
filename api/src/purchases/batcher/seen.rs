//! What the lanes of a sale, one on each thread, have seen of its gate. Each passes on what any of them has seen, so that
//! a gate that was rolled back is noticed as if there were one lane.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sale::{
    gate::admission::{Decision, Known},
    ledger::Sale,
    model::SaleId,
};

/// What the lanes of one sale have seen. (The version of the terms is not part of it: each lane asks the ledger.)
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Known>);

impl Seen {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it.
    pub(super) fn all(&self) -> Known {
        *self.known()
    }

    /// Learns from a decision of the gate. Decisions of several lanes may come in another order than the gate made
    /// them: an older one adds nothing.
    pub(super) fn see(&self, decision: &Decision) {
        let mut known = self.known();
        if decision.progress >= known.progress {
            known.see(decision);
        }
    }

    /// [`Known::forget_beyond`].
    pub(super) fn forget_beyond(&self, sale: &Sale) -> bool {
        self.known().forget_beyond(sale)
    }
}

/// What is seen of each sale that has a lane.
#[derive(Debug, Default)]
pub(super) struct SeenBySale(Mutex<HashMap<SaleId, Weak<Seen>>>);

impl SeenBySale {
    /// What the lanes of a sale share, for as long as there is one.
    pub(super) fn of(&self, sale: SaleId) -> Arc<Seen> {
        let mut by_sale = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = by_sale.get(&sale).and_then(Weak::upgrade) {
            return seen;
        }
        by_sale.retain(|_, seen| seen.strong_count() > 0);
        let seen = Arc::<Seen>::default();
        by_sale.insert(sale, Arc::downgrade(&seen));
        seen
    }
}

#[cfg(test)]
mod tests {
    use sale::{
        gate::admission::{Decision, GateProgress},
        model::{BuyerId, OrderId, Purchase, SaleId},
    };
    use uuid::Uuid;

    use super::SeenBySale;

    fn decision(taken: u64, won: Purchase) -> Decision {
        Decision {
            progress: GateProgress {
                taken,
                ..GateProgress::default()
            },
            verdicts: Vec::new(),
            won: Some(won),
            again: None,
        }
    }

    #[test]
    fn the_lanes_of_a_sale_share_what_they_saw_last_and_forget_it_with_the_last_of_them() {
        let purchase = || Purchase {
            buyer: BuyerId::from_uuid(Uuid::now_v7()),
            order: OrderId::random(),
        };
        let (sale, earlier, later) = (SaleId::random(), purchase(), purchase());
        let by_sale = SeenBySale::default();
        let (one, other) = (by_sale.of(sale), by_sale.of(sale));
        one.see(&decision(9, later));
        other.see(&decision(4, earlier));
        let known = other.all();
        assert_eq!(known.progress.taken, 9);
        assert_eq!(known.admitted.told, Some(later));
        assert_eq!(by_sale.of(SaleId::random()).all().progress.taken, 0);
        drop((one, other));
        assert_eq!(by_sale.of(sale).all().progress.taken, 0);
    }
}
