//! The steps: each is one atomic action of the real system, such as one script, one statement, one message or process
//! lost. `successors` lists all that are possible next.

use std::fmt;

use crate::{
    rules::Without,
    state::{Marks, State},
    tasks::Task,
};

/// The settings of a scenario, besides its first state.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub without: Without,
    pub apis: usize,
    pub posters: usize,
    pub workers: usize,
    /// Purchases that one call may carry.
    pub batch_max: usize,
    /// A buyer may ask under a new id, too.
    pub new_orders: bool,
    /// Units in all, in sale and stock.
    pub units: u8,
    /// The last epoch up to which a run is followed. Only protocols that lack a rule get there.
    pub epochs_max: u8,
    /// The sale may be settled.
    pub settles: bool,
    /// The search looks for a loss that a living process could know of.
    pub watches: bool,
}

/// One step. Numbers stand for processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Ask(usize, Marks),
    Admit(usize),
    Mark(usize),
    Answer(usize),
    StrayAdmit,
    Read(usize),
    ReadAgain(usize),
    Claim(usize),
    DeliverAgain,
    LookWhatIsPosted(usize),
    Post(usize),
    Forget(usize),
    Keep(usize),
    Work(usize, Task),
    Settle(usize),
    Create(usize),
    Cancel(usize, usize),
    Restock(usize),
    Pause(usize),
    Resume(usize),
    Move(usize),
    Replay(usize, usize, u8),
    Rebuild,
    Tick,
    CrashApi(usize),
    LoseAnswer(usize),
    Abandon(usize),
    CrashPoster(usize),
    LoseRead(usize),
    ClaimFromTheLiving(usize),
    CrashWorker(usize),
    LoseLock(usize),
    LoseGroup,
    LoseEntry,
    Unreadable(usize),
    RemoveReader,
    Copy,
    RollBack,
    Empty,
    CopyLedger,
    RollBackLedger,
    SetBack,
}

impl Step {
    /// Whether the system takes the step by itself if it is left alone.
    #[rustfmt::skip]
    pub const fn is_fair(self) -> bool {
        match self {
            Self::Ask(..) | Self::Admit(_) | Self::Mark(_) | Self::Answer(_) | Self::StrayAdmit | Self::Read(_)
            | Self::ReadAgain(_) | Self::Claim(_) | Self::DeliverAgain | Self::LookWhatIsPosted(_) | Self::Post(_)
            | Self::Forget(_) | Self::Keep(_) | Self::Work(..) => true,
            Self::Settle(_) | Self::Create(_) | Self::Cancel(..) | Self::Restock(_) | Self::Pause(_)
            | Self::Resume(_) | Self::Move(_) | Self::Replay(..) | Self::Tick | Self::CrashApi(_) | Self::LoseAnswer(_)
            | Self::Abandon(_) | Self::CrashPoster(_) | Self::LoseRead(_) | Self::ClaimFromTheLiving(_)
            | Self::CrashWorker(_) | Self::LoseLock(_) | Self::Rebuild | Self::LoseGroup | Self::LoseEntry | Self::Unreadable(_) | Self::RemoveReader | Self::Copy
            | Self::RollBack | Self::Empty | Self::CopyLedger | Self::RollBackLedger | Self::SetBack => false,
        }
    }
}

impl fmt::Display for Step {
    #[rustfmt::skip]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(api, batch) => {
                write!(f, "api {api} is asked by")?;
                let mut asks = batch.iter().enumerate().filter(|(_, order)| **order > 0);
                asks.try_for_each(|(buyer, order)| write!(f, " buyer {buyer} for order {order}"))
            }
            Self::Admit(api) => write!(f, "the gate decides the call of api {api}"),
            Self::Mark(api) => write!(f, "the gate writes the marks of api {api}'s winners"),
            Self::Answer(api) => write!(f, "api {api} gets its answer"),
            Self::StrayAdmit => write!(f, "the gate decides a call that nobody waits for"),
            Self::Read(poster) => write!(f, "poster {poster} reads an entry"),
            Self::ReadAgain(poster) => write!(f, "poster {poster} reads again what it was given"),
            Self::Claim(poster) => write!(f, "poster {poster} claims from a dead reader"),
            Self::DeliverAgain => write!(f, "stranded entries are delivered again"),
            Self::LookWhatIsPosted(poster) => write!(f, "poster {poster} looks what is posted"),
            Self::Post(poster) => write!(f, "poster {poster} posts"),
            Self::Forget(poster) => write!(f, "poster {poster} forgets"),
            Self::Keep(worker) => write!(f, "worker {worker} begins to look after the sale"),
            Self::Work(worker, task) => write!(f, "worker {worker} {}", task.words()),
            Self::Settle(worker) => write!(f, "worker {worker} ends the sale, to settle it"),
            Self::Create(worker) => write!(f, "worker {worker} creates the sale, to install it"),
            Self::Cancel(worker, buyer) => write!(f, "worker {worker} cancels the order of buyer {buyer}"),
            Self::Restock(worker) => write!(f, "worker {worker} restocks one unit"),
            Self::Pause(worker) => write!(f, "worker {worker} pauses the sale"),
            Self::Resume(worker) => write!(f, "worker {worker} resumes the sale"),
            Self::Move(worker) => write!(f, "worker {worker} moves the end of the sale"),
            Self::Replay(worker, buyer, order) => write!(f, "worker {worker} begins to replay order {order} of buyer {buyer}"),
            Self::Rebuild => write!(f, "somebody closes the gate, to have it rebuilt"),
            Self::Tick => write!(f, "time passes"),
            Self::CrashApi(api) => write!(f, "FAULT: api {api} dies, and another starts"),
            Self::LoseAnswer(api) => write!(f, "FAULT: api {api}'s answer is lost"),
            Self::Abandon(api) => write!(f, "FAULT: api {api} gives up a call that the gate may still get"),
            Self::CrashPoster(poster) => write!(f, "FAULT: poster {poster} dies, and another starts"),
            Self::LoseRead(poster) => write!(f, "FAULT: an entry is delivered to poster {poster}, and the answer is lost"),
            Self::ClaimFromTheLiving(poster) => write!(f, "FAULT: poster {poster} claims from one that is only slow"),
            Self::CrashWorker(worker) => write!(f, "FAULT: worker {worker} dies"),
            Self::LoseLock(worker) => write!(f, "FAULT: worker {worker} loses its install lock, and goes on"),
            Self::LoseGroup => write!(f, "FAULT: the consumer group is destroyed"),
            Self::LoseEntry => write!(f, "FAULT: an entry is deleted by hand"),
            Self::Unreadable(poster) => write!(f, "FAULT: poster {poster} cannot read what it has in hand, posts the gate's marks, and forgets"),
            Self::RemoveReader => write!(f, "a dead reader is removed with what it holds"),
            Self::Copy => write!(f, "a copy of the gate is made"),
            Self::RollBack => write!(f, "FAULT: the gate is rolled back to its copy"),
            Self::Empty => write!(f, "FAULT: the gate is emptied"),
            Self::CopyLedger => write!(f, "a copy of the ledger is made"),
            Self::RollBackLedger => write!(f, "FAULT: the ledger is rolled back to its copy"),
            Self::SetBack => write!(f, "FAULT: the clock is set back"),
        }
    }
}

/// The list of successors.
pub type Next = Vec<(Step, State)>;
