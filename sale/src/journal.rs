//! The journal: the Redis stream that carries winners from a sale's gate to the ledger.
//!
//! `lua/admit.lua` appends one entry for the winners of one batch, under the id
//! `epoch-(taken * 2^20 + random)`, so ids grow with what was sold and not with a clock, and two
//! histories after a failover never share one. The entry has one field, `winners`:
//!
//! ```text
//! version (1 byte, = 1) | count (2) | admitted at, microseconds since 1970 (8) | count x (buyer (16) | order (16))
//! ```
//!
//! with numbers in big-endian order. All reconcilers read as one consumer group. An entry stays in
//! the stream until it is posted and forgotten; what a dead reader left is claimed by another.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use fred::{
    bytes::Bytes,
    error::Error as RedisError,
    interfaces::{ClientLike, StreamsInterface},
    types::{CustomCommand, Value},
};

use crate::{
    gate::{Gate, GateError},
    keys::GROUP,
    model::{BuyerId, Epoch, OrderId, Purchase, SaleId},
};

const ENTRY_VERSION: u8 = 1;
const HEAD_BYTES: usize = 11;
const WINNER_BYTES: usize = 32;
/// Entries looked at in one step when an order is searched.
const SEARCH_STEP: u64 = 200;
/// Steps after which a search gives up: some 500,000 winners when batches are full.
const SEARCH_STEPS_MAX: usize = 5;

/// The id of an entry: the gate's epoch, and a number that grows with what it has sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The epoch of the gate that wrote it.
    pub epoch: Epoch,
    /// Taken after the batch, times 2^20, and 20 random bits.
    pub sequence: u64,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

/// A text that is no entry id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an entry's id is two numbers, such as 1-1048576")]
pub struct MalformedEntryId;

impl FromStr for EntryId {
    type Err = MalformedEntryId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, sequence) = text.split_once('-').ok_or(MalformedEntryId)?;
        Ok(Self {
            epoch: Epoch(epoch.parse().map_err(|_| MalformedEntryId)?),
            sequence: sequence.parse().map_err(|_| MalformedEntryId)?,
        })
    }
}

/// What stands in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The winners of one batch.
    Winners {
        /// When the gate admitted them, by its clock.
        admitted_at: DateTime<Utc>,
        /// Who won, and with which order.
        winners: Vec<Purchase>,
    },
    /// Something that this version can not read.
    Unreadable {
        /// All values of the entry, as they are.
        raw: Vec<u8>,
    },
}

/// One entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// What stands in it.
    pub content: Content,
}

/// How far a consumer group has come in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Entries in the journal.
    pub entries: u64,
    /// Those of them that were delivered and not yet acknowledged.
    pub pending: u64,
    /// The first entry.
    pub oldest: Option<EntryId>,
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

    /// Up to `count` entries that no reader has had yet. Makes the consumer group where it is
    /// missing, from the beginning of the journal. Does not wait.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub async fn read(
        &self,
        sale: SaleId,
        consumer: &str,
        count: u64,
    ) -> Result<Vec<Entry>, GateError> {
        let key = self.gate.keys().journal(sale);
        let answer: Result<Value, RedisError> = self
            .gate
            .client()
            .xreadgroup(GROUP, consumer, Some(count), None, false, key, ">")
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

    /// Up to `count` entries that another reader had for at least `idle` without forgetting them.
    ///
    /// # Errors
    /// Where Redis does not answer.
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

    /// How many entries there are, and how many of them are with a reader.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub async fn backlog(&self, sale: SaleId) -> Result<Backlog, GateError> {
        Ok(self.gate.look(sale).await?.backlog())
    }

    /// Lets all entries be delivered again, those that are with a reader included. For a journal
    /// with entries that neither a read nor a claim yields.
    ///
    /// # Errors
    /// Where Redis does not answer.
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

    /// The names of the readers of a sale's journal.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub async fn consumers(&self, sale: SaleId) -> Result<Vec<String>, GateError> {
        let xinfo = CustomCommand::new_static("XINFO CONSUMERS", None, false);
        let args: Vec<Value> = vec![self.gate.keys().journal(sale).into(), GROUP.into()];
        let answer: Result<Value, RedisError> = self.gate.client().custom(xinfo, args).await;
        match answer {
            Ok(answer) => Ok(answer
                .into_array()
                .into_iter()
                .filter_map(|consumer| consumer.into_array().into_iter().nth(1)?.into_string())
                .collect()),
            Err(error) if no_group(&error) || no_key(&error) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Searches the beginning of a journal for an order: who made it, and when. For the rare
    /// question of someone who is not the buyer, while it is not posted yet.
    ///
    /// # Errors
    /// Where Redis does not answer.
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

    /// All entries of a journal, read in steps, without delivering them to anyone.
    ///
    /// # Errors
    /// Where Redis does not answer.
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
        let answer: Value = self
            .gate
            .client()
            .xrange(key, from, "+", Some(count))
            .await?;
        entries(answer)
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

fn no_key(error: &RedisError) -> bool {
    error.details().contains("requires the key to exist") || error.details().contains("no such key")
}

/// The entries in the answer of a group read of one stream: `[[key, entries]]` or nil.
fn delivered(answer: Value) -> Result<Vec<Entry>, GateError> {
    if answer.is_null() {
        return Ok(Vec::new());
    }
    let stream = answer.into_array().into_iter().next();
    stream
        .and_then(|stream| stream.into_array().into_iter().nth(1))
        .map_or(Ok(Vec::new()), entries)
}

/// Entries as Redis lists them: `[[id, [field, value, ...]], ...]`.
fn entries(list: Value) -> Result<Vec<Entry>, GateError> {
    if list.is_null() {
        return Ok(Vec::new());
    }
    list.into_array()
        .into_iter()
        // Redis 7.0 lists an entry as nil that is pending but no longer in the stream.
        .filter(|entry| !entry.is_null())
        .map(|entry| {
            let mut parts = entry.into_array().into_iter();
            let id = parts
                .next()
                .and_then(Value::into_string)
                .unwrap_or_default();
            let id = id
                .parse()
                .map_err(|_| GateError::Malformed(format!("an entry id {id:?}")))?;
            let fields = parts.next().map_or_else(Vec::new, Value::into_array);
            let values: Vec<Bytes> = fields
                .into_iter()
                .skip(1)
                .step_by(2)
                .filter_map(Value::into_bytes)
                .collect();
            Ok(Entry {
                id,
                content: content(&values),
            })
        })
        .collect()
}

fn content(values: &[Bytes]) -> Content {
    match values {
        [value] => winners(value),
        _ => None,
    }
    .unwrap_or_else(|| Content::Unreadable {
        raw: values.concat(),
    })
}

fn winners(value: &[u8]) -> Option<Content> {
    let (head, body) = value.split_first_chunk::<HEAD_BYTES>()?;
    let [version, count_1, count_2, time @ ..] = *head;
    let count = usize::from(u16::from_be_bytes([count_1, count_2]));
    if version != ENTRY_VERSION || count == 0 || body.len() != count * WINNER_BYTES {
        return None;
    }
    let micros = i64::try_from(u64::from_be_bytes(time)).ok()?;
    let winners = body
        .chunks_exact(WINNER_BYTES)
        .map(|pair| {
            Some(Purchase {
                buyer: BuyerId::from_bytes(pair[..16].try_into().ok()?),
                order: OrderId::from_bytes(pair[16..].try_into().ok()?),
            })
        })
        .collect::<Option<_>>()?;
    Some(Content::Winners {
        admitted_at: DateTime::from_timestamp_micros(micros)?,
        winners,
    })
}
