//! The names of all possible breaches. Each says which invariant of ARCHITECTURE.md it breaks.

use std::fmt;

use sale::model::{BuyerId, SaleId};
use serde::Serialize;

/// One breach of one invariant, with the details that a person needs to follow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The kind of breach.
    pub breach: Breach,
    /// The sale.
    pub sale: SaleId,
    /// The buyer, if it concerns one.
    pub buyer: Option<BuyerId>,
    /// The numbers of the events that show it, in order. Empty if ledger and gate alone show it.
    pub events: Vec<u64>,
    /// The fault, in words and figures.
    pub explanation: String,
}

/// The kinds of breaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Breach {
    /// More confirmed orders than units.
    Oversold,
    /// The sale's row counts a wrong number of confirmed orders.
    ConfirmedMiscounted,
    /// The ledger has two orders of one buyer.
    TwoOrders,
    /// One buyer learned of two orders.
    TwoOrdersAcknowledged,
    /// Two buyers learned of one order.
    OrderOfTwoBuyers,
    /// A purchase was admitted again without its key.
    AdmittedAgain,
    /// The ledger has an order that nobody asked for.
    PhantomOrder,
    /// The ledger has an order of a buyer who was refused every time.
    RefusedButPosted,
    /// The buyer's order in the ledger is not the one that the buyer learned of.
    PostedUnderAnotherId,
    /// A buyer's mark in the gate has neither an order nor a counted rejection.
    MarkWithoutPosting,
    /// The gate marks a buyer with another order than the ledger has.
    MarkUnderAnotherId,
    /// The ledger counts a buyer as posted, but the gate has no mark of that buyer.
    PostingWithoutMark,
    /// `available + confirmed + returned` is not `units`.
    UnitsNotConserved,
    /// `posted` is not the number of buyers with an order or a counted rejection.
    PostedMiscounted,
    /// At the same version, the gate's limit is not `available + posted`.
    LimitDiffers,
    /// The numbers of units that the gate took and that the ledger posted differ.
    TakenDiffers,
    /// The gate forgot more winners than the ledger has posted.
    ForgottenUnposted,
    /// The gate is not installed at the ledger's epoch and version, or is shut.
    GateNotCurrent,
    /// A sale that is not settled has no gate.
    GateMissing,
    /// The journal still has entries.
    WorkLeft,
    /// An admitted purchase ended neither as an order nor as a rejection.
    AcknowledgedLost,
    /// An admitted purchase's order belongs to another buyer, or its answer named another sale.
    AcknowledgedForAnother,
    /// An answer called a purchase completed, cancelled or failed, and the ledger contradicts it.
    StatusUntrue,
    /// A purchase was rejected although the gate lost nothing.
    RejectedWithoutLoss,
    /// A buyer who holds an order was refused, or got the answer that nothing was bought.
    RefusedAfterAcknowledged,
    /// A purchase with a key got an order that is not the key's.
    KeyWithoutItsOrder,
    /// The key that made a buyer's order got the answer for a repetition of another purchase.
    KeyRefused,
    /// A purchase's status went backwards.
    StatusWentBack,
    /// Unsold units are left that nothing gave back, and yet buyers learned that no unit is left.
    SoldOutWithUnitsLeft,
    /// A purchase was admitted before the start or after the end.
    AdmittedOutsideWindow,
    /// A buyer learned that the sale had not started or was over, although it was open.
    RefusedInsideWindow,
    /// An event stream showed units left and units sold that are not all units together.
    ShownSumWrong,
    /// An event stream showed fewer units left than there can have been.
    ShownTooFewLeft,
    /// An event stream showed more units left than there can have been.
    ShownTooManyLeft,
    /// An event stream showed more units left than before, and nothing gave them back.
    ShownLeftRose,
    /// An event stream showed no purchase to a buyer who knew of an order.
    ShownOrderVanished,
    /// An event stream showed an ended sale as not ended.
    ShownEndTakenBack,
    /// An event stream showed a started sale as not started.
    ShownStartTakenBack,
    /// An event stream showed a sale as not started, selling or over when it was not.
    ShownOutsideWindow,
    /// An answer that the HTTP contract does not have.
    UndocumentedAnswer,
}

impl Breach {
    /// The number of the broken invariant in ARCHITECTURE.md; 0 for the HTTP contract.
    pub const fn invariant(self) -> u8 {
        match self {
            Self::Oversold | Self::ConfirmedMiscounted => 1,
            Self::TwoOrders
            | Self::TwoOrdersAcknowledged
            | Self::OrderOfTwoBuyers
            | Self::AdmittedAgain
            | Self::PhantomOrder
            | Self::RefusedButPosted
            | Self::PostedUnderAnotherId => 2,
            Self::MarkWithoutPosting | Self::MarkUnderAnotherId | Self::PostingWithoutMark => 3,
            Self::SoldOutWithUnitsLeft => 4,
            Self::UnitsNotConserved
            | Self::PostedMiscounted
            | Self::LimitDiffers
            | Self::TakenDiffers
            | Self::ForgottenUnposted
            | Self::ShownSumWrong
            | Self::ShownTooFewLeft
            | Self::ShownTooManyLeft
            | Self::ShownLeftRose => 5,
            Self::WorkLeft
            | Self::AcknowledgedLost
            | Self::AcknowledgedForAnother
            | Self::StatusUntrue
            | Self::RejectedWithoutLoss => 6,
            Self::RefusedAfterAcknowledged
            | Self::KeyWithoutItsOrder
            | Self::KeyRefused
            | Self::StatusWentBack
            | Self::ShownOrderVanished => 7,
            Self::GateNotCurrent | Self::GateMissing => 8,
            Self::AdmittedOutsideWindow
            | Self::RefusedInsideWindow
            | Self::ShownEndTakenBack
            | Self::ShownStartTakenBack
            | Self::ShownOutsideWindow => 9,
            Self::UndocumentedAnswer => 0,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.breach)?;
        match self.breach.invariant() {
            0 => write!(f, "(HTTP contract)")?,
            invariant => write!(f, "(invariant {invariant})")?,
        }
        write!(f, ", sale {}", self.sale)?;
        if let Some(buyer) = self.buyer {
            write!(f, ", buyer {buyer}")?;
        }
        write!(f, ": {}", self.explanation)?;
        if !self.events.is_empty() {
            let events: Vec<String> = self.events.iter().map(|n| format!("#{n}")).collect();
            write!(f, " (events {})", events.join(", "))?;
        }
        Ok(())
    }
}
