//! The need for each rule: the counterexample that it closes, or why the search found none.

use Need::{Closes, Nothing, StandsIn};

use crate::{invariant::Invariant as I, rules::Rule as R, scenarios::Scenario as S};

/// The effect of leaving out a rule.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// It breaks the invariant in the scenario.
    Closes(S, I),
    /// No effect alone, because another rule stands in; without both, the invariant breaks in the scenario.
    StandsIn(R, S, I),
    /// No effect in these scenarios, and why.
    Nothing(&'static [S], &'static str),
}

/// The need for each rule.
pub const NEEDS: &[(R, Need)] = &[
    (
        R::AdmitChecksWhatWasSeen,
        Closes(S::Witness, I::WhatWasToldIsKept),
    ),
    (R::AdmitMarksARollback, Closes(S::LostMark, I::ColdIsSeen)),
    (
        R::AdmitIsColdWhileClosed,
        Closes(S::Installs, I::WhatWasToldIsKept),
    ),
    (
        R::AdmitIsColdWhileLost,
        Closes(S::Replay, I::WhatWasToldIsKept),
    ),
    (
        R::MarksComeWithTheEntry,
        Closes(S::Purchases, I::TheFlowIsOrdered),
    ),
    (
        R::AdmitKnowsAResend,
        Closes(S::RolledBackMidway, I::TheFlowIsOrdered),
    ),
    (
        R::EntryIdsCarryTheEpoch,
        Closes(S::Installs, I::TheFlowIsOrdered),
    ),
    (
        R::EntryIdsCarryRandomBits,
        Closes(S::LostMark, I::EveryPurchaseEnds),
    ),
    (
        R::TheClockIsKept,
        Closes(S::Clock, I::TheClockNeverGoesBack),
    ),
    (R::SyncTakesOnlyNewer, Closes(S::Paused, I::NothingGoesBack)),
    (
        R::SyncTakesOnlyItsEpoch,
        Nothing(
            &[
                S::InstallsAndChanges,
                S::LostLock,
                S::Paused,
                S::LedgerRolledBack,
            ],
            "a newer version is newer whatever the epoch: both are facts of one ledger. It keeps what one \
             install loaded apart from what another did",
        ),
    ),
    (
        R::SyncLeavesLost,
        Closes(S::LostMark, I::ThePostedHaveMarks),
    ),
    (
        R::SyncLeavesClosed,
        Closes(S::InstallsAndChanges, I::WhatWasToldIsKept),
    ),
    (
        R::ForgetDeletesByExactId,
        StandsIn(R::StrayMarksArePosted, S::Posting, I::RestIsReached),
    ),
    (
        R::ForgetCountsWhatItDeleted,
        Closes(S::Posting, I::TheFlowIsOrdered),
    ),
    (
        R::ForgetCountsItsEpoch,
        StandsIn(
            R::ForgetCountsWhatItDeleted,
            S::Installs,
            I::TheFlowIsOrdered,
        ),
    ),
    (
        R::ForgetTellsALoss,
        Closes(S::LostMark, I::ThePostedHaveMarks),
    ),
    (
        R::ALossIsToldOnEveryDelivery,
        Closes(S::LostMark, I::ThePostedHaveMarks),
    ),
    (
        R::PostedBeforeForgotten,
        Closes(S::Purchases, I::TheFlowIsOrdered),
    ),
    (
        R::PostLocksFirst,
        Closes(S::Posting, I::TheLedgersCountsAreTrue),
    ),
    (
        R::OldEpochsAreSuperseded,
        Closes(S::Installs, I::TheFlowIsOrdered),
    ),
    (
        R::SupersededIsNotCounted,
        Closes(S::Installs, I::TheFlowIsOrdered),
    ),
    (
        R::MarksTellALoss,
        Closes(S::LostMarkAndEntry, I::ThePostedHaveMarks),
    ),
    (
        R::UncountedIsReplaced,
        Closes(S::LostMark, I::ThePostedHaveMarks),
    ),
    (
        R::ARejectionRaisesVersion,
        Nothing(
            &[S::LostMark, S::RolledBack, S::OlderEpoch, S::Replay],
            "a counted rejection comes of a gate that has lost something, and whose rebuild brings the limit",
        ),
    ),
    (
        R::AheadStopsPosting,
        Nothing(
            &[S::LedgerRolledBack],
            "what is posted to a ledger that was rolled back is no wrong order. It leaves a person the choice \
             of the ledger to go on with",
        ),
    ),
    (
        R::OneInstallsAtATime,
        Nothing(
            &[S::Installs],
            "an attempt that was overtaken is refused by swap or by the ledger. It saves two from overtaking \
             one another for ever",
        ),
    ),
    (
        R::JudgedAgainUnderTheLock,
        Nothing(
            &[S::Installs],
            "it saves the rebuild of a gate that somebody has just rebuilt",
        ),
    ),
    (
        R::ClosedBeforeDrained,
        StandsIn(R::CompleteChecksPosted, S::LostMark, I::TheFlowIsOrdered),
    ),
    (
        R::JournalIsDrained,
        Nothing(
            &[S::LostMark, S::RolledBackMidway],
            "swap refuses a journal with entries. It saves the attempts until then",
        ),
    ),
    (
        R::MarksArePosted,
        Closes(S::LedgerRolledBack, I::EveryPurchaseEnds),
    ),
    (
        R::MarksArePostedAtTheirEpoch,
        Closes(S::StrayMark, I::TheFlowIsOrdered),
    ),
    (
        R::MarksAreLookedAtTwice,
        Closes(S::StrayMark, I::WhatWasToldIsKept),
    ),
    (
        R::EachAttemptHasANumber,
        Closes(S::LedgerRolledBack, I::EveryPurchaseEnds),
    ),
    (
        R::CompleteChecksTheEpoch,
        Closes(S::LedgerRolledBack, I::EveryPurchaseEnds),
    ),
    (
        R::SwapRefusesUndrained,
        Closes(S::RolledBackMidway, I::EveryPurchaseEnds),
    ),
    (
        R::SwapRefusesOutdated,
        Closes(S::LostLock, I::NothingGoesBack),
    ),
    (
        R::SwapRefusesIncomplete,
        Closes(S::RolledBackMidway, I::TheFlowIsOrdered),
    ),
    (R::SwapCloses, Closes(S::Installs, I::WhatWasToldIsKept)),
    (
        R::OpenedOnceComplete,
        Closes(S::Installs, I::WhatWasToldIsKept),
    ),
    (
        R::SwapCountsAllAsForgotten,
        Nothing(
            &[S::Installs, S::LedgerRolledBack],
            "a lower `forgotten` is still a lower bound. It makes the audit's comparison sharp",
        ),
    ),
    (R::SwapKeepsTheClock, Closes(S::Clock, I::NothingGoesBack)),
    (
        R::CompleteChecksPosted,
        Closes(S::Installs, I::TheFlowIsOrdered),
    ),
    (
        R::OpenChecksTheEpoch,
        StandsIn(R::CompleteChecksTheEpoch, S::LostLock, I::WhatWasToldIsKept),
    ),
    (
        R::OpenLeavesLost,
        Nothing(
            &[S::Installs, S::LostLock, S::RolledBackMidway, S::LostMark],
            "nothing is sold between swap and open that could be lost. It keeps what somebody closed meanwhile",
        ),
    ),
    (
        R::LedgerIsAskedFirst,
        Closes(S::RolledBack, I::WhatWasToldIsKept),
    ),
    (
        R::LedgerIsAskedAfterAReconnect,
        Closes(S::RolledBack, I::WhatWasToldIsKept),
    ),
    (
        R::AskedAgainIfReconnectedMeanwhile,
        Closes(S::RolledBack, I::WhatWasToldIsKept),
    ),
    (
        R::TheLedgersLastIsChecked,
        Closes(S::RolledBack, I::WhatWasToldIsKept),
    ),
    (
        R::TheLedgersTermsAreChecked,
        Closes(S::SettlingRolledBack, I::WhatWasToldIsKept),
    ),
    (
        R::TheProcessesLastIsChecked,
        Closes(S::Witness, I::NoLossGoesUnnoticed),
    ),
    (
        R::LedgerIsReadBeforeTheGate,
        Nothing(
            &[S::Purchases, S::Installs],
            "what seems lost is judged again under the lock. It saves an install's beginning",
        ),
    ),
    (R::BehindIsInstalled, Closes(S::LostMark, I::RestIsReached)),
    (
        R::AnAttemptIsInstalled,
        Closes(S::LostLock, I::RestIsReached),
    ),
    (
        R::StrayMarksArePosted,
        Closes(S::StrayMark, I::RestIsReached),
    ),
    (
        R::MoreForgottenThanPostedCloses,
        StandsIn(
            R::StrayMarksArePosted,
            S::LedgerRolledBack,
            I::RestIsReached,
        ),
    ),
    (
        R::ForeignTermsClose,
        Closes(S::LedgerForgetsTerms, I::RestIsReached),
    ),
    (
        R::AheadIsReadAgain,
        Nothing(
            &[S::Installs],
            "it saves the rebuild of a gate that was installed between two reads",
        ),
    ),
    (
        R::AheadIsClosed,
        Closes(S::LedgerRolledBack, I::RestIsReached),
    ),
    (
        R::OnlyWhatWasSeenToEndIsEnded,
        Closes(S::Moved, I::NothingEndsBeforeItsEnd),
    ),
    (
        R::SettleChecksPosted,
        Closes(S::SettlingStray, I::EveryPurchaseEnds),
    ),
    (
        R::SettleChecksTheEpoch,
        Nothing(
            &[S::Settling, S::SettlingRolledBack, S::SettlingStray],
            "a gate that is installed after the end has what is posted, and sells nothing",
        ),
    ),
    (
        R::SettleNeedsASoundGate,
        Nothing(
            &[S::Settling, S::SettlingRolledBack, S::SettlingStray],
            "what a lost gate has taken is compared with what is posted, and nobody can know more",
        ),
    ),
    (
        R::SettleNeedsAnEndedGate,
        Nothing(
            &[S::Settling, S::SettlingRolledBack, S::SettlingStray],
            "the sync before has ended it, or has failed; and one that was rolled back since sells to nobody",
        ),
    ),
    (
        R::SettleNeedsAnEmptyJournal,
        StandsIn(R::SettleChecksPosted, S::Settling, I::WhatWasToldIsKept),
    ),
    (
        R::GroupsBeginAtZero,
        StandsIn(R::StrandedIsDeliveredAgain, S::Posting, I::RestIsReached),
    ),
    (
        R::HoldersAreNotRemoved,
        StandsIn(R::StrandedIsDeliveredAgain, S::Posting, I::RestIsReached),
    ),
    (
        R::StrandedIsDeliveredAgain,
        StandsIn(R::GroupsBeginAtZero, S::Posting, I::RestIsReached),
    ),
    (
        R::DeadReadersAreClaimed,
        Closes(S::Posting, I::RestIsReached),
    ),
    (
        R::DeliveredIsReadAgain,
        Closes(S::Posting, I::RestIsReached),
    ),
    (
        R::ACancelRaisesVersion,
        StandsIn(R::ForeignTermsClose, S::Changes, I::RestIsReached),
    ),
    (
        R::ReplayChecksTheEpoch,
        Closes(S::ReplayLostLock, I::TheFlowIsOrdered),
    ),
    (R::ReplayClosesFirst, Closes(S::Replay, I::TheFlowIsOrdered)),
    (R::ReplayDrains, Closes(S::Replay, I::WhatWasToldIsKept)),
];
