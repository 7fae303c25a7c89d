//! The names of the Redis keys. No other module formats one.
//!
//! All keys of a sale carry its id as hash tag, so that a Redis Cluster keeps a sale on one shard
//! and spreads sales over shards.

use sha2::{Digest, Sha256};

use crate::model::{BuyerId, Epoch, SaleId};

/// The consumer group that reads each journal.
pub const GROUP: &str = "reconcilers";

/// Formats the keys of one deployment, which all begin with its prefix.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// Keys that begin with `prefix`.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// Hash: epoch, version, state, start, end, units, limit, clock, forgotten, lost, closed.
    pub fn terms(&self, sale: SaleId) -> String {
        self.of_sale(sale, "terms")
    }

    /// Hash: the buyer's 16 raw bytes -> the order's 16 raw bytes.
    pub fn buyers(&self, sale: SaleId) -> String {
        self.of_sale(sale, "buyers")
    }

    /// Stream: one entry for the winners of one batch.
    pub fn journal(&self, sale: SaleId) -> String {
        self.of_sale(sale, "journal")
    }

    /// The names under which keys of another type are set aside that stood in place of terms, buyers and journal.
    pub fn aside(&self, sale: SaleId) -> [String; 3] {
        ["terms", "buyers", "journal"].map(|part| self.of_sale(sale, &format!("aside:{part}")))
    }

    /// Hash: the buyers that an install attempt has read from the ledger, not yet in use.
    pub fn prepared(&self, sale: SaleId, epoch: Epoch) -> String {
        format!("{}:{epoch}", self.of_sale(sale, "prepared"))
    }

    /// String: the id of the sale that a buyer's idempotency key is meant for. It belongs to no sale, and holds
    /// neither the buyer nor the key in plain text.
    pub fn pin(&self, buyer: BuyerId, idempotency_key: &str) -> String {
        let digest = Sha256::new()
            .chain_update(buyer.to_bytes())
            .chain_update(idempotency_key.as_bytes())
            .finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        format!("{}:pin:{:032x}", self.prefix, u128::from_be_bytes(half))
    }

    /// String: nothing. To write it shows that this Redis takes writes.
    pub fn probe(&self) -> String {
        format!("{}:probe", self.prefix)
    }

    /// Channel: the id of a sale of which entries were posted.
    pub fn posted(&self) -> String {
        format!("{}:posted", self.prefix)
    }

    fn of_sale(&self, sale: SaleId, part: &str) -> String {
        format!("{}:{{{sale}}}:{part}", self.prefix)
    }
}
