//! What the lanes of a sale, one on each thread, have seen of its gate. Each passes on what any of them has seen, so that
//! a gate that was rolled back is noticed as if there were one lane.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sale::{
    gate::admission::{Decision, GateProgress, Known},
    ledger::Sale,
    model::SaleId,
};

/// What the lanes of one sale have seen. (The version of the terms is not part of it: each lane asks the ledger.)
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: Known,
    /// How far the gate had come with the last purchase that is known to be admitted.
    told_at: GateProgress,
    /// How often it was forgotten.
    forgotten: u64,
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it, and how often it was forgotten.
    pub(super) fn all(&self) -> (Known, u64) {
        let state = self.state();
        (state.known, state.forgotten)
    }

    /// Learns from a decision of the gate. Decisions of several lanes may come in another order than the gate made
    /// them: the purchases of an older one add nothing. Nor does a decision from before something was forgotten.
    pub(super) fn see(&self, decision: &Decision, forgotten: u64) {
        let mut state = self.state();
        if forgotten != state.forgotten {
            return;
        }
        let names_one = decision.won.is_some() || decision.again.is_some();
        if names_one && decision.progress >= state.told_at {
            state.told_at = decision.progress;
            state.known.see(decision);
        } else {
            state.known.reach(decision.progress);
        }
    }

    /// [`Known::forget_beyond`].
    pub(super) fn forget_beyond(&self, sale: &Sale) {
        let mut state = self.state();
        if state.known.forget_beyond(sale) {
            state.told_at = GateProgress::default();
            state.forgotten += 1;
        }
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

    fn decision(taken: u64, won: Option<Purchase>) -> Decision {
        Decision {
            progress: GateProgress {
                taken,
                ..GateProgress::default()
            },
            verdicts: Vec::new(),
            won,
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
        one.see(&decision(12, None), 0);
        one.see(&decision(9, Some(later)), 0);
        other.see(&decision(4, Some(earlier)), 0);
        let (known, _) = other.all();
        assert_eq!(known.progress.taken, 12);
        assert_eq!(known.admitted.told, Some(later));
        let taken = |sale| by_sale.of(sale).all().0.progress.taken;
        assert_eq!(taken(SaleId::random()), 0);
        drop((one, other));
        assert_eq!(taken(sale), 0);
    }
}
