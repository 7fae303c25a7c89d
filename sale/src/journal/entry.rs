//! One entry of a journal: its id, and its wire form, as `lua/admit.lua` writes it.
//!
//! The id is `epoch-(taken * 2^20 + random)`, so ids grow with what was sold and not with a clock,
//! and two histories after a failover never share one. There is one field, `winners`:
//!
//! ```text
//! version (1 byte, = 1) | count (2) | admitted at, microseconds since 1970 (8) | count x (buyer (16) | order (16))
//! ```
//!
//! with numbers in big-endian order.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use fred::{bytes::Bytes, types::Value};

use crate::{
    gate::GateError,
    model::{BuyerId, Epoch, OrderId, Purchase},
};

pub(super) const ENTRY_VERSION: u8 = 1;
pub(super) const HEAD_BYTES: usize = 11;
pub(super) const WINNER_BYTES: usize = 32;

/// The last time that the ledger can store: the last one before the year 10000.
const ADMITTED_MICROS_MAX: i64 = 253_402_300_799_999_999;

/// The id of an entry: the gate's epoch, and a number that grows with what it has sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The epoch of the gate that wrote it.
    pub epoch: Epoch,
    /// The number taken after the batch, times 2^20, plus 20 random bits.
    pub sequence: u64,
}

/// The bit of a sequence at which the number taken begins, as in `lua/admit.lua`.
const TAKEN_SHIFT: u32 = 20;

impl EntryId {
    /// How many buyers the gate had taken once this entry was written.
    pub const fn taken(self) -> u64 {
        self.sequence >> TAKEN_SHIFT
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

/// A text that is not an entry id.
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

/// The content of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The winners of one batch.
    Winners {
        /// When the gate admitted them, by its clock.
        admitted_at: DateTime<Utc>,
        /// The buyers who won, and their orders.
        winners: Vec<Purchase>,
    },
    /// Something that this version cannot read.
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
    /// Its content.
    pub content: Content,
}

/// The entries in the answer of a group read of one stream: `[[key, entries]]` or nil.
pub(super) fn delivered(answer: Value) -> Result<Vec<Entry>, GateError> {
    if answer.is_null() {
        return Ok(Vec::new());
    }
    let stream = answer.into_array().into_iter().next();
    stream
        .and_then(|stream| stream.into_array().into_iter().nth(1))
        .map_or(Ok(Vec::new()), entries)
}

/// Entries as Redis lists them: `[[id, [field, value, ...]], ...]`. An entry that was delivered and is no longer in
/// the stream comes as nil, or with nil for its fields, and is skipped.
pub(super) fn entries(list: Value) -> Result<Vec<Entry>, GateError> {
    if list.is_null() {
        return Ok(Vec::new());
    }
    list.into_array()
        .into_iter()
        .filter_map(|entry| {
            let mut parts = entry.into_array().into_iter();
            let id = parts.next().and_then(Value::into_string)?;
            let fields = parts.next().filter(|fields| !fields.is_null())?;
            Some((id, fields))
        })
        .map(|(id, fields)| {
            let id = id
                .parse()
                .map_err(|_| GateError::Malformed(format!("an entry id {id:?}")))?;
            let values: Vec<Bytes> = fields
                .into_array()
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
    if micros > ADMITTED_MICROS_MAX {
        return None;
    }
    let winners = body.chunks_exact(WINNER_BYTES).map(winner);
    let winners = winners.collect::<Option<_>>()?;
    Some(Content::Winners {
        admitted_at: DateTime::from_timestamp_micros(micros)?,
        winners,
    })
}

/// The winner in these bytes.
pub(super) fn winner(pair: &[u8]) -> Option<Purchase> {
    let (buyer, order) = pair.split_at_checked(WINNER_BYTES / 2)?;
    Some(Purchase {
        buyer: BuyerId::from_bytes(buyer.try_into().ok()?),
        order: OrderId::from_bytes(order.try_into().ok()?),
    })
}
