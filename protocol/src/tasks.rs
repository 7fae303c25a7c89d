//! The next action of a worker: the steps of the keeper, of an install, of settling and of a replay.

/// The next step of a worker: of a reconciler that keeps, installs or settles, or of a person's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Task {
    #[default]
    Idle,
    Keep(Keep),
    Mark(Mark),
    Install(Install),
    Settle(Settle),
    Sync,
    Replay(Replay),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keep {
    Judge,
    /// Only without `LedgerIsReadBeforeTheGate`.
    ReadLate,
    Sync,
    AskAgain,
    Close,
    AskAgainAhead,
}

/// Posting the marks of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    Look,
    Scan,
    LookAgain,
    Post,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Install {
    Judge,
    Close,
    Drain,
    Begin,
    Terms,
    Prepare,
    Swap,
    Complete,
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Settle {
    End,
    Sync,
    Look,
    Statement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Replay {
    Close,
    Drain,
    Statement,
}

impl Task {
    /// The worker's action in words, to follow its name.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Idle => "does nothing",
            Self::Keep(Keep::Judge) => "looks at the gate and judges it",
            Self::Keep(Keep::ReadLate) => "reads the ledger, after the gate",
            Self::Keep(Keep::Sync) | Self::Settle(Settle::Sync) | Self::Sync => {
                "syncs what it read"
            }
            Self::Keep(Keep::AskAgain) => "asks the ledger again",
            Self::Keep(Keep::Close)
            | Self::Install(Install::Close)
            | Self::Replay(Replay::Close) => "closes the gate",
            Self::Keep(Keep::AskAgainAhead) => "asks again a ledger that seems older than the gate",
            Self::Mark(Mark::Look) => "looks of which epoch the gate is, to post its marks",
            Self::Mark(Mark::Scan) => "reads the marks",
            Self::Mark(Mark::LookAgain) => "looks again of which epoch the gate is",
            Self::Mark(Mark::Post) => "posts the marks",
            Self::Install(Install::Judge) => "judges the gate under the install lock",
            Self::Install(Install::Drain) | Self::Replay(Replay::Drain) => {
                "finds the journal empty"
            }
            Self::Install(Install::Begin) => "numbers an attempt",
            Self::Install(Install::Terms) => "reads the sale",
            Self::Install(Install::Prepare) => "prepares the posted buyers",
            Self::Install(Install::Swap) => "swaps them in",
            Self::Install(Install::Complete) => "asks the ledger to confirm the install",
            Self::Install(Install::Open) => "opens the gate",
            Self::Settle(Settle::End) => "ends the sale that it saw end",
            Self::Settle(Settle::Look) => "looks at the gate, to settle",
            Self::Settle(Settle::Statement) => "settles",
            Self::Replay(Replay::Statement) => "makes the order of the rejected purchase",
        }
    }
}
