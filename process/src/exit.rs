//! How a program ends: one meaning of each exit status, in all programs.

use std::process::ExitCode;

/// Exit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The work is done, and what was checked is right.
    Done = 0,
    /// The work failed, or what was checked is not right.
    Failed = 1,
    /// The command line is wrong, or a setting cannot be used. clap ends a program with the same status.
    WrongUse = 2,
    /// A check came to no result: nothing is known about what is right.
    Unchecked = 3,
    /// The program was interrupted before its work was done: 128 and the number of SIGINT, as a shell says it.
    Interrupted = 130,
}

impl Exit {
    /// The status of work whose result is right or not.
    pub const fn when(right: bool) -> Self {
        if right { Self::Done } else { Self::Failed }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
