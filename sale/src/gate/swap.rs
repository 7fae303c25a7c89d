//! The gate's part of an install: a prepared hash of buyers, which `swap` puts in place and `open` opens for
//! purchases. The order of the steps, and why, is in [`crate::install`].

use std::time::Duration;

use fred::{
    bytes::Bytes,
    interfaces::{HashesInterface, KeysInterface},
    types::{Key, Map, Value},
};

use super::{
    Gate, GateError,
    upkeep::{terms, unknown, word},
};
use crate::{
    keys::GROUP,
    ledger::Sale,
    model::{BuyerId, Epoch, OrderId, SaleId},
};

/// A prepared hash that no install puts in place expires after this time.
const PREPARED_LIFETIME: Duration = Duration::from_secs(3_600);

/// What a swap did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    /// The gate is what was prepared, closed until it is opened.
    Swapped,
    /// The gate is of this epoch or a newer one.
    Outdated,
    /// The journal still has entries.
    Undrained,
    /// The prepared hash is not what the install read from the ledger.
    Incomplete,
}

impl Gate {
    /// Adds buyers to the hash that an install attempt prepares.
    ///
    /// # Errors
    /// If Redis does not answer, or is full.
    pub async fn prepare(
        &self,
        sale: SaleId,
        epoch: Epoch,
        buyers: &[(BuyerId, OrderId)],
    ) -> Result<(), GateError> {
        let key = self.keys.prepared(sale, epoch);
        let marks: Vec<(Key, Value)> = buyers
            .iter()
            .map(|(buyer, order)| {
                let order = Bytes::copy_from_slice(&order.to_bytes());
                (
                    Bytes::copy_from_slice(&buyer.to_bytes()).into(),
                    Value::Bytes(order),
                )
            })
            .collect();
        let marks: Map = marks.try_into()?;
        self.client().hset::<Value, _, _>(&key, marks).await?;
        let seconds = PREPARED_LIFETIME.as_secs().cast_signed();
        self.client()
            .expire::<Value, _>(&key, seconds, None)
            .await?;
        Ok(())
    }

    /// Discards what an install attempt has prepared.
    pub async fn discard_prepared(&self, sale: SaleId, epoch: Epoch) -> Result<(), GateError> {
        self.client()
            .unlink::<Value, _>(self.keys.prepared(sale, epoch))
            .await?;
        Ok(())
    }

    /// Puts the prepared buyers and the ledger's terms in place of a missing or older gate.
    ///
    /// # Errors
    /// If Redis does not answer, or is full.
    pub async fn swap(&self, sale: &Sale, buyers: u64) -> Result<Swapped, GateError> {
        let keys = vec![
            self.keys.terms(sale.id),
            self.keys.buyers(sale.id),
            self.keys.journal(sale.id),
            self.keys.prepared(sale.id, sale.epoch),
        ];
        let mut args = terms(sale, sale.epoch);
        args.push(buyers.to_string().into());
        args.push(GROUP.into());
        let answer = self.run(&self.scripts.swap, keys, args).await?;
        match word(answer)?.as_str() {
            "swapped" => Ok(Swapped::Swapped),
            "outdated" => Ok(Swapped::Outdated),
            "undrained" => Ok(Swapped::Undrained),
            "incomplete" => Ok(Swapped::Incomplete),
            other => Err(unknown("swap", other)),
        }
    }

    /// Opens the gate of this epoch for purchases. False if the gate has another epoch.
    pub async fn open(&self, sale: SaleId, epoch: Epoch) -> Result<bool, GateError> {
        let keys = vec![self.keys.terms(sale)];
        let answer = self
            .run(&self.scripts.open, keys, vec![epoch.to_string().into()])
            .await?;
        match word(answer)?.as_str() {
            "opened" => Ok(true),
            "foreign" => Ok(false),
            other => Err(unknown("open", other)),
        }
    }
}
