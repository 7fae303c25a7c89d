//! The rules of the protocol that look too careful. Each can be left out alone.

/// Makes the enum, and the list of all that is in it.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident,)*) => {
        /// A rule. What the protocol does is said by the name; what happens without it, by the doc.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            pub const ALL: &[Self] = &[$(Self::$rule,)*];
        }
    };
}

rules! {
    // admit
    /// Without: a gate that has less than its caller has seen goes on selling.
    AdmitChecksWhatWasSeen,
    /// Without: such a gate answers cold, but is not marked as lost.
    AdmitMarksARollback,
    /// Without: a closed gate sells.
    AdmitIsColdWhileClosed,
    /// Without: a lost gate sells.
    AdmitIsColdWhileLost,
    /// Without: the marks are written by a call of their own, after the entry.
    MarksComeWithTheEntry,
    /// Without: a resend of the same order is a purchase like any other.
    AdmitKnowsAResend,
    /// Without: entries do not say of which epoch they are, and are taken for current.
    EntryIdsCarryTheEpoch,
    /// Without: two histories of one gate may give two entries one id.
    EntryIdsCarryRandomBits,
    /// Without: the gate's clock is what `TIME` says, also when that was set back.
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
    /// Without: also what another has deleted is counted.
    ForgetCountsWhatItDeleted,
    /// Without: entries of any epoch are counted.
    ForgetCountsItsEpoch,
    /// Without: a proven loss is not told to the gate.
    ForgetTellsALoss,
    /// Without: it is told only when the rejection is new.
    ALossIsToldOnEveryDelivery,
    // post
    /// Without: a journal's entry is forgotten before it is posted.
    PostedBeforeForgotten,
    /// Without: what is posted already is read before the lock is held.
    PostLocksFirst,
    /// Without: entries of superseded epochs are posted like current ones.
    OldEpochsAreSuperseded,
    /// Without: a superseded purchase counts as posted.
    SupersededIsNotCounted,
    /// Without: posting marks from the gate tells nobody of a loss that it proves.
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
    /// Without: the gate is not judged again once the lock is held.
    JudgedAgainUnderTheLock,
    /// Without: the gate is not closed before its journal is drained.
    ClosedBeforeDrained,
    /// Without: the journal is not drained.
    JournalIsDrained,
    /// Without: marks are not posted.
    MarksArePosted,
    /// Without: marks are posted as of the sale's newest epoch.
    MarksArePostedAtTheirEpoch,
    /// Without: the gate is not looked at again after its marks were read.
    MarksAreLookedAtTwice,
    /// Without: the attempt takes the number after `base`, and the ledger does not write it down.
    EachAttemptHasANumber,
    /// Without: a swap is made over a journal that has entries, and drops them.
    SwapRefusesUndrained,
    /// Without: a swap is made over a newer gate.
    SwapRefusesOutdated,
    /// Without: whatever is left of the prepared hash is swapped in.
    SwapRefusesIncomplete,
    /// Without: what was swapped in is open at once.
    SwapCloses,
    /// Without: `forgotten` starts at nothing.
    SwapCountsAllAsForgotten,
    /// Without: a rebuild loses the clock.
    SwapKeepsTheClock,
    /// Without: an outdated attempt is confirmed.
    CompleteChecksTheEpoch,
    /// Without: an install is confirmed whatever was posted meanwhile.
    CompleteChecksPosted,
    /// Without: the gate is opened whether the ledger has confirmed it or not.
    OpenedOnceComplete,
    /// Without: an open of an older attempt opens a newer gate.
    OpenChecksTheEpoch,
    /// Without: opening clears `lost`, too.
    OpenLeavesLost,
    // a process
    /// Without: a new process admits without asking the ledger.
    LedgerIsAskedFirst,
    /// Without: a process does not ask it again after a reconnect.
    LedgerIsAskedAfterAReconnect,
    /// Without: an answer is believed also if the connection was made again during the call.
    AskedAgainIfReconnectedMeanwhile,
    /// Without: the ledger does not tell a process the version of its terms, which a gate must have to sell.
    TheLedgersTermsAreChecked,
    /// Without: the ledger tells a process how many are posted, and not who was admitted last of them.
    TheLedgersLastIsChecked,
    /// Without: a process does not tell the gate which purchase it saw admitted last.
    TheProcessesLastIsChecked,
    // the keeper
    /// Without: the keeper reads the gate first.
    LedgerIsReadBeforeTheGate,
    /// Without: a gate that has taken less than was posted is left alone.
    BehindIsInstalled,
    /// Without: a gate of the base epoch is sound though a later attempt was begun.
    AnAttemptIsInstalled,
    /// Without: marks that no entry speaks of are left alone.
    StrayMarksArePosted,
    /// Without: more forgotten than posted is left alone.
    MoreForgottenThanPostedCloses,
    /// Without: a gate with terms that its ledger does not have keeps them.
    ForeignTermsClose,
    /// Without: a gate newer than the ledger is closed without reading the ledger again.
    AheadIsReadAgain,
    /// Without: a gate newer than the ledger is left open.
    AheadIsClosed,
    // settle
    /// Without: a reconciler ends a sale that was moved since it saw it end.
    OnlyWhatWasSeenToEndIsEnded,
    /// Without: a sale is settled whatever is posted.
    SettleChecksPosted,
    /// Without: a sale is settled by a gate of any epoch.
    SettleChecksTheEpoch,
    /// Without: a lost or closed gate is good enough.
    SettleNeedsASoundGate,
    /// Without: the gate need not know that the sale has ended.
    SettleNeedsAnEndedGate,
    /// Without: the journal need not be empty.
    SettleNeedsAnEmptyJournal,
    // the journal's readers
    /// Without: a group is made again at the end of the journal.
    GroupsBeginAtZero,
    /// Without: what a dead reader had is left to it.
    DeadReadersAreClaimed,
    /// Without: what was delivered by an answer that never came is not read again.
    DeliveredIsReadAgain,
    /// Without: what neither a read nor a claim yields is not delivered again.
    StrandedIsDeliveredAgain,
    /// Without: a dead reader is removed with what it holds.
    HoldersAreNotRemoved,
    // people
    /// Without: a cancellation leaves `version` as it is.
    ACancelRaisesVersion,
    /// Without: a replay goes on though another install was begun.
    ReplayChecksTheEpoch,
    /// Without: a replay does not close the gate first.
    ReplayClosesFirst,
    /// Without: a replay does not drain the journal.
    ReplayDrains,
}

/// What is left out of the protocol: nothing, a rule, or two that stand in for one another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Without(pub Option<Rule>, pub Option<Rule>);

impl Without {
    /// Whether the rule is kept.
    pub fn keeps(self, rule: Rule) -> bool {
        self.0 != Some(rule) && self.1 != Some(rule)
    }
}
