//! The state of the whole system, small enough for millions of them: everything is a count below 256, and absent things
//! are zero.

use crate::{invariant::Invariant, tasks::Task};

/// The maximum of buyers. A scenario uses as many as have tries.
pub const BUYERS: usize = 3;
/// Orders that one buyer may ask for: the first, and a new one.
pub const ORDERS: u8 = 2;
/// The capacity of a journal.
pub const ENTRIES: usize = 3;

/// For each buyer the number of an order, from 1, or 0 for none.
pub type Marks = [u8; BUYERS];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SaleState {
    #[default]
    Open,
    Paused,
    Ended,
    Settled,
}

/// The values that sync carries from the ledger to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Terms {
    pub version: u8,
    pub state: SaleState,
    pub start: u8,
    pub end: u8,
    pub limit: u8,
}

/// The owner of an entry, by the consumer group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Owner {
    /// Not delivered yet.
    #[default]
    Nobody,
    Poster(u8),
    /// A reader that is gone.
    Dead,
    /// Neither a read nor a claim yields it.
    Stranded,
}

/// A journal's entry. Its id is `(epoch, taken, history)`: `history` counts the losses of the gate, and stands for the
/// random bits. An entry without winners does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Entry {
    pub epoch: u8,
    pub taken: u8,
    pub history: u8,
    pub owner: Owner,
    pub winners: Marks,
}

impl Entry {
    pub const fn id(&self) -> (u8, u8, u8) {
        (self.epoch, self.taken, self.history)
    }

    pub fn is_there(&self) -> bool {
        count(&self.winners) > 0
    }
}

/// A hash that an install prepares, under the number of its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Prepared {
    pub epoch: u8,
    pub marks: Marks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Gate {
    pub there: bool,
    pub epoch: u8,
    pub terms: Terms,
    pub clock: u8,
    pub forgotten: u8,
    pub lost: bool,
    pub closed: bool,
    pub marks: Marks,
    pub journal: [Entry; ENTRIES],
    pub group: bool,
    pub prepared: [Prepared; 2],
}

/// The fate of a purchase that is not an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Rejection {
    #[default]
    None,
    Uncounted,
    Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ledger {
    pub there: bool,
    pub state: SaleState,
    pub start: u8,
    pub end: u8,
    pub units: u8,
    pub available: u8,
    pub confirmed: u8,
    pub returned: u8,
    pub posted: u8,
    pub epoch: u8,
    pub base: u8,
    pub version: u8,
    pub stock: u8,
    pub orders: Marks,
    pub cancelled: [bool; BUYERS],
    pub rejections: [[Rejection; ORDERS as usize]; BUYERS],
    /// The posted purchase that was admitted last: when, by epoch and taken, and its buyer and order.
    pub last: ((u8, u8), (u8, u8)),
}

/// The sale as a process has read it from the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sale {
    pub epoch: u8,
    pub base: u8,
    pub posted: u8,
    pub terms: Terms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Verdict {
    /// Not in this batch.
    #[default]
    None,
    Admitted,
    Duplicate(u8),
    SoldOut,
    NotStarted,
    Ended,
    Paused,
    Cold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Call {
    #[default]
    None,
    /// On its way to the gate.
    Sent,
    /// The entry is written, and the marks are not: only without `MarksComeWithTheEntry`.
    HalfDone,
    /// The answer is on its way back.
    Answered,
}

/// An API process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Api {
    /// The furthest (epoch, taken) that it has seen.
    pub seen: (u8, u8),
    /// It has asked the ledger since it last connected.
    pub asked: bool,
    /// Its last call met a cold gate.
    pub cold: bool,
    pub call: Call,
    pub batch: Marks,
    pub verdicts: [Verdict; BUYERS],
    pub progress: (u8, u8),
    /// The version of the terms that the ledger reported.
    pub version: u8,
    /// The last purchase in the ledger's report: epoch, buyer and order.
    pub told: (u8, u8, u8),
    /// The last purchase that it saw admitted itself, if the scenario needs that.
    pub own: (u8, u8, u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Hand {
    #[default]
    Empty,
    Read,
    /// Only without `PostLocksFirst`: it knows what was posted, but has no lock yet.
    Known,
    Posted,
    /// Only without `PostedBeforeForgotten`.
    Forgotten,
}

/// The part of a reconciler that posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Poster {
    pub hand: Hand,
    pub entry: Entry,
    /// The epoch for which posting proved a loss.
    pub lost: u8,
    /// The posted purchases when it looked, without `PostLocksFirst`.
    pub known: Marks,
}

/// The purpose of posting a gate's marks, which decides the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Purpose {
    #[default]
    Keep,
    Install,
    Replay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Worker {
    pub task: Task,
    /// It holds the sale's install lock.
    pub locks: bool,
    pub purpose: Purpose,
    pub sale: Sale,
    /// The epoch of the attempt, or of the gate that it checked.
    pub epoch: u8,
    pub marks: Marks,
    pub taken: u8,
    pub forgotten: u8,
    pub empty: bool,
    pub terms: Terms,
    /// The buyer and the order of a replay.
    pub replayed: (u8, u8),
}

/// A call whose caller no longer waits, and that may still reach the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Stray {
    pub batch: Marks,
    pub seen: (u8, u8),
    pub version: u8,
    pub told: (u8, u8, u8),
}

/// The steps that may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    pub tries: [u8; BUYERS],
    pub api_crashes: u8,
    pub poster_crashes: u8,
    pub worker_crashes: u8,
    pub lost_locks: u8,
    pub rebuilds: u8,
    pub lost_replies: u8,
    pub slow_posters: u8,
    pub lost_groups: u8,
    pub copies: u8,
    pub rollbacks: u8,
    pub emptyings: u8,
    pub lost_entries: u8,
    pub unreadable: u8,
    pub ledger_copies: u8,
    pub ledger_rollbacks: u8,
    pub cancels: u8,
    pub restocks: u8,
    pub pauses: u8,
    pub moves: u8,
    pub ticks: u8,
    pub set_backs: u8,
    pub replays: u8,
}

/// The past, as far as the invariants need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Past {
    /// Buyers who have asked, and may ask again.
    pub asked: [bool; BUYERS],
    /// Orders that answers named to each buyer, one bit each.
    pub told: [u8; BUYERS],
    /// Purchases that a server lost before the other had them: no promise holds for these.
    pub excused: [u8; BUYERS],
    /// How often the gate was lost.
    pub history: u8,
    /// The gate was lost since the last swap.
    pub gate_is_old: bool,
    /// An older copy of the gate took its place.
    pub gate_was_rolled_back: bool,
    pub ledger_was_rolled_back: bool,
    /// A process noticed that and closed the gate since.
    pub rollback_was_noticed: bool,
    /// The version, plus one, under which an answer said that the sale has ended.
    pub ended_at: u8,
    /// The same for an answer that it has begun.
    pub begun_at: u8,
    /// A breach that no later state would show.
    pub broken: Option<Invariant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct State {
    pub gate: Gate,
    pub copy: Gate,
    pub ledger: Ledger,
    pub ledger_copy: Ledger,
    pub time: u8,
    pub apis: [Api; 2],
    pub posters: [Poster; 2],
    pub workers: [Worker; 2],
    pub stray: Stray,
    pub left: Budget,
    pub past: Past,
}

/// How many marks there are.
pub fn count(marks: &Marks) -> u8 {
    marks.iter().map(|order| u8::from(*order > 0)).sum()
}

/// The bit of an order among those of its buyer.
pub const fn bit(order: u8) -> u8 {
    1 << order
}

impl Api {
    /// Its call is over. Its knowledge stays.
    pub fn idle(&mut self) {
        let Self {
            seen,
            asked,
            cold,
            version,
            told,
            own,
            ..
        } = *self;
        *self = Self {
            seen,
            asked,
            cold,
            version,
            told,
            own,
            ..Self::default()
        };
    }
}

impl State {
    /// The same state, except for the names of like processes.
    pub fn canonical(mut self) -> Self {
        // The busiest first: processes that a scenario does not have stay last.
        self.apis.sort_unstable_by(|one, other| other.cmp(one));
        self.workers.sort_unstable_by(|one, other| other.cmp(one));
        if self.posters[0] < self.posters[1] {
            self.posters.swap(0, 1);
            for entry in self.gate.journal.iter_mut().chain(&mut self.copy.journal) {
                if let Owner::Poster(poster) = &mut entry.owner {
                    *poster = 1 - *poster;
                }
            }
        }
        self
    }
}

impl State {
    /// Notes a breach that no later state would show. The first one stays.
    pub fn breaks(&mut self, invariant: Invariant) {
        self.past.broken.get_or_insert(invariant);
    }
}
