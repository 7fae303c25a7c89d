//! What always holds, by name. `invariants` checks it.

/// The invariant that a counterexample breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// Each unit is in the stock, available or confirmed, and within a sale available, confirmed or returned.
    UnitsAreConserved,
    /// `posted` and `confirmed` equal the sums over the rows.
    TheLedgersCountsAreTrue,
    /// No purchase is both an order and a rejection.
    AnOrderOrARejection,
    /// No buyer gets answers with two orders, unless one was lost before it was posted.
    NobodyIsToldTwoOrders,
    /// An order that an answer confirmed to its buyer is not rejected later, unless it was lost before it was posted,
    /// or a rolled back gate has sold the lost unit once more.
    WhatWasToldIsKept,
    /// `forgotten` <= `posted` <= `taken` while the gate is open, and was not rolled back.
    TheFlowIsOrdered,
    /// Such a gate, and every gate at rest, has the mark of each posted buyer, with the same order.
    ThePostedHaveMarks,
    /// The version and the clock of a gate, and the version of a sale, do not go back.
    NothingGoesBack,
    /// Once an answer said by the clock that a sale has begun or ended, no later answer says otherwise.
    TheClockNeverGoesBack,
    /// A gate that is newer than its ledger sells nothing once a process has noticed that.
    NothingSoldOnceNoticed,
    /// A reconciler ends a sale only after its end.
    NothingEndsBeforeItsEnd,
    /// A process that knows of a purchase sells nothing through a gate that has lost it.
    NoLossGoesUnnoticed,
    /// A gate that answers cold is missing, lost or closed, so that the keeper sees it.
    ColdIsSeen,
    /// At rest: every acknowledged purchase has become an order or a rejection.
    EveryPurchaseEnds,
    /// At rest: so has every mark.
    EveryMarkEnds,
    /// At rest: a settled sale has no units left. That any other sale's gate has the ledger's limit and terms is part
    /// of the definition of rest.
    NoUnitIsStranded,
    /// The system comes to rest from every state, if it is left alone and every step has its turn.
    RestIsReached,
}
