//! Crash points: named boundaries between the steps of the protocol, at which a test kills a real process. They are
//! compiled into development builds alone; a release build has none.
//!
//! A process dies at the points that the variable `FAILPOINTS` names, in the form of the crate
//! `fail`: `FAILPOINTS="post.posted=return"` dies the first time, `post.posted=2*off->return` the third.

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal),+ $(,)?) => {
        /// A boundary at which a process may die.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Point {
            $($(#[$doc])* $point),+
        }

        impl Point {
            /// All of them, in the order of a sale's life.
            pub const ALL: &[Self] = &[$(Self::$point),+];

            /// The name of the point in `FAILPOINTS`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name),+
                }
            }
        }
    };
}

points! {
    /// A sale is in the ledger, and in no gate.
    CreateRecorded = "create.recorded",
    /// The lock of the install is held, nothing is done yet.
    InstallLocked = "install.locked",
    /// The gate is closed.
    InstallClosed = "install.closed",
    /// The journal is empty and every mark is posted.
    InstallDrained = "install.drained",
    /// The ledger has numbered the attempt.
    InstallNumbered = "install.numbered",
    /// The new buyers are written, not yet in use.
    InstallPrepared = "install.prepared",
    /// The gate is swapped in, closed.
    InstallSwapped = "install.swapped",
    /// The ledger has confirmed the install.
    InstallCompleted = "install.completed",
    /// The gate is open.
    InstallOpened = "install.opened",
    /// The gate has decided a batch, and no buyer has an answer.
    AdmitDecided = "admit.decided",
    /// Entries were delivered, and are not posted.
    PostRead = "post.read",
    /// Entries are posted, and not forgotten.
    PostPosted = "post.posted",
    /// Entries are forgotten, and no waiting request is notified.
    PostForgotten = "post.forgotten",
    /// A change of terms is in the ledger, and not in the gate.
    TermsRecorded = "terms.recorded",
    /// A cancellation is in the ledger, and not in the gate.
    CancelRecorded = "cancel.recorded",
    /// A restock is in the ledger, and not in the gate.
    RestockRecorded = "restock.recorded",
    /// The reconciler has read the ledger, and not yet synced the gate.
    SyncRead = "sync.read",
    /// The reconciler has synced the gate.
    SyncApplied = "sync.applied",
    /// The ledger has ended a sale that is to be settled, and its gate does not have the end.
    SettleEnded = "settle.ended",
    /// The gate of a sale that is to be settled has ended it, too.
    SettleSynced = "settle.synced",
    /// Gate and ledger agree, and the sale is not settled yet.
    SettleAgreed = "settle.agreed",
    /// The sale is settled, and the caller has no answer.
    SettleRecorded = "settle.recorded",
}

/// Makes this process die at the points that the environment names. Call it once, at the start.
pub fn arm() {
    #[cfg(debug_assertions)]
    std::mem::forget(fail::FailScenario::setup());
}

/// Passes a point, or dies there as if by a signal: without any cleanup.
pub fn point(point: Point) {
    #[cfg(debug_assertions)]
    fail::fail_point!(point.name(), |_| std::process::abort());
    #[cfg(not(debug_assertions))]
    let _ = point;
}
