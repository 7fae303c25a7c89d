//! The rules of the protocol that look overcautious. Each can be left out alone.

use strum::VariantArray;

/// A rule. Its name says what the protocol does, its doc says what happens without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum Rule {
    // admit
    /// Without: a gate that has less than its caller has seen goes on selling.
    AdmitChecksWhatWasSeen,
    /// Without: such a gate answers cold, but is not marked as lost.
    AdmitMarksARollback,
    /// Without: a closed gate sells.
    AdmitIsColdWhileClosed,
    /// Without: a lost gate sells.
    AdmitIsColdWhileLost,
    /// Without: a separate call writes the marks, after the entry.
    MarksComeWithTheEntry,
    /// Without: a resend of the same order counts as a new purchase.
    AdmitKnowsAResend,
    /// Without: entries do not carry their epoch, and count as current.
    EntryIdsCarryTheEpoch,
    /// Without: two histories of one gate may give two entries the same id.
    EntryIdsCarryRandomBits,
    /// Without: the gate's clock is the result of `TIME`, even if that was set back.
    TheClockIsKept,
    // sync
    /// Without: late syncs are applied.
    SyncTakesOnlyNewer,
    /// Without: a sync of another epoch is applied.
    SyncTakesOnlyItsEpoch,
    /// Without: a sync clears `lost`.
    SyncLeavesLost,
    /// Without: a sync clears `closed`.
    SyncLeavesClosed,
    // forget
    /// Without: everything up to the id is deleted.
    ForgetDeletesByExactId,
    /// Without: entries that another reconciler has deleted are counted, too.
    ForgetCountsWhatItDeleted,
    /// Without: entries of any epoch are counted.
    ForgetCountsItsEpoch,
    /// Without: posting does not report a proven loss to the gate.
    ForgetTellsALoss,
    /// Without: it reports the loss only if the rejection is new.
    ALossIsToldOnEveryDelivery,
    // post
    /// Without: a journal's entry is forgotten before it is posted.
    PostedBeforeForgotten,
    /// Without: the posted purchases are read before the lock is held.
    PostLocksFirst,
    /// Without: entries of superseded epochs are posted like current ones.
    OldEpochsAreSuperseded,
    /// Without: a superseded purchase counts as posted.
    SupersededIsNotCounted,
    /// Without: posting marks from the gate does not report a loss that it proves.
    MarksTellALoss,
    /// Without: an uncounted rejection is final.
    UncountedIsReplaced,
    /// Without: a rejection leaves `version` as it is.
    ARejectionRaisesVersion,
    /// Without: an entry newer than the ledger is posted.
    AheadStopsPosting,
    // install
    /// Without: two may install at once.
    OneInstallsAtATime,
    /// Without: the gate is not judged again under the lock.
    JudgedAgainUnderTheLock,
    /// Without: the gate is not closed before its journal is drained.
    ClosedBeforeDrained,
    /// Without: the journal is not drained.
    JournalIsDrained,
    /// Without: marks are not posted.
    MarksArePosted,
    /// Without: marks are posted as of the sale's newest epoch.
    MarksArePostedAtTheirEpoch,
    /// Without: the gate is not checked again after its marks were read.
    MarksAreLookedAtTwice,
    /// Without: the attempt takes the number after `base`, and the ledger does not record it.
    EachAttemptHasANumber,
    /// Without: a swap replaces a gate whose journal has entries, and drops them.
    SwapRefusesUndrained,
    /// Without: a swap replaces a newer gate.
    SwapRefusesOutdated,
    /// Without: the rest of the prepared hash is swapped in.
    SwapRefusesIncomplete,
    /// Without: a swapped-in gate is open at once.
    SwapCloses,
    /// Without: `forgotten` starts at zero.
    SwapCountsAllAsForgotten,
    /// Without: a rebuild loses the clock.
    SwapKeepsTheClock,
    /// Without: an outdated attempt is confirmed.
    CompleteChecksTheEpoch,
    /// Without: an install is confirmed whatever was posted meanwhile.
    CompleteChecksPosted,
    /// Without: the gate opens whether the ledger has confirmed it or not.
    OpenedOnceComplete,
    /// Without: an open of an older attempt opens a newer gate.
    OpenChecksTheEpoch,
    /// Without: opening clears `lost`, too.
    OpenLeavesLost,
    // an API process
    /// Without: a new process admits without asking the ledger.
    LedgerIsAskedFirst,
    /// Without: a process does not ask the ledger again after a reconnect.
    LedgerIsAskedAfterAReconnect,
    /// Without: a process trusts an answer even if the connection was made again during the call.
    AskedAgainIfReconnectedMeanwhile,
    /// Without: the ledger does not report the version of its terms to a process, which a gate must have to sell.
    TheLedgersTermsAreChecked,
    /// Without: the ledger reports to a process how many are posted, but not who was admitted last of them.
    TheLedgersLastIsChecked,
    /// Without: a process does not report to the gate which purchase it saw admitted last.
    TheProcessesLastIsChecked,
    // the keeper
    /// Without: the keeper reads the gate first.
    LedgerIsReadBeforeTheGate,
    /// Without: a gate that has taken less than was posted stays as it is.
    BehindIsInstalled,
    /// Without: a gate of the base epoch is sound although a later attempt was begun.
    AnAttemptIsInstalled,
    /// Without: marks without an entry stay as they are.
    StrayMarksArePosted,
    /// Without: a gate that forgot more than was posted stays as it is.
    MoreForgottenThanPostedCloses,
    /// Without: a gate keeps terms that its ledger does not have.
    ForeignTermsClose,
    /// Without: a gate newer than the ledger is closed without reading the ledger again.
    AheadIsReadAgain,
    /// Without: a gate newer than the ledger stays open.
    AheadIsClosed,
    // settle
    /// Without: a reconciler ends a sale that was moved after the reconciler saw its end.
    OnlyWhatWasSeenToEndIsEnded,
    /// Without: a sale is settled whatever is posted.
    SettleChecksPosted,
    /// Without: a gate of any epoch is enough to settle a sale.
    SettleChecksTheEpoch,
    /// Without: a lost or closed gate is enough.
    SettleNeedsASoundGate,
    /// Without: the gate need not know that the sale has ended.
    SettleNeedsAnEndedGate,
    /// Without: the journal need not be empty.
    SettleNeedsAnEmptyJournal,
    // the journal's readers
    /// Without: a group is created again at the end of the journal.
    GroupsBeginAtZero,
    /// Without: a dead reader keeps its entries.
    DeadReadersAreClaimed,
    /// Without: entries are not read again if the answer that delivered them never came.
    DeliveredIsReadAgain,
    /// Without: entries that neither a read nor a claim yields are not delivered again.
    StrandedIsDeliveredAgain,
    /// Without: a dead reader is removed together with the entries that it holds.
    HoldersAreNotRemoved,
    // people
    /// Without: a cancellation leaves `version` as it is.
    ACancelRaisesVersion,
    /// Without: a replay continues although another install was begun.
    ReplayChecksTheEpoch,
    /// Without: a replay does not close the gate first.
    ReplayClosesFirst,
    /// Without: a replay does not drain the journal.
    ReplayDrains,
}

/// The rules that are left out: none, one, or two that stand in for one another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Without(pub Option<Rule>, pub Option<Rule>);

impl Without {
    /// Whether the rule is kept.
    pub fn keeps(self, rule: Rule) -> bool {
        self.0 != Some(rule) && self.1 != Some(rule)
    }
}
