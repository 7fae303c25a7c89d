//! The scripts of `lua/`, each one step.

use crate::{
    rules::{Rule, Without},
    state::{
        BUYERS, ENTRIES, Entry, Gate, Marks, Owner, Prepared, Sale, SaleState, Verdict, count,
    },
};

/// The answer of `admit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Admission {
    pub verdicts: [Verdict; BUYERS],
    pub progress: (u8, u8),
    /// The gate's clock says that the sale has ended, or that it has not started.
    pub ended: bool,
    pub not_started: bool,
}

/// The caller's knowledge of the gate.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub seen: (u8, u8),
    /// The lowest version of terms with which the gate may sell.
    pub version: u8,
    /// Purchases that a gate of this epoch must have: epoch, buyer and order.
    pub witnesses: [(u8, u8, u8); 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    Swapped,
    Refused,
}

impl Gate {
    /// Decides a batch. `time` is the result of `TIME`, `history` stands for the random bits.
    pub fn admit(
        &mut self,
        without: Without,
        batch: &Marks,
        known: Known,
        (time, history): (u8, u8),
    ) -> Admission {
        let mut answer = Admission::default();
        let everybody =
            |verdict: Verdict| batch.map(|order| if order > 0 { verdict } else { Verdict::None });
        let taken = count(&self.marks);
        if !self.there {
            answer.verdicts = everybody(Verdict::Cold);
            return answer;
        }
        answer.progress = (self.epoch, taken);
        if self.is_rolled_back(without, &known) {
            self.lost |= without.keeps(Rule::AdmitMarksARollback);
            answer.verdicts = everybody(Verdict::Cold);
            return answer;
        }
        if self.is_cold(without, &known) {
            answer.verdicts = everybody(Verdict::Cold);
            return answer;
        }
        let kept = without.keeps(Rule::TheClockIsKept);
        let now = if kept { time.max(self.clock) } else { time };
        let (terms, clock) = (self.terms, self.clock);
        answer.ended = now >= terms.end;
        answer.not_started = now < terms.start;
        let (verdicts, winners) = self.verdicts(without, batch, self.refusal(now));
        answer.verdicts = verdicts;
        let won = count(&winners);
        if won > 0 {
            answer.progress.1 += won;
            self.append(Entry {
                epoch: self.epoch,
                taken: taken + won,
                history: history * u8::from(without.keeps(Rule::EntryIdsCarryRandomBits)),
                owner: Owner::Nobody,
                winners,
            });
            if without.keeps(Rule::MarksComeWithTheEntry) {
                self.mark(&winners);
            }
        }
        let passed = |instant: u8| clock < instant && now >= instant;
        if won > 0 || passed(terms.start) || passed(terms.end) {
            self.clock = now;
        }
        answer
    }

    fn is_rolled_back(&self, without: Without, known: &Known) -> bool {
        let checks = without.keeps(Rule::AdmitChecksWhatWasSeen);
        let has_less = (self.epoch, count(&self.marks)) < known.seen;
        let lacks = |witness: &(u8, u8, u8)| self.lacks(*witness);
        (checks && has_less) || known.witnesses.iter().any(lacks)
    }

    fn is_cold(&self, without: Without, known: &Known) -> bool {
        let checks_terms = without.keeps(Rule::TheLedgersTermsAreChecked);
        (self.lost && without.keeps(Rule::AdmitIsColdWhileLost))
            || (self.closed && without.keeps(Rule::AdmitIsColdWhileClosed))
            || (self.terms.version < known.version && checks_terms)
    }

    /// The refusal for every buyer without a unit, if the sale does not sell now.
    fn refusal(&self, now: u8) -> Option<Verdict> {
        if self.terms.state == SaleState::Ended || now >= self.terms.end {
            Some(Verdict::Ended)
        } else if now < self.terms.start {
            Some(Verdict::NotStarted)
        } else if self.terms.state != SaleState::Open {
            Some(Verdict::Paused)
        } else {
            None
        }
    }

    /// The verdicts on a batch, and the marks of its winners.
    fn verdicts(
        &self,
        without: Without,
        batch: &Marks,
        refusal: Option<Verdict>,
    ) -> ([Verdict; BUYERS], Marks) {
        let mut remaining = self.terms.limit.saturating_sub(count(&self.marks));
        let mut verdicts = [Verdict::None; BUYERS];
        let mut winners = Marks::default();
        for (buyer, &order) in batch.iter().enumerate().filter(|(_, order)| **order > 0) {
            let held = self.marks[buyer];
            verdicts[buyer] = if held == order && without.keeps(Rule::AdmitKnowsAResend) {
                Verdict::Admitted
            } else if held > 0 && held != order {
                Verdict::Duplicate(held)
            } else if let Some(refusal) = refusal {
                refusal
            } else if remaining < 1 {
                Verdict::SoldOut
            } else {
                remaining -= 1;
                winners[buyer] = order;
                Verdict::Admitted
            };
        }
        (verdicts, winners)
    }

    /// Whether this gate lacks a purchase that it must have made.
    pub fn lacks(&self, (epoch, buyer, order): (u8, u8, u8)) -> bool {
        order > 0 && epoch == self.epoch && self.marks[usize::from(buyer)] != order
    }

    pub fn mark(&mut self, winners: &Marks) {
        for (mark, winner) in self
            .marks
            .iter_mut()
            .zip(winners)
            .filter(|(_, winner)| **winner > 0)
        {
            *mark = *winner;
        }
    }

    /// The journal of a scenario never holds more entries than there are buyers, or than two histories of one buyer.
    fn append(&mut self, entry: Entry) {
        let place = self.journal.iter_mut().find(|entry| !entry.is_there());
        *place.expect("a scenario whose journal overflows is too large") = entry;
    }

    pub fn entries(&self) -> usize {
        self.journal.iter().filter(|entry| entry.is_there()).count()
    }

    pub fn sync(&mut self, without: Without, sale: &Sale) {
        if !self.there
            || (self.epoch != sale.epoch && without.keeps(Rule::SyncTakesOnlyItsEpoch))
            || (self.terms.version >= sale.terms.version && without.keeps(Rule::SyncTakesOnlyNewer))
        {
            return;
        }
        self.terms = sale.terms;
        self.lost &= without.keeps(Rule::SyncLeavesLost);
        self.closed &= without.keeps(Rule::SyncLeavesClosed);
    }

    /// Deletes a posted entry. `lost` is the epoch for which a loss was proved.
    pub fn forget(&mut self, without: Without, entry: &Entry, lost: u8) {
        let exact = without.keeps(Rule::ForgetDeletesByExactId);
        let mut deleted = false;
        for held in &mut self.journal {
            let hit = if exact {
                held.id() == entry.id()
            } else {
                held.id() <= entry.id()
            };
            if held.is_there() && hit {
                *held = Entry::default();
                deleted = true;
            }
        }
        let mut kept: Vec<Entry> = self.journal.into_iter().filter(Entry::is_there).collect();
        kept.resize(ENTRIES, Entry::default());
        self.journal.copy_from_slice(&kept);
        if !self.there {
            return;
        }
        let counts = (deleted || !without.keeps(Rule::ForgetCountsWhatItDeleted))
            && (entry.epoch == self.epoch || !without.keeps(Rule::ForgetCountsItsEpoch));
        if counts {
            self.forgotten += count(&entry.winners);
        }
        self.lost |= lost == self.epoch && without.keeps(Rule::ForgetTellsALoss);
    }

    pub fn close(&mut self) {
        self.lost |= self.there;
    }

    pub fn discard(&mut self, epoch: u8) {
        for prepared in self
            .prepared
            .iter_mut()
            .filter(|prepared| prepared.epoch == epoch)
        {
            *prepared = Prepared::default();
        }
        self.prepared.sort_unstable();
    }

    pub fn prepare(&mut self, epoch: u8, marks: &Marks) {
        self.discard(epoch);
        if count(marks) > 0 {
            // Sorted: the first place is the emptier one. Its content belongs to a dead attempt.
            self.prepared[0] = Prepared {
                epoch,
                marks: *marks,
            };
            self.prepared.sort_unstable();
        }
    }

    pub fn swap(&mut self, without: Without, sale: &Sale, buyers: u8) -> Swapped {
        let found = self
            .prepared
            .iter()
            .find(|prepared| prepared.epoch == sale.epoch);
        let marks = found.map_or(Marks::default(), |prepared| prepared.marks);
        if (self.there && self.epoch >= sale.epoch && without.keeps(Rule::SwapRefusesOutdated))
            || (self.entries() > 0 && without.keeps(Rule::SwapRefusesUndrained))
            || (count(&marks) != buyers && without.keeps(Rule::SwapRefusesIncomplete))
        {
            return Swapped::Refused;
        }
        self.discard(sale.epoch);
        *self = Self {
            there: true,
            epoch: sale.epoch,
            terms: sale.terms,
            clock: if without.keeps(Rule::SwapKeepsTheClock) {
                self.clock
            } else {
                0
            },
            forgotten: if without.keeps(Rule::SwapCountsAllAsForgotten) {
                count(&marks)
            } else {
                0
            },
            lost: false,
            closed: without.keeps(Rule::SwapCloses),
            marks,
            journal: [Entry::default(); ENTRIES],
            group: true,
            prepared: self.prepared,
        };
        Swapped::Swapped
    }

    pub fn open(&mut self, without: Without, epoch: u8) {
        if !self.there || (self.epoch != epoch && without.keeps(Rule::OpenChecksTheEpoch)) {
            return;
        }
        self.closed = false;
        self.lost &= without.keeps(Rule::OpenLeavesLost);
    }
}
