//! The scripts as a pure model: one sale's keys, and the same verdicts.
//!
//! Times are years that are long past or far away, so that the machine's clock, which the model does not have, lies
//! between them. If a script stores the clock, the model reports that, and the test fills in the stored value.

use std::collections::{BTreeMap, BTreeSet};

use sale::{
    gate::{
        admission::{GateProgress, Known},
        swap::Swapped,
        upkeep::{ConsumerRemoval, PostedEntry, Synced},
    },
    journal::EntryId,
    ledger::Sale,
    model::{BuyerId, Epoch, OrderId, Phase, Purchase, SaleState, Verdict, Version},
};

use crate::fixture::year;

/// An instant between those of the random terms.
const NOW_YEAR: i32 = 2050;

pub type Marks = BTreeMap<BuyerId, OrderId>;

/// The keys of one sale, and the history since the last install.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub terms: Option<Terms>,
    pub buyers: Marks,
    pub journal: Option<Stream>,
    /// The marks that the last install put in place.
    installed: Marks,
    /// Every entry written since then.
    written: Vec<(EntryId, Vec<Purchase>)>,
    /// The largest limit since then.
    limit_max: u64,
    /// A key was deleted since then.
    damaged: bool,
}

#[derive(Debug, Clone)]
pub struct Terms {
    pub sale: Sale,
    pub epoch: Epoch,
    /// Microseconds since 1970; 0 if none is stored.
    pub clock: u64,
    pub forgotten: u64,
    pub lost: bool,
    pub closed: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Stream {
    pub entries: BTreeMap<EntryId, Vec<Purchase>>,
    pub group: Option<Group>,
    last: Option<EntryId>,
}

#[derive(Debug, Clone, Default)]
pub struct Group {
    pub pending: BTreeMap<EntryId, usize>,
    pub consumers: BTreeSet<usize>,
    delivered: Option<EntryId>,
}

/// The result of `admit`.
#[derive(Debug)]
pub struct Decided {
    pub progress: GateProgress,
    pub verdicts: Vec<Verdict>,
    pub won: Option<Purchase>,
    pub clock_moves: bool,
}

impl Model {
    pub fn progress(&self) -> GateProgress {
        GateProgress {
            epoch: self.terms.as_ref().map_or(Epoch(0), |terms| terms.epoch),
            taken: self.buyers.len() as u64,
        }
    }

    pub fn admit(&mut self, known: &Known, bits: u32, batch: &[Purchase]) -> Decided {
        let progress = self.progress();
        let cold = |progress| Decided {
            progress,
            verdicts: vec![Verdict::Cold; batch.len()],
            won: None,
            clock_moves: false,
        };
        let Some(terms) = &mut self.terms else {
            return cold(GateProgress::default());
        };
        if progress < known.progress {
            terms.lost = true;
            return cold(progress);
        }
        if terms.lost || terms.closed {
            return cold(progress);
        }
        let lacks = |it: &Purchase| self.buyers.get(&it.buyer) != Some(&it.order);
        let admitted = [known.admitted.posted, known.admitted.told];
        if progress.epoch == known.progress.epoch && admitted.iter().flatten().any(lacks) {
            terms.lost = true;
            return cold(progress);
        }
        if terms.sale.version < known.version {
            return cold(progress);
        }
        let refusal = refusal(&terms.sale);
        let mut buyers = self.buyers.clone();
        let mut winners = Vec::new();
        let decide = |purchase: &Purchase| match buyers.get(&purchase.buyer) {
            Some(order) if *order == purchase.order => Verdict::Admitted,
            Some(order) => Verdict::Duplicate { order: *order },
            None => refusal.unwrap_or_else(|| {
                if buyers.len() as u64 >= terms.sale.limit() {
                    return Verdict::SoldOut;
                }
                buyers.insert(purchase.buyer, purchase.order);
                winners.push(*purchase);
                Verdict::Admitted
            }),
        };
        let verdicts: Vec<Verdict> = batch.iter().map(decide).collect();
        let passed = |at: u64| terms.clock < at && at < micros(NOW_YEAR);
        let (start, end) = (&terms.sale.start, &terms.sale.end);
        let [start, end] = [start, end].map(|at| at.timestamp_micros().cast_unsigned());
        let names_an_order =
            |verdict: &Verdict| matches!(verdict, Verdict::Admitted | Verdict::Duplicate { .. });
        let clock_moves = verdicts.iter().any(names_an_order) || passed(start) || passed(end);
        let taken = buyers.len() as u64;
        let won = winners.last().copied();
        if !winners.is_empty() {
            let id = EntryId {
                epoch: terms.epoch,
                sequence: (taken << 20) + u64::from(bits),
            };
            let stream = self.journal.get_or_insert_default();
            if stream.last.is_some_and(|last| id <= last) {
                terms.lost = true;
                return cold(progress);
            }
            stream.last = Some(id);
            stream.entries.insert(id, winners.clone());
            self.written.push((id, winners));
            self.buyers = buyers;
        }
        Decided {
            progress: GateProgress { taken, ..progress },
            verdicts,
            won,
            clock_moves,
        }
    }

    pub fn sync(&mut self, sale: &Sale) -> Synced {
        let Some(terms) = &mut self.terms else {
            return Synced::Missing;
        };
        if terms.epoch != sale.base {
            return Synced::Foreign;
        }
        if terms.sale.version >= sale.version {
            return Synced::Current;
        }
        terms.sale = sale.clone();
        self.limit_max = self.limit_max.max(sale.limit());
        Synced::Applied
    }

    pub fn forget(&mut self, lost: Option<Epoch>, posted: &[PostedEntry]) -> u64 {
        let epoch = self.terms.as_ref().map(|terms| terms.epoch);
        let (mut deleted, mut forgotten) = (0, 0);
        for entry in posted {
            let Some(stream) = &mut self.journal else {
                continue;
            };
            if let Some(group) = &mut stream.group {
                group.pending.remove(&entry.id);
            }
            if stream.entries.remove(&entry.id).is_some() {
                deleted += 1;
                if epoch == Some(entry.id.epoch) {
                    forgotten += entry.winners;
                }
            }
        }
        if let Some(terms) = &mut self.terms {
            terms.forgotten += forgotten;
            terms.lost |= lost == epoch;
        }
        deleted
    }

    pub fn close(&mut self) {
        if let Some(terms) = &mut self.terms {
            terms.lost = true;
        }
    }

    pub fn swap(&mut self, sale: &Sale, prepared: &Marks, read: u64) -> Swapped {
        if self.progress().epoch >= sale.epoch {
            return Swapped::Outdated;
        }
        if self.entries() > 0 {
            return Swapped::Undrained;
        }
        if prepared.len() as u64 != read {
            return Swapped::Incomplete;
        }
        self.terms = Some(Terms {
            sale: sale.clone(),
            epoch: sale.epoch,
            clock: self.terms.as_ref().map_or(0, |terms| terms.clock),
            forgotten: read,
            lost: false,
            closed: true,
        });
        self.journal = Some(Stream {
            group: Some(Group::default()),
            ..Stream::default()
        });
        self.buyers.clone_from(prepared);
        self.installed.clone_from(prepared);
        self.written.clear();
        self.limit_max = sale.limit();
        self.damaged = false;
        Swapped::Swapped
    }

    pub fn open(&mut self, epoch: Epoch) -> bool {
        match &mut self.terms {
            Some(terms) if terms.epoch == epoch => {
                terms.closed = false;
                true
            }
            Some(_) | None => false,
        }
    }

    /// A group read. It creates a missing group, and then returns nothing.
    pub fn read(&mut self, consumer: usize, count: usize) -> Vec<EntryId> {
        let Some(stream) = &mut self.journal else {
            return Vec::new();
        };
        let Some(group) = &mut stream.group else {
            stream.group = Some(Group::default());
            return Vec::new();
        };
        let after = |id: &EntryId| group.delivered.is_none_or(|delivered| *id > delivered);
        let ids = stream.entries.keys().copied();
        let read: Vec<EntryId> = ids.filter(after).take(count).collect();
        for id in &read {
            group.pending.insert(*id, consumer);
            group.delivered = Some(*id);
            group.consumers.insert(consumer);
        }
        read
    }

    pub fn claim(&mut self, consumer: usize, count: usize) -> Vec<EntryId> {
        let Some(group) = self.group() else {
            return Vec::new();
        };
        let claimed: Vec<EntryId> = group.pending.keys().copied().take(count).collect();
        for id in &claimed {
            group.pending.insert(*id, consumer);
            group.consumers.insert(consumer);
        }
        claimed
    }

    pub fn deliver_again(&mut self) {
        if let Some(group) = self.group() {
            group.delivered = None;
        }
    }

    pub fn remove_consumer(&mut self, consumer: usize, idle: bool) -> ConsumerRemoval {
        let Some(group) = self.group() else {
            return ConsumerRemoval::Missing;
        };
        if !group.consumers.contains(&consumer) {
            return ConsumerRemoval::Missing;
        }
        if group.pending.values().any(|holder| *holder == consumer) {
            return ConsumerRemoval::Pending;
        }
        if !idle {
            return ConsumerRemoval::Busy;
        }
        group.consumers.remove(&consumer);
        ConsumerRemoval::Removed
    }

    pub fn lose(&mut self, terms: bool, buyers: bool, journal: bool) {
        if terms {
            self.terms = None;
        }
        if buyers {
            self.buyers.clear();
        }
        if journal {
            self.journal = None;
        }
        self.damaged = true;
    }

    /// The invariants after every step, whatever came before.
    pub fn assert_invariants(&self) {
        let Some(terms) = self.terms.as_ref().filter(|_| !self.damaged) else {
            return;
        };
        let mut accounted = self.installed.clone();
        for (id, winners) in &self.written {
            assert!(!winners.is_empty(), "{id} has no winner");
            for winner in winners {
                let before = accounted.insert(winner.buyer, winner.order);
                assert_eq!(before, None, "{} won twice", winner.buyer);
            }
        }
        assert_eq!(accounted, self.buyers, "a mark and an entry come together");
        let most = self.limit_max.max(self.installed.len() as u64);
        assert!(self.buyers.len() as u64 <= most, "oversold");
        assert!(terms.forgotten <= self.buyers.len() as u64);
        assert!(terms.sale.limit() <= self.limit_max);
        assert!(terms.sale.version >= Version(1));
    }

    fn entries(&self) -> usize {
        self.journal.as_ref().map_or(0, |it| it.entries.len())
    }

    fn group(&mut self) -> Option<&mut Group> {
        self.journal.as_mut()?.group.as_mut()
    }
}

fn refusal(sale: &Sale) -> Option<Verdict> {
    let state = match sale.state {
        SaleState::Settled => SaleState::Ended,
        known @ (SaleState::Open | SaleState::Paused | SaleState::Ended) => known,
    };
    match Phase::at(year(NOW_YEAR), sale.start, sale.end, state) {
        Phase::Upcoming => Some(Verdict::NotStarted),
        Phase::Active => None,
        Phase::Paused => Some(Verdict::Paused),
        Phase::Ended => Some(Verdict::Ended),
    }
}

fn micros(at: i32) -> u64 {
    year(at).timestamp_micros().cast_unsigned()
}
