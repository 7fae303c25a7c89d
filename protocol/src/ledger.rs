//! The statements of the ledger, each one step: `migrations/0007_posting.sql`, `migrations/0009_replay.sql`, the
//! triggers of `migrations/0005_orders.sql`, and `sale/src/ledger`. A statement that a constraint rejects changes
//! nothing.

use crate::{
    rules::{Rule, Without},
    state::{BUYERS, Entry, Ledger, Marks, Rejection, Sale, SaleState, Terms},
};

/// The result of `post_orders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// With the epoch for which it proved a loss, or 0.
    Done {
        lost: u8,
    },
    Ahead,
    /// A constraint rejected it: the whole call is undone.
    Failed,
}

impl Ledger {
    /// If the ledger has no such sale, everything is zero.
    pub fn sale(&self) -> Sale {
        Sale {
            epoch: self.epoch,
            base: self.base,
            posted: self.posted,
            terms: Terms {
                version: self.version,
                state: self.state,
                start: self.start,
                end: self.end,
                limit: self.available + self.posted,
            },
        }
    }

    fn rejection(&mut self, buyer: usize, order: u8) -> &mut Rejection {
        &mut self.rejections[buyer][usize::from(order - 1)]
    }

    fn counted(&self, buyer: usize) -> Option<u8> {
        let place = self.rejections[buyer]
            .iter()
            .position(|held| *held == Rejection::Counted)?;
        Some(place as u8 + 1)
    }

    /// The purchases that `posted` counts: a buyer's order, or else the counted rejection.
    pub fn posted_buyers(&self) -> Marks {
        let mut marks = self.orders;
        for (buyer, mark) in marks.iter_mut().enumerate().filter(|(_, mark)| **mark == 0) {
            *mark = self.counted(buyer).unwrap_or(0);
        }
        marks
    }

    pub fn knows(&self, buyer: usize, order: u8) -> bool {
        self.orders[buyer] == order
            || self.rejections[buyer][usize::from(order - 1)] != Rejection::None
    }

    /// Posts an entry's winners. `known` is the posted state that was read before the lock.
    pub fn post(&mut self, without: Without, entry: &Entry, known: Option<&Marks>) -> Posted {
        let before = *self;
        if self.there && entry.epoch > self.epoch && without.keeps(Rule::AheadStopsPosting) {
            return Posted::Ahead;
        }
        let superseded = entry.epoch < self.base
            && without.keeps(Rule::OldEpochsAreSuperseded)
            && without.keeps(Rule::EntryIdsCarryTheEpoch);
        let (mut lost, mut rejected, mut counted) = (0, false, 0);
        let mut available = self.available;
        for (buyer, &order) in entry
            .winners
            .iter()
            .enumerate()
            .filter(|(_, order)| **order > 0)
        {
            let held = known.map_or(before.orders[buyer], |known| known[buyer]);
            let refused = before.counted(buyer);
            let uncounted = *self.rejection(buyer, order) == Rejection::Uncounted;
            let is_final = uncounted && !without.keeps(Rule::UncountedIsReplaced);
            if held == order || refused == Some(order) || is_final {
                continue;
            }
            let other_order =
                held > 0 && !superseded && self.there && self.state != SaleState::Settled;
            let uncounted_reason = !self.there
                || superseded
                || self.state == SaleState::Settled
                || held > 0
                || refused.is_some();
            if !uncounted_reason && available > 0 {
                if self.orders[buyer] > 0 || self.available == 0 {
                    *self = before;
                    return Posted::Failed;
                }
                available -= 1;
                self.orders[buyer] = order;
                (self.available, self.confirmed) = (self.available - 1, self.confirmed + 1);
                self.posted += 1;
                *self.rejection(buyer, order) = Rejection::None;
                self.admitted_last(entry, buyer, order);
                continue;
            }
            let counts =
                !uncounted_reason || (superseded && !without.keeps(Rule::SupersededIsNotCounted));
            let row = self.rejection(buyer, order);
            let fresh = *row == Rejection::None;
            if other_order && (fresh || without.keeps(Rule::ALossIsToldOnEveryDelivery)) {
                lost = entry.epoch;
            }
            if fresh || !superseded {
                *row = if counts {
                    Rejection::Counted
                } else {
                    Rejection::Uncounted
                };
                rejected = true;
                counted += u8::from(counts);
                if counts {
                    self.admitted_last(entry, buyer, order);
                }
            }
        }
        if rejected && self.there {
            self.posted += counted;
            self.version += u8::from(without.keeps(Rule::ARejectionRaisesVersion));
        }
        Posted::Done { lost }
    }

    fn admitted_last(&mut self, entry: &Entry, buyer: usize, order: u8) {
        let at = (entry.epoch, entry.taken);
        if at >= self.last.0 {
            self.last = (at, (buyer as u8, order));
        }
    }

    pub fn begin_install(&mut self, without: Without) -> Option<u8> {
        if !self.there || self.state == SaleState::Settled {
            return None;
        }
        if !without.keeps(Rule::EachAttemptHasANumber) {
            return Some(self.base + 1);
        }
        self.epoch += 1;
        Some(self.epoch)
    }

    pub fn complete_install(&mut self, without: Without, epoch: u8, installed: u8) -> bool {
        let numbered = without.keeps(Rule::EachAttemptHasANumber);
        let current = if numbered {
            self.epoch == epoch
        } else {
            self.base + 1 == epoch
        };
        let holds = (current || !without.keeps(Rule::CompleteChecksTheEpoch))
            && self.state != SaleState::Settled
            && (self.posted == installed || !without.keeps(Rule::CompleteChecksPosted));
        if holds {
            self.base = epoch;
            self.epoch = self.epoch.max(epoch);
        }
        holds
    }

    pub fn end(&mut self) {
        if self.state < SaleState::Ended {
            self.state = SaleState::Ended;
            self.version += 1;
        }
    }

    pub fn settle(&mut self, without: Without, epoch: u8, taken: u8) {
        let of_this_epoch = (self.epoch == epoch && self.base == epoch)
            || !without.keeps(Rule::SettleChecksTheEpoch);
        let agrees = self.posted == taken || !without.keeps(Rule::SettleChecksPosted);
        if self.state != SaleState::Ended || !of_this_epoch || !agrees {
            return;
        }
        self.state = SaleState::Settled;
        self.version += 1;
        self.returned += self.available;
        self.stock += self.available;
        self.available = 0;
    }

    pub fn can_cancel(&self, buyer: usize) -> bool {
        self.orders[buyer] > 0 && !self.cancelled[buyer]
    }

    pub fn cancel(&mut self, without: Without, buyer: usize) {
        self.cancelled[buyer] = true;
        self.confirmed -= 1;
        if self.state == SaleState::Settled {
            self.returned += 1;
            self.stock += 1;
        } else {
            self.available += 1;
        }
        self.version += u8::from(without.keeps(Rule::ACancelRaisesVersion));
    }

    /// Makes the order of a rejected purchase, if no install has begun since `epoch` and a unit is left.
    pub fn replay(&mut self, without: Without, epoch: u8, buyer: usize, order: u8) -> bool {
        let row = self.rejections[buyer][usize::from(order - 1)];
        let other = self.counted(buyer).is_some_and(|counted| counted != order);
        if (self.epoch != epoch && without.keeps(Rule::ReplayChecksTheEpoch))
            || self.state == SaleState::Settled
            || row == Rejection::None
            || other
            || self.orders[buyer] > 0
            || self.available == 0
        {
            return false;
        }
        // Like the trigger on `orders`.
        let counts = row == Rejection::Counted;
        *self.rejection(buyer, order) = Rejection::None;
        self.orders[buyer] = order;
        (self.available, self.confirmed) = (self.available - 1, self.confirmed + 1);
        self.posted += u8::from(!counts);
        self.version += u8::from(counts);
        true
    }

    /// All units that are left or confirmed, in stock and sale.
    pub fn all_units(&self) -> u8 {
        self.stock + self.available + self.confirmed
    }

    pub fn cancelled_count(&self) -> usize {
        (0..BUYERS).filter(|buyer| self.cancelled[*buyer]).count()
    }
}
