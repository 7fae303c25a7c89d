//! What each rule is needed for: the counterexample that it closes, or why nothing was found.

use super::{invariants::Invariant as I, rules::Rule, scenarios::Scenario as S};

/// What leaving out a rule does.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// It breaks the invariant in the scenario.
    Closes(S, I),
    /// Nothing alone, for another rule stands in; with both left out, the invariant breaks in the scenario.
    StandsIn(Rule, S, I),
    /// Nothing in these scenarios, and why.
    Nothing(&'static [S], &'static str),
}

/// What each rule is needed for.
pub fn need(rule: Rule) -> Need {
    use Need::{Closes, Nothing, StandsIn};
    match rule {
        Rule::AdmitChecksWhatWasSeen => Closes(S::Witness, I::WhatWasToldIsKept),
        Rule::AdmitMarksARollback => Closes(S::LostMark, I::ColdIsSeen),
        Rule::AdmitIsColdWhileClosed => Closes(S::Installs, I::WhatWasToldIsKept),
        Rule::AdmitIsColdWhileLost => Closes(S::Replay, I::WhatWasToldIsKept),
        Rule::MarksComeWithTheEntry => Closes(S::Purchases, I::TheFlowIsOrdered),
        Rule::AdmitKnowsAResend => Closes(S::RolledBackMidway, I::TheFlowIsOrdered),
        Rule::EntryIdsCarryTheEpoch => Closes(S::Installs, I::TheFlowIsOrdered),
        Rule::EntryIdsCarryRandomBits => Closes(S::LostMark, I::EveryPurchaseEnds),
        Rule::TheClockIsKept => Closes(S::Clock, I::TheClockNeverGoesBack),
        Rule::SyncTakesOnlyNewer => Closes(S::Paused, I::NothingGoesBack),
        Rule::SyncTakesOnlyItsEpoch => Nothing(
            &[
                S::InstallsAndChanges,
                S::LostLock,
                S::Paused,
                S::LedgerRolledBack,
            ],
            "a newer version is newer whatever the epoch: both are facts of one ledger. It keeps what one \
             install loaded apart from what another did",
        ),
        Rule::SyncLeavesLost => Closes(S::LostMark, I::ThePostedHaveMarks),
        Rule::SyncLeavesClosed => Closes(S::InstallsAndChanges, I::WhatWasToldIsKept),
        Rule::ForgetDeletesByExactId => {
            StandsIn(Rule::StrayMarksArePosted, S::Posting, I::RestIsReached)
        }
        Rule::ForgetCountsWhatItDeleted => Closes(S::Posting, I::TheFlowIsOrdered),
        Rule::ForgetCountsItsEpoch => StandsIn(
            Rule::ForgetCountsWhatItDeleted,
            S::Installs,
            I::TheFlowIsOrdered,
        ),
        Rule::ForgetTellsALoss | Rule::ALossIsToldOnEveryDelivery => {
            Closes(S::LostMark, I::ThePostedHaveMarks)
        }
        Rule::PostedBeforeForgotten => Closes(S::Purchases, I::TheFlowIsOrdered),
        Rule::PostLocksFirst => Closes(S::Posting, I::TheLedgersCountsAreTrue),
        Rule::OldEpochsAreSuperseded | Rule::SupersededIsNotCounted => {
            Closes(S::Installs, I::TheFlowIsOrdered)
        }
        Rule::MarksTellALoss => Closes(S::LostMarkAndEntry, I::ThePostedHaveMarks),
        Rule::UncountedIsReplaced => Closes(S::LostMark, I::ThePostedHaveMarks),
        Rule::ARejectionRaisesVersion => Nothing(
            &[S::LostMark, S::RolledBack, S::OlderEpoch, S::Replay],
            "a counted rejection comes of a gate that has lost something, and whose rebuild brings the limit",
        ),
        Rule::AheadStopsPosting => Nothing(
            &[S::LedgerRolledBack],
            "what is posted to a ledger that was rolled back is no wrong order. It leaves a person the choice \
             of the ledger to go on with",
        ),
        Rule::OneInstallsAtATime => Nothing(
            &[S::Installs],
            "an attempt that was overtaken is refused by swap or by the ledger. It saves two from overtaking \
             one another for ever",
        ),
        Rule::JudgedAgainUnderTheLock => Nothing(
            &[S::Installs],
            "it saves the rebuild of a gate that somebody has just rebuilt",
        ),
        Rule::ClosedBeforeDrained => {
            StandsIn(Rule::CompleteChecksPosted, S::LostMark, I::TheFlowIsOrdered)
        }
        Rule::JournalIsDrained => Nothing(
            &[S::LostMark, S::RolledBackMidway],
            "swap refuses a journal with entries. It saves the attempts until then",
        ),
        Rule::MarksArePosted => Closes(S::LedgerRolledBack, I::EveryPurchaseEnds),
        Rule::MarksArePostedAtTheirEpoch => Closes(S::StrayMark, I::TheFlowIsOrdered),
        Rule::MarksAreLookedAtTwice => Closes(S::StrayMark, I::WhatWasToldIsKept),
        Rule::EachAttemptHasANumber | Rule::CompleteChecksTheEpoch => {
            Closes(S::LedgerRolledBack, I::EveryPurchaseEnds)
        }
        Rule::SwapRefusesUndrained => Closes(S::RolledBackMidway, I::EveryPurchaseEnds),
        Rule::SwapRefusesOutdated => Closes(S::LostLock, I::NothingGoesBack),
        Rule::SwapRefusesIncomplete => Closes(S::RolledBackMidway, I::TheFlowIsOrdered),
        Rule::SwapCloses | Rule::OpenedOnceComplete => Closes(S::Installs, I::WhatWasToldIsKept),
        Rule::SwapCountsAllAsForgotten => Nothing(
            &[S::Installs, S::LedgerRolledBack],
            "a lower `forgotten` is still a lower bound. It makes the audit's comparison sharp",
        ),
        Rule::SwapKeepsTheClock => Closes(S::Clock, I::NothingGoesBack),
        Rule::CompleteChecksPosted => Closes(S::Installs, I::TheFlowIsOrdered),
        Rule::OpenChecksTheEpoch => StandsIn(
            Rule::CompleteChecksTheEpoch,
            S::LostLock,
            I::WhatWasToldIsKept,
        ),
        Rule::OpenLeavesLost => Nothing(
            &[S::Installs, S::LostLock, S::RolledBackMidway, S::LostMark],
            "nothing is sold between swap and open that could be lost. It keeps what somebody closed meanwhile",
        ),
        Rule::LedgerIsAskedFirst
        | Rule::LedgerIsAskedAfterAReconnect
        | Rule::AskedAgainIfReconnectedMeanwhile
        | Rule::TheLedgersLastIsChecked => Closes(S::RolledBack, I::WhatWasToldIsKept),
        Rule::TheLedgersTermsAreChecked => Closes(S::SettlingRolledBack, I::WhatWasToldIsKept),
        Rule::TheProcessesLastIsChecked => Closes(S::Witness, I::NoLossGoesUnnoticed),
        Rule::LedgerIsReadBeforeTheGate => Nothing(
            &[S::Purchases, S::Installs],
            "what seems lost is judged again under the lock. It saves an install's beginning",
        ),
        Rule::BehindIsInstalled => Closes(S::LostMark, I::RestIsReached),
        Rule::AnAttemptIsInstalled => Closes(S::LostLock, I::RestIsReached),
        Rule::StrayMarksArePosted => Closes(S::StrayMark, I::RestIsReached),
        Rule::MoreForgottenThanPostedCloses => StandsIn(
            Rule::StrayMarksArePosted,
            S::LedgerRolledBack,
            I::RestIsReached,
        ),
        Rule::ForeignTermsClose => Closes(S::LedgerForgetsTerms, I::RestIsReached),
        Rule::AheadIsReadAgain => Nothing(
            &[S::Installs],
            "it saves the rebuild of a gate that was installed between two reads",
        ),
        Rule::AheadIsClosed => Closes(S::LedgerRolledBack, I::RestIsReached),
        Rule::OnlyWhatWasSeenToEndIsEnded => Closes(S::Moved, I::NothingEndsBeforeItsEnd),
        Rule::SettleChecksPosted => Closes(S::SettlingStray, I::EveryPurchaseEnds),
        Rule::SettleChecksTheEpoch => Nothing(
            &[S::Settling, S::SettlingRolledBack, S::SettlingStray],
            "a gate that is installed after the end has what is posted, and sells nothing",
        ),
        Rule::SettleNeedsASoundGate => Nothing(
            &[S::Settling, S::SettlingRolledBack, S::SettlingStray],
            "what a lost gate has taken is compared with what is posted, and nobody can know more",
        ),
        Rule::SettleNeedsAnEndedGate => Nothing(
            &[S::Settling, S::SettlingRolledBack, S::SettlingStray],
            "the sync before has ended it, or has failed; and one that was rolled back since sells to nobody",
        ),
        Rule::SettleNeedsAnEmptyJournal => {
            StandsIn(Rule::SettleChecksPosted, S::Settling, I::WhatWasToldIsKept)
        }
        Rule::GroupsBeginAtZero | Rule::HoldersAreNotRemoved => {
            StandsIn(Rule::StrandedIsDeliveredAgain, S::Posting, I::RestIsReached)
        }
        Rule::StrandedIsDeliveredAgain => {
            StandsIn(Rule::GroupsBeginAtZero, S::Posting, I::RestIsReached)
        }
        Rule::DeadReadersAreClaimed | Rule::DeliveredIsReadAgain => {
            Closes(S::Posting, I::RestIsReached)
        }
        Rule::ACancelRaisesVersion => {
            StandsIn(Rule::ForeignTermsClose, S::Changes, I::RestIsReached)
        }
        Rule::ReplayChecksTheEpoch => Closes(S::ReplayLostLock, I::TheFlowIsOrdered),
        Rule::ReplayClosesFirst => Closes(S::Replay, I::TheFlowIsOrdered),
        Rule::ReplayDrains => Closes(S::Replay, I::WhatWasToldIsKept),
    }
}

/// Rules that the search has asked for, and that the code does not follow yet: what it has to do.
pub const NOT_IN_THE_CODE: &[(Rule, &str)] = &[
    (
        Rule::TheLedgersLastIsChecked,
        "where a lane asks the ledger it also learns which of the posted purchases was admitted last (`Standing`), \
         and `admit` closes a gate of that epoch that does not have exactly this mark",
    ),
    (
        Rule::TheLedgersTermsAreChecked,
        "where a lane asks the ledger it also learns the version of the terms, and `admit` answers cold, without \
         setting `lost`, while the gate's is older; who finds a gate cold asks the ledger again",
    ),
    (
        Rule::TheProcessesLastIsChecked,
        "a lane tells `admit` the last purchase that it saw admitted, and a gate of that epoch that does not have \
         exactly this mark is closed",
    ),
    (
        Rule::ForeignTermsClose,
        "the keeper closes a gate whose terms are of the ledger's version and others, once it has read the ledger again \
         after the gate (that of a later version it closes)",
    ),
];
