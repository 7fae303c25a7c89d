//! Keeps a gate up to date: sync, forget, close, and the consumers of its journal.

use std::time::Duration;

use fred::{
    interfaces::KeysInterface,
    types::{ExpireOptions, Value},
};

use super::{Gate, GateError};
use crate::{
    journal::EntryId,
    keys::GROUP,
    ledger::Sale,
    model::{Epoch, SaleId},
};

/// What a sync did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    /// The gate now has the ledger's terms and limit.
    Applied,
    /// The gate already had them, or newer ones.
    Current,
    /// The gate has another epoch.
    Foreign,
    /// There is no gate.
    Missing,
}

/// A journal entry that the ledger has recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedEntry {
    /// The entry.
    pub id: EntryId,
    /// How many of its winners are posted; 0 for an entry that could not be read.
    pub winners: u64,
}

/// The result of removing a consumer of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerRemoval {
    /// The consumer is deleted.
    Removed,
    /// The consumer was active a moment ago.
    Busy,
    /// The consumer holds entries: claim them first.
    Pending,
    /// There is no such consumer, group or journal.
    Missing,
}

/// How long a key of another type is kept after it was set aside, so that a person can look at it.
const ASIDE_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

impl Gate {
    /// Brings the gate's terms and limit up to the ledger's. Repeated and late calls are harmless.
    pub async fn sync(&self, sale: &Sale) -> Result<Synced, GateError> {
        let keys = vec![self.keys.terms(sale.id)];
        let answer = self
            .run(&self.scripts.sync, keys, terms(sale, sale.base))
            .await?;
        match word(answer)?.as_str() {
            "applied" => Ok(Synced::Applied),
            "current" => Ok(Synced::Current),
            "foreign" => Ok(Synced::Foreign),
            "missing" => Ok(Synced::Missing),
            other => Err(unknown("sync", other)),
        }
    }

    /// Deletes posted entries from the journal, and closes the gate if posting proved that a gate of epoch `lost`
    /// lost a mark. Repeated calls are harmless.
    ///
    /// Returns how many entries this call deleted.
    pub async fn forget(
        &self,
        sale: SaleId,
        lost: Option<Epoch>,
        entries: &[PostedEntry],
    ) -> Result<u64, GateError> {
        let keys = vec![self.keys.terms(sale), self.keys.journal(sale)];
        let mut args: Vec<Value> = vec![GROUP.into(), lost.unwrap_or_default().to_string().into()];
        for entry in entries {
            args.push(entry.id.to_string().into());
            args.push(entry.winners.to_string().into());
        }
        Ok(self
            .run(&self.scripts.forget, keys, args)
            .await?
            .convert()?)
    }

    /// Closes a gate that must be rebuilt; only an install opens it again. Keys of another type are set aside, so
    /// that the install can create them again.
    pub async fn close(&self, sale: SaleId) -> Result<(), GateError> {
        let mut keys = vec![
            self.keys.terms(sale),
            self.keys.buyers(sale),
            self.keys.journal(sale),
        ];
        keys.extend(self.keys.aside(sale));
        let lifetime = ASIDE_LIFETIME.as_secs().to_string();
        let answer = self
            .run(&self.scripts.close, keys, vec![lifetime.into()])
            .await?;
        let (word, aside): (String, String) = answer.convert()?;
        if !aside.is_empty() {
            tracing::error!(
                %sale, aside,
                "ALARM: somebody overwrote keys of this sale with another type; they are set aside"
            );
        }
        match word.as_str() {
            "closed" | "missing" => Ok(()),
            other => Err(unknown("close", other)),
        }
    }

    /// Removes a consumer of the journal that has been idle for this time and holds nothing.
    pub async fn remove_consumer(
        &self,
        sale: SaleId,
        consumer: &str,
        idle: Duration,
    ) -> Result<ConsumerRemoval, GateError> {
        let keys = vec![self.keys.journal(sale)];
        let idle_ms = idle.as_millis().to_string();
        let args = vec![GROUP.into(), consumer.into(), idle_ms.into()];
        let answer = self.run(&self.scripts.remove_consumer, keys, args).await?;
        match word(answer)?.as_str() {
            "removed" => Ok(ConsumerRemoval::Removed),
            "busy" => Ok(ConsumerRemoval::Busy),
            "pending" => Ok(ConsumerRemoval::Pending),
            "missing" => Ok(ConsumerRemoval::Missing),
            other => Err(unknown("remove_consumer", other)),
        }
    }

    /// Lets the gate of a settled sale expire after `retention`. Repeated calls do not postpone it.
    pub async fn expire(&self, sale: SaleId, retention: Duration) -> Result<(), GateError> {
        let seconds = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
        for key in [
            self.keys.journal(sale),
            self.keys.buyers(sale),
            self.keys.terms(sale),
        ] {
            self.client()
                .expire::<Value, _>(key, seconds, Some(ExpireOptions::NX))
                .await?;
        }
        Ok(())
    }
}

/// The arguments with which `lua/sync.lua` and `lua/swap.lua` begin.
pub(super) fn terms(sale: &Sale, epoch: Epoch) -> Vec<Value> {
    let (start, end) = sale.gate_window();
    vec![
        epoch.to_string().into(),
        sale.version.0.to_string().into(),
        sale.state.gate_word().into(),
        start.timestamp_micros().to_string().into(),
        end.timestamp_micros().to_string().into(),
        sale.units.to_string().into(),
        sale.limit().to_string().into(),
    ]
}

pub(super) fn word(answer: Value) -> Result<String, GateError> {
    answer
        .into_string()
        .ok_or_else(|| GateError::Malformed("not a word".to_owned()))
}

pub(super) fn unknown(script: &str, word: &str) -> GateError {
    GateError::Malformed(format!("{script} answered {word:?}"))
}
