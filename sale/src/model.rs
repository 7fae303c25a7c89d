//! The words of a sale as types: ids, counts, states and verdicts.

mod ids;
mod instant;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use self::{
    ids::{BuyerId, OrderId, ProductId, SaleId},
    instant::{GATE_NUMBER_MAX, LAST_INSTANT, last_instant_text},
};

/// A word that its type does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is no {of}: it is one of {}", known.join(", "))]
pub struct UnknownWord {
    word: String,
    of: &'static str,
    known: &'static [&'static str],
}

/// The number of an attempt to install a sale in a gate. 0: none.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a change of a sale's terms and limit in the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u64);

/// One purchase for the gate to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// The buyer.
    pub buyer: BuyerId,
    /// The order that it becomes if it is admitted.
    pub order: OrderId,
}

/// The most units that the ledger can count.
pub const UNITS_MAX: u32 = i32::MAX.cast_unsigned();

/// The gate's decision on a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The unit is this buyer's.
    Admitted,
    /// The buyer holds another order in this sale.
    Duplicate {
        /// The order that the buyer holds.
        order: OrderId,
    },
    /// No unit is left.
    SoldOut,
    /// The sale has not begun.
    NotStarted,
    /// The sale is over.
    Ended,
    /// The sale is paused.
    Paused,
    /// The gate cannot decide: it is missing, closed or rolled back, or its terms are too old.
    Cold,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident ($what:literal) { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All of them, in this order.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The word for it in the gate, the ledger and the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownWord;

            fn try_from(word: String) -> Result<Self, Self::Error> {
                word.parse()
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord {
                        word: word.to_owned(),
                        of: $what,
                        known: &[$($word),+],
                    }),
                }
            }
        }
    };
}

mod rejection;

pub use rejection::{NOT_COMPLETED, Obstacle, Reason, UNKNOWN_REASON};

words! {
    /// What people have decided about a sale.
    SaleState ("state of a sale") {
        /// It sells within its window.
        Open = "open",
        /// It does not sell for now.
        Paused = "paused",
        /// It sells no more.
        Ended = "ended",
        /// It is closed for good: unsold units went back to the product.
        Settled = "settled",
    }
}

impl SaleState {
    /// The word for it in the gate's terms, which do not have "settled".
    pub const fn gate_word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Ended | Self::Settled => "ended",
        }
    }
}

words! {
    /// Where a sale is in its life, by its state and its clock.
    Phase ("phase of a sale") {
        /// It has not begun.
        Upcoming = "upcoming",
        /// It sells.
        Active = "active",
        /// It would sell, were it not paused.
        Paused = "paused",
        /// It is over.
        Ended = "ended",
    }
}

impl Phase {
    /// The phase at `now` of a sale in `state` from `start` to `end`, by the rule of `lua/admit.lua`: an end
    /// outweighs everything, a future start outweighs a pause.
    pub fn at<T: PartialOrd>(now: T, start: T, end: T, state: SaleState) -> Self {
        match state {
            SaleState::Ended | SaleState::Settled => Self::Ended,
            SaleState::Open | SaleState::Paused if now >= end => Self::Ended,
            SaleState::Open | SaleState::Paused if now < start => Self::Upcoming,
            SaleState::Open => Self::Active,
            SaleState::Paused => Self::Paused,
        }
    }
}

words! {
    /// What has become of a posted order.
    OrderStatus ("status of an order") {
        /// It stands.
        Confirmed = "confirmed",
        /// It was cancelled; its buyer does not buy again.
        Cancelled = "cancelled",
    }
}

words! {
    /// What a process does.
    ProcessKind ("kind of process") {
        /// It answers clients.
        Api = "api",
        /// It posts.
        Reconciler = "reconciler",
    }
}

words! {
    /// What a user may do.
    Role ("role") {
        /// Buy.
        User = "user",
        /// Run sales.
        Admin = "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::OrderStatus;

    #[test]
    fn a_word_that_is_none_is_refused_with_those_that_are() {
        let refused = "sold".parse::<OrderStatus>().unwrap_err();
        let said = "\"sold\" is no status of an order: it is one of confirmed, cancelled";
        assert_eq!(refused.to_string(), said);
    }
}
