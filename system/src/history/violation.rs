//! The names of what can be wrong. Each says which invariant of ARCHITECTURE.md it breaks.

use std::fmt;

use sale::model::{BuyerId, SaleId};
use serde::Serialize;

/// One breach of one invariant, with what a person needs to follow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// What is broken.
    pub breach: Breach,
    /// In which sale.
    pub sale: SaleId,
    /// For whom, where it concerns one buyer.
    pub buyer: Option<BuyerId>,
    /// The numbers of the events that show it, in order. None where ledger and gate alone do.
    pub events: Vec<u64>,
    /// What is wrong, in words and figures.
    pub explanation: String,
}

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Breach {
    /// More confirmed orders than units.
    Oversold,
    /// The sale's row counts other confirmed orders than there are.
    ConfirmedMiscounted,
    /// The ledger has two orders of one buyer.
    TwoOrders,
    /// A buyer was told of two orders.
    TwoOrdersAcknowledged,
    /// Two buyers were told of one order.
    OrderOfTwoBuyers,
    /// A purchase was admitted again without its key.
    AdmittedAgain,
    /// The ledger has an order that nobody asked for.
    PhantomOrder,
    /// The ledger has an order of a buyer who was refused every time.
    RefusedButPosted,
    /// The ledger has another order of a buyer than the buyer was told of.
    PostedUnderAnotherId,
    /// A buyer's mark in the gate has neither an order nor a counted rejection.
    MarkWithoutPosting,
    /// The gate marks a buyer with another order than the ledger has.
    MarkUnderAnotherId,
    /// The ledger counts a buyer as posted whom the gate does not mark.
    PostingWithoutMark,
    /// `available + confirmed + returned` is not `units`.
    UnitsNotConserved,
    /// `posted` is not the number of buyers with an order or a counted rejection.
    PostedMiscounted,
    /// At the same version, the gate's limit is not `available + posted`.
    LimitDiffers,
    /// The gate has taken another number than the ledger has posted.
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
    /// An admitted purchase's order belongs to someone else, or was answered for another sale.
    AcknowledgedForAnother,
    /// A purchase was called completed, cancelled or failed, and the ledger knows better.
    StatusUntrue,
    /// A purchase was rejected although the gate lost nothing.
    RejectedWithoutLoss,
    /// A buyer who holds an order was refused, or told that nothing was bought.
    RefusedAfterAcknowledged,
    /// A key's purchase was answered with an order that is not the key's.
    KeyWithoutItsOrder,
    /// The key with which a buyer's order was made was answered as somebody else's repetition.
    KeyRefused,
    /// A purchase's status went backwards.
    StatusWentBack,
    /// Units are left that nothing gave back, and yet buyers were told that none is left.
    SoldOutWithUnitsLeft,
    /// A purchase was admitted before the start or after the end.
    AdmittedOutsideWindow,
    /// A buyer was told that the sale has not started when it had, or is over when it was not.
    RefusedInsideWindow,
    /// An answer that the HTTP contract does not have.
    UndocumentedAnswer,
}

impl Breach {
    /// The number in ARCHITECTURE.md of the invariant that is broken; 0 for the HTTP contract.
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
            | Self::ForgottenUnposted => 5,
            Self::WorkLeft
            | Self::AcknowledgedLost
            | Self::AcknowledgedForAnother
            | Self::StatusUntrue
            | Self::RejectedWithoutLoss => 6,
            Self::RefusedAfterAcknowledged
            | Self::KeyWithoutItsOrder
            | Self::KeyRefused
            | Self::StatusWentBack => 7,
            Self::GateNotCurrent | Self::GateMissing => 8,
            Self::AdmittedOutsideWindow | Self::RefusedInsideWindow => 9,
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
