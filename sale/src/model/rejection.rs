//! Why an admitted purchase did not become an order, and why a replay cannot make it one. This is the one table of
//! these words, each with one sentence for the operator and one for the buyer.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownWord;

words! {
    /// Why a purchase was rejected, in the order in which posting checks it: the words of `migrations/0007_posting.sql`, and `unreadable`. The
    /// ledger may hold other words of a newer version, and keeps them as text.
    Reason ("reason of a rejection") {
        /// The ledger has no such sale.
        UnknownSale = "unknown_sale",
        /// The gate that admitted it was rebuilt before it was posted.
        Superseded = "superseded",
        /// The sale was settled before it was posted.
        SaleSettled = "sale_settled",
        /// The buyer has another order in this sale.
        BuyerHasOrder = "buyer_has_order",
        /// Another purchase of the buyer in this sale is counted as rejected.
        BuyerRejected = "buyer_rejected",
        /// The order's id belongs to another purchase.
        OrderIdTaken = "order_id_taken",
        /// The sale had no unit left.
        NoUnits = "no_units",
        /// The journal's entry is not in a readable form.
        Unreadable = "unreadable",
    }
}

/// The explanation for an operator of a reason that this version does not know.
pub const UNKNOWN_REASON: &str = "This version does not know the reason, a newer one wrote it: \
    look with the newest version of the reconciler.";

/// The explanation for a buyer if nothing more is known.
pub const NOT_COMPLETED: &str = "Your purchase could not be completed.";

impl Reason {
    /// For the operator: what happened, who is affected, and what to do.
    pub const fn for_operator(self) -> &'static str {
        match self {
            Self::UnknownSale => {
                "The ledger has no such sale, as after it was restored from an older copy: the buyer \
                 was promised a unit and has none; bring the sale back into the ledger, then replay."
            }
            Self::Superseded => {
                "The gate that admitted it was rebuilt before it was posted, which happens when Redis \
                 loses data: the buyer was promised a unit and has none; replay it while the sale has \
                 units."
            }
            Self::SaleSettled => {
                "The sale was settled before it was posted: the buyer was promised a unit and has \
                 none; replay it, which takes the unit from the product's stock."
            }
            Self::BuyerHasOrder => {
                "The buyer has another order in this sale, and the gate had lost the mark of it: the \
                 buyer has the one unit that each may have; nothing is to be done."
            }
            Self::BuyerRejected => {
                "An earlier purchase of this buyer in this sale is counted as rejected: the buyer has \
                 no unit; replay either of the two, and the other is answered by its order."
            }
            Self::OrderIdTaken => {
                "The order's id belongs to another purchase, so that somebody made ids by hand: the \
                 buyer has no unit; find out who did, then replay it, which gives the order another id."
            }
            Self::NoUnits => {
                "The gate had promised more than the ledger had, which happens when the ledger is \
                 changed by hand or Redis loses data: the buyer has no unit; restock the sale or \
                 cancel an order, then replay."
            }
            Self::Unreadable => {
                "The journal's entry was damaged, or of a newer version: its buyers were posted from \
                 their marks in the gate, so that mostly nobody is affected; look at its bytes, and \
                 whether the audit agrees."
            }
        }
    }

    /// For the buyer: what happened to the purchase.
    pub const fn for_buyer(self) -> &'static str {
        match self {
            Self::UnknownSale => {
                "Your purchase could not be completed: the sale is not known any more."
            }
            Self::Superseded => {
                "Your purchase could not be completed: a failure of the shop's came between; while the \
                 sale is on you can buy again."
            }
            Self::SaleSettled => {
                "Your purchase could not be completed: the sale was closed before it was recorded."
            }
            Self::BuyerHasOrder => {
                "This purchase was not completed: you have another order in this sale, and each buyer \
                 gets one unit."
            }
            Self::BuyerRejected => {
                "Your purchase could not be completed: an earlier one of yours in this sale could not \
                 be completed either."
            }
            Self::OrderIdTaken => {
                "Your purchase could not be completed: its number belongs to another purchase."
            }
            Self::NoUnits => {
                "Your purchase could not be completed: when it was recorded, no unit was left."
            }
            Self::Unreadable => "Your purchase could not be completed: its record was damaged.",
        }
    }
}

words! {
    /// Why no order can be made of a rejected purchase: the words of `migrations/0009_replay.sql`.
    Obstacle ("obstacle of a replay") {
        /// There is no such rejection, and none that became an order.
        UnknownRejection = "unknown_rejection",
        /// The ledger has no such sale.
        UnknownSale = "unknown_sale",
        /// Its data does not say who bought what.
        NoBuyer = "no_buyer",
        /// The sale has no unit available.
        NoUnits = "no_units",
        /// The sale is settled, and the product has no unit in stock.
        NoStock = "no_stock",
    }
}

impl Obstacle {
    /// For the operator: why not, and what to do.
    pub const fn for_operator(self) -> &'static str {
        match self {
            Self::UnknownRejection => "there is no such rejection",
            Self::UnknownSale => {
                "the ledger has no such sale: bring it back into the ledger, then replay"
            }
            Self::NoBuyer => {
                "it has no buyer and no order that could be read; its buyers were posted from their \
                 marks in the gate, and the audit says whether one is missing"
            }
            Self::NoUnits => {
                "the sale has no unit available: restock the sale or cancel an order, then replay"
            }
            Self::NoStock => {
                "the sale is settled and the product has no unit in stock: cancel an order of the sale, \
                 or settle another sale of the product, then replay"
            }
        }
    }
}
