//! Looking at a gate without changing it: one consistent snapshot, one buyer, or all of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use fred::{
    bytes::Bytes,
    interfaces::{ClientLike, HashesInterface},
    types::{CustomCommand, Value},
};

use super::{Gate, GateError};
use crate::{
    journal::Backlog,
    keys::GROUP,
    model::{BuyerId, Epoch, OrderId, Phase, SaleId, SaleState, Version},
};

/// Buyers asked for in one step of a walk; Redis takes it as a hint.
const WALK_STEP: u32 = 1_000;

/// A gate at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The install that this gate came from.
    pub epoch: Epoch,
    /// The ledger's version that its terms and limit are of.
    pub version: Version,
    /// State, start and end: the terms it decides by.
    pub state: SaleState,
    /// The first instant at which it sells.
    pub start: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    pub end: DateTime<Utc>,
    /// Units of the sale.
    pub units: u64,
    /// How many buyers it may admit in all.
    pub limit: u64,
    /// How many it has admitted.
    pub taken: u64,
    /// Winners that were posted and left the journal, since the install.
    pub forgotten: u64,
    /// What is on its way to the ledger.
    pub backlog: Backlog,
    /// It must be rebuilt.
    pub lost: bool,
    /// It was installed, and the ledger has not confirmed it yet.
    pub closed: bool,
    /// Its clock: Redis's, never going back.
    pub now: DateTime<Utc>,
}

impl Snapshot {
    /// Units that it can still sell.
    pub const fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.taken)
    }

    /// Whether it decides: neither lost nor closed.
    pub const fn is_open(&self) -> bool {
        !self.lost && !self.closed
    }

    /// Where the sale is in its life, by the gate's own clock.
    pub fn phase(&self) -> Phase {
        Phase::at(self.now, self.start, self.end, self.state)
    }
}

/// What a Redis holds of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// A gate.
    Gate(Box<Snapshot>),
    /// No terms, so no gate; what is left of one, if anything.
    Missing {
        /// Marks of buyers.
        taken: u64,
        /// What is on its way to the ledger.
        backlog: Backlog,
        /// The clock of Redis.
        now: DateTime<Utc>,
    },
}

impl Sight {
    /// What is on its way to the ledger.
    pub const fn backlog(&self) -> Backlog {
        match self {
            Self::Gate(snapshot) => snapshot.backlog,
            Self::Missing { backlog, .. } => *backlog,
        }
    }
}

impl Gate {
    /// The gate of a sale at one instant; `None` where there is none.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub async fn snapshot(&self, sale: SaleId) -> Result<Option<Snapshot>, GateError> {
        Ok(match self.look(sale).await? {
            Sight::Gate(snapshot) => Some(*snapshot),
            Sight::Missing { .. } => None,
        })
    }

    /// [`Gate::snapshot`], which also tells what is left where the terms are missing.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub async fn look(&self, sale: SaleId) -> Result<Sight, GateError> {
        let keys = vec![
            self.keys.terms(sale),
            self.keys.buyers(sale),
            self.keys.journal(sale),
        ];
        let answer = self
            .run(&self.scripts.snapshot, keys, vec![GROUP.into()])
            .await?;
        let (terms, taken, entries, pending, oldest, time): (
            HashMap<String, String>,
            u64,
            u64,
            u64,
            String,
            u64,
        ) = answer.convert()?;
        let now = instant(time)?;
        let backlog = Backlog {
            entries,
            pending,
            oldest: oldest.parse().ok(),
        };
        if !terms.contains_key("epoch") {
            return Ok(Sight::Missing {
                taken,
                backlog,
                now,
            });
        }
        let number = |field: &str| number(&terms, field);
        let clock = instant(number("clock")?)?;
        Ok(Sight::Gate(Box::new(Snapshot {
            epoch: Epoch(number("epoch")?),
            version: Version(number("version")?),
            state: terms
                .get("state")
                .and_then(|state| state.parse().ok())
                .ok_or_else(|| GateError::Malformed("terms without a state".to_owned()))?,
            start: instant(number("start")?)?,
            end: instant(number("end")?)?,
            units: number("units")?,
            limit: number("limit")?,
            taken,
            forgotten: number("forgotten")?,
            backlog,
            lost: number("lost")? == 1,
            closed: number("closed")? == 1,
            now: now.max(clock),
        })))
    }

    /// The order that a buyer holds in a sale, by the gate.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub async fn order_of(
        &self,
        sale: SaleId,
        buyer: BuyerId,
    ) -> Result<Option<OrderId>, GateError> {
        let field = Bytes::copy_from_slice(&buyer.to_bytes());
        let order: Option<Bytes> = self.client().hget(self.keys.buyers(sale), field).await?;
        order
            .map(|bytes| id(&bytes).map(OrderId::from_bytes))
            .transpose()
    }

    /// All buyers of a sale and the orders that they hold, by the gate. Reads in steps: a buyer
    /// admitted meanwhile may be absent.
    ///
    /// # Errors
    /// Where Redis does not answer, or a mark is not 16 and 16 bytes.
    pub async fn buyers(&self, sale: SaleId) -> Result<HashMap<BuyerId, OrderId>, GateError> {
        let mut buyers = HashMap::new();
        let mut cursor = "0".to_owned();
        loop {
            let (next, marks) = self.buyers_from(sale, &cursor).await?;
            buyers.extend(marks);
            if next == "0" {
                return Ok(buyers);
            }
            cursor = next;
        }
    }

    /// One step of a walk over the buyers: from cursor `"0"` until the cursor is `"0"` again. A
    /// buyer may come twice.
    ///
    /// # Errors
    /// Where Redis does not answer, or a mark is not 16 and 16 bytes.
    pub async fn buyers_from(
        &self,
        sale: SaleId,
        cursor: &str,
    ) -> Result<(String, Vec<(BuyerId, OrderId)>), GateError> {
        let hscan = CustomCommand::new_static("HSCAN", None, false);
        let args: Vec<Value> = vec![
            self.keys.buyers(sale).into(),
            cursor.into(),
            "COUNT".into(),
            WALK_STEP.into(),
        ];
        let (next, flat): (String, Vec<Bytes>) = self.client().custom(hscan, args).await?;
        let marks = flat
            .chunks_exact(2)
            .map(|mark| {
                Ok((
                    BuyerId::from_bytes(id(&mark[0])?),
                    OrderId::from_bytes(id(&mark[1])?),
                ))
            })
            .collect::<Result<_, GateError>>()?;
        Ok((next, marks))
    }
}

fn id(bytes: &Bytes) -> Result<[u8; 16], GateError> {
    bytes[..]
        .try_into()
        .map_err(|_| GateError::Malformed(format!("an id of {} bytes", bytes.len())))
}

/// A number in the terms; a field that is not there is 0.
fn number(terms: &HashMap<String, String>, field: &str) -> Result<u64, GateError> {
    terms.get(field).map_or(Ok(0), |text| {
        text.parse()
            .map_err(|_| GateError::Malformed(format!("terms with {field} {text:?}")))
    })
}

/// Microseconds since 1970 as a time.
fn instant(micros: u64) -> Result<DateTime<Utc>, GateError> {
    i64::try_from(micros)
        .ok()
        .and_then(DateTime::from_timestamp_micros)
        .ok_or_else(|| GateError::Malformed(format!("a time of {micros} microseconds")))
}
