//! The journal: the Redis stream that carries winners from a sale's gate to the ledger.
//!
//! `lua/admit.lua` appends one entry for the winners of one batch, in the form that [`entry`] reads. All reconcilers
//! read as one consumer group. An entry stays in the stream until it is posted and forgotten; another consumer claims
//! the entries of a dead one.

mod entry;
mod partial_entry;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use fred::{
    error::Error as RedisError,
    interfaces::{ClientLike, StreamsInterface},
    types::{CustomCommand, Value},
};

use crate::{
    gate::{Gate, GateError},
    keys::GROUP,
    model::{BuyerId, OrderId, SaleId},
};

pub use self::entry::{Content, Entry, EntryId, MalformedEntryId};
use self::entry::{delivered, entries};
pub use self::partial_entry::PartialEntry;

/// Entries read in one step of the search for an order.
const SEARCH_STEP: u64 = 200;
/// Steps after which a search gives up: some 500,000 winners when batches are full.
const SEARCH_STEPS_MAX: usize = 5;

/// The progress of a consumer group in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Entries in the journal.
    pub entries: u64,
    /// Those of them that were delivered and not yet acknowledged.
    pub pending: u64,
    /// The first entry.
    pub oldest: Option<EntryId>,
}

/// One consumer of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its name: the same in the journals of all sales that one reconciler reads.
    pub name: String,
    /// Entries that it received and has not acknowledged.
    pub pending: u64,
    /// How long ago it last read.
    pub idle: Duration,
}

/// Reads the journals of the sales in a gate.
#[derive(Clone)]
pub struct Journal {
    gate: Gate,
}

impl Journal {
    /// The journals of this gate's sales.
    pub const fn new(gate: Gate) -> Self {
        Self { gate }
    }

    /// Up to `count` entries that no consumer has received yet. Creates a missing consumer group, from the beginning
    /// of the journal. Does not wait.
    ///
    /// # Errors
    /// If Redis does not answer; then the entries may have been delivered, and [`Journal::read_again`] finds them.
    pub async fn read(
        &self,
        sale: SaleId,
        consumer: &str,
        count: u64,
    ) -> Result<Vec<Entry>, GateError> {
        self.read_from(sale, consumer, count, ">").await
    }

    /// Up to `count` entries that this consumer received and has not forgotten, from the oldest on.
    pub async fn read_again(
        &self,
        sale: SaleId,
        consumer: &str,
        count: u64,
    ) -> Result<Vec<Entry>, GateError> {
        self.read_from(sale, consumer, count, "0").await
    }

    async fn read_from(
        &self,
        sale: SaleId,
        consumer: &str,
        count: u64,
        from: &str,
    ) -> Result<Vec<Entry>, GateError> {
        let key = self.gate.keys().journal(sale);
        let client = self.gate.client();
        let answer: Result<Value, RedisError> = client
            .xreadgroup(GROUP, consumer, Some(count), None, false, key, from)
            .await;
        match answer {
            Ok(answer) => delivered(answer),
            Err(error) if no_group(&error) => {
                self.make_group(sale).await?;
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Up to `count` entries that another consumer has held for at least `idle` without forgetting them.
    pub async fn claim(
        &self,
        sale: SaleId,
        consumer: &str,
        idle: Duration,
        count: u64,
    ) -> Result<Vec<Entry>, GateError> {
        let xautoclaim = CustomCommand::new_static("XAUTOCLAIM", None, false);
        let idle_ms = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let args: Vec<Value> = vec![
            self.gate.keys().journal(sale).into(),
            GROUP.into(),
            consumer.into(),
            idle_ms.to_string().into(),
            "0-0".into(),
            "COUNT".into(),
            count.to_string().into(),
        ];
        let answer: Result<Value, RedisError> = self.gate.client().custom(xautoclaim, args).await;
        match answer {
            Ok(answer) => answer
                .into_array()
                .into_iter()
                .nth(1)
                .map_or(Ok(Vec::new()), entries),
            Err(error) if no_group(&error) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many entries there are, and how many of them a consumer holds.
    pub async fn backlog(&self, sale: SaleId) -> Result<Backlog, GateError> {
        Ok(self.gate.look(sale).await?.backlog())
    }

    /// Lets all entries be delivered again, including those that a consumer holds. For a journal with entries that
    /// neither a read nor a claim yields.
    pub async fn deliver_again(&self, sale: SaleId) -> Result<(), GateError> {
        let key = self.gate.keys().journal(sale);
        let answer: Result<Value, RedisError> =
            self.gate.client().xgroup_setid(key, GROUP, "0").await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if no_group(&error) || no_key(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The consumers of a sale's journal.
    pub async fn consumers(&self, sale: SaleId) -> Result<Vec<Consumer>, GateError> {
        let consumers = self.info(sale, "XINFO CONSUMERS", &[GROUP]).await?;
        Ok(consumers
            .into_iter()
            .filter_map(|mut consumer| {
                Some(Consumer {
                    name: consumer.remove("name")?.into_string()?,
                    pending: consumer.get("pending")?.as_u64()?,
                    idle: Duration::from_millis(consumer.get("idle")?.as_u64()?),
                })
            })
            .collect())
    }

    /// The last entry that a consumer received; `None` if there was none.
    pub async fn last_delivered(&self, sale: SaleId) -> Result<Option<EntryId>, GateError> {
        let groups = self.info(sale, "XINFO GROUPS", &[]).await?;
        Ok(groups
            .into_iter()
            .next()
            .and_then(|mut group| group.remove("last-delivered-id")?.into_string())
            .and_then(|id| id.parse().ok()))
    }

    /// The answer of XINFO, a map a line; empty if there is no journal (or a key of another type in its place), or no
    /// group.
    async fn info(
        &self,
        sale: SaleId,
        command: &'static str,
        more: &[&'static str],
    ) -> Result<Vec<HashMap<String, Value>>, GateError> {
        let command = CustomCommand::new_static(command, None, false);
        let mut args: Vec<Value> = vec![self.gate.keys().journal(sale).into()];
        args.extend(more.iter().map(|argument| Value::from(*argument)));
        let answer: Result<Value, RedisError> = self.gate.client().custom(command, args).await;
        match answer {
            Ok(answer) => answer
                .into_array()
                .into_iter()
                .map(|line| Ok(line.convert()?))
                .collect(),
            Err(error) if no_group(&error) || no_key(&error) || wrong_type(&error) => {
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Searches the beginning of a journal for an order: who made it, and when. It serves the rare question of a
    /// caller other than the buyer, before the order is posted.
    pub async fn find(
        &self,
        sale: SaleId,
        order: OrderId,
    ) -> Result<Option<(BuyerId, DateTime<Utc>)>, GateError> {
        let mut from = "-".to_owned();
        for _ in 0..SEARCH_STEPS_MAX {
            let step = self.range(sale, &from, SEARCH_STEP).await?;
            let Some(last) = step.last().map(|entry| entry.id) else {
                return Ok(None);
            };
            for entry in step {
                if let Content::Winners {
                    admitted_at,
                    winners,
                } = entry.content
                    && let Some(winner) = winners.iter().find(|winner| winner.order == order)
                {
                    return Ok(Some((winner.buyer, admitted_at)));
                }
            }
            from = format!("({last}");
        }
        Ok(None)
    }

    /// The entry that has been in a journal for longest.
    pub async fn first(&self, sale: SaleId) -> Result<Option<Entry>, GateError> {
        Ok(self.range(sale, "-", 1).await?.into_iter().next())
    }

    /// All entries of a journal, read in steps, without delivering them to a consumer.
    pub async fn entries(&self, sale: SaleId) -> Result<Vec<Entry>, GateError> {
        let mut all = Vec::new();
        let mut from = "-".to_owned();
        loop {
            let step = self.range(sale, &from, SEARCH_STEP).await?;
            let Some(last) = step.last() else {
                return Ok(all);
            };
            from = format!("({}", last.id);
            all.extend(step);
        }
    }

    async fn range(&self, sale: SaleId, from: &str, count: u64) -> Result<Vec<Entry>, GateError> {
        let key = self.gate.keys().journal(sale);
        let answer: Result<Value, RedisError> =
            self.gate.client().xrange(key, from, "+", Some(count)).await;
        match answer {
            Ok(answer) => entries(answer),
            // A key has one type: this one holds no journal entries.
            Err(error) if wrong_type(&error) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    async fn make_group(&self, sale: SaleId) -> Result<(), GateError> {
        let key = self.gate.keys().journal(sale);
        let answer: Result<Value, RedisError> = self
            .gate
            .client()
            .xgroup_create(key, GROUP, "0", false)
            .await;
        match answer {
            Ok(_) => {
                tracing::info!(%sale, "made the consumer group of a journal");
                Ok(())
            }
            // Nothing was sold yet, or another reconciler was quicker.
            Err(error) if no_key(&error) || error.details().starts_with("BUSYGROUP") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn no_group(error: &RedisError) -> bool {
    error.details().starts_with("NOGROUP")
}

fn wrong_type(error: &RedisError) -> bool {
    error.details().starts_with("WRONGTYPE")
}

fn no_key(error: &RedisError) -> bool {
    error.details().contains("requires the key to exist") || error.details().contains("no such key")
}
