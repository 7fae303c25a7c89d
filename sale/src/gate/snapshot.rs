//! Reads a gate without changing it: one consistent snapshot, one buyer, or all of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use fred::{
    bytes::Bytes,
    interfaces::{ClientLike, HashesInterface},
    types::{CustomCommand, Value},
};

use super::{Gate, GateError, admission::GateProgress};
use crate::{
    journal::Backlog,
    keys::GROUP,
    ledger::Sale,
    model::{BuyerId, Epoch, GATE_NUMBER_MAX, OrderId, Phase, SaleId, SaleState, Version},
};

/// Buyers asked for in one step of a walk; Redis takes it as a hint.
const WALK_STEP: u32 = 1_000;

/// A gate at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The install that this gate came from.
    pub epoch: Epoch,
    /// The ledger's version of its terms and limit.
    pub version: Version,
    /// State, start and end: the terms by which it decides.
    pub state: SaleState,
    /// The first instant at which it sells.
    pub start: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    pub end: DateTime<Utc>,
    /// Units of the sale.
    pub units: u64,
    /// How many buyers it may admit in all.
    pub limit: u64,
    /// How many buyers it has admitted.
    pub taken: u64,
    /// Winners that were posted and left the journal, since the install.
    pub forgotten: u64,
    /// The entries on their way to the ledger.
    pub backlog: Backlog,
    /// It must be rebuilt.
    pub lost: bool,
    /// It was installed, and the ledger has not confirmed it yet.
    pub closed: bool,
    /// The highest progress any caller reported after finding a gate of this sale behind it.
    pub witness: GateProgress,
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

    /// The names of the terms in which gate and ledger differ. At equal versions there are none.
    pub fn terms_unlike(&self, sale: &Sale) -> Vec<&'static str> {
        let (start, end) = sale.gate_window();
        [
            ("limit", self.limit == sale.limit()),
            ("units", self.units == u64::from(sale.units)),
            ("state", self.state.as_str() == sale.state.gate_word()),
            ("start", self.start == start),
            ("end", self.end == end),
        ]
        .into_iter()
        .filter(|(_, equal)| !equal)
        .map(|(name, _)| name)
        .collect()
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
    /// No terms, so no gate; the remains of one, if any.
    Missing(Remains),
    /// Terms that cannot be read, or a key of another type: no gate that decides.
    Malformed {
        /// What cannot be read.
        why: String,
        /// The rest.
        remains: Remains,
    },
}

/// What a Redis holds of a sale, apart from its terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remains {
    /// Marks of buyers.
    pub taken: u64,
    /// The entries on their way to the ledger.
    pub backlog: Backlog,
    /// The clock of Redis.
    pub now: DateTime<Utc>,
    /// As in [`Snapshot`].
    pub witness: GateProgress,
}

impl Sight {
    /// The entries on their way to the ledger.
    pub const fn backlog(&self) -> Backlog {
        match self {
            Self::Gate(snapshot) => snapshot.backlog,
            Self::Missing(remains) | Self::Malformed { remains, .. } => remains.backlog,
        }
    }

    /// The clock of Redis.
    pub const fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Gate(snapshot) => snapshot.now,
            Self::Missing(remains) | Self::Malformed { remains, .. } => remains.now,
        }
    }

    /// The highest progress any caller reported after finding a gate of this sale behind it.
    pub const fn witness(&self) -> GateProgress {
        match self {
            Self::Gate(snapshot) => snapshot.witness,
            Self::Missing(remains) | Self::Malformed { remains, .. } => remains.witness,
        }
    }
}

/// Buyers and the orders that they hold: one step of a walk.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Where the walk continues; `"0"` at its end.
    pub next: String,
    /// The marks.
    pub marks: Vec<(BuyerId, OrderId)>,
    /// Fields that are not marks: not 16 bytes each.
    pub malformed: u64,
}

impl Gate {
    /// The gate of a sale at one instant; `None` if there is none.
    ///
    /// # Errors
    /// If Redis does not answer, or holds something that cannot be read as a gate.
    pub async fn snapshot(&self, sale: SaleId) -> Result<Option<Snapshot>, GateError> {
        match self.look(sale).await? {
            Sight::Gate(snapshot) => Ok(Some(*snapshot)),
            Sight::Missing(_) => Ok(None),
            Sight::Malformed { why, .. } => Err(GateError::Malformed(why)),
        }
    }

    /// [`Gate::snapshot`], which also returns the remains if the terms are missing or cannot be read.
    pub async fn look(&self, sale: SaleId) -> Result<Sight, GateError> {
        let keys = vec![
            self.keys.terms(sale),
            self.keys.buyers(sale),
            self.keys.journal(sale),
        ];
        let answer = self
            .run(&self.scripts.snapshot, keys, vec![GROUP.into()])
            .await?;
        let (terms, taken, entries, pending, oldest, time, foreign): (
            Vec<Bytes>,
            u64,
            u64,
            u64,
            String,
            u64,
            String,
        ) = answer.convert()?;
        let terms = Terms::of(&terms);
        let remains = Remains {
            taken,
            backlog: Backlog {
                entries,
                pending,
                oldest: oldest.parse().ok(),
            },
            now: instant(time)?,
            witness: terms.witness().unwrap_or_default(),
        };
        if !foreign.is_empty() {
            let why = format!("keys of another type: {foreign}");
            return Ok(Sight::Malformed { why, remains });
        }
        if !terms.0.contains_key("epoch") {
            return Ok(Sight::Missing(remains));
        }
        Ok(match terms.snapshot(remains) {
            Ok(snapshot) => Sight::Gate(Box::new(snapshot)),
            Err(why) => Sight::Malformed { why, remains },
        })
    }

    /// The order that a buyer holds in a sale, by the gate.
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

    /// [`Gate::order_of`] for several buyers, in their order. A mark that cannot be read is an error for its buyer alone.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn orders_of(
        &self,
        sale: SaleId,
        buyers: &[BuyerId],
    ) -> Result<Vec<Result<Option<OrderId>, GateError>>, GateError> {
        let fields: Vec<Bytes> = buyers
            .iter()
            .map(|buyer| Bytes::copy_from_slice(&buyer.to_bytes()))
            .collect();
        let orders: Vec<Option<Bytes>> =
            self.client().hmget(self.keys.buyers(sale), fields).await?;
        if orders.len() != buyers.len() {
            let what = format!("{} marks for {} buyers", orders.len(), buyers.len());
            return Err(GateError::Malformed(what));
        }
        let orders = orders.into_iter().map(|order| {
            order
                .map(|bytes| id(&bytes).map(OrderId::from_bytes))
                .transpose()
        });
        Ok(orders.collect())
    }

    /// All buyers of a sale and the orders that they hold, by the gate. Reads in steps: a buyer who is admitted while
    /// it reads may be absent.
    ///
    /// # Errors
    /// If Redis does not answer, or a mark is not 16 and 16 bytes.
    pub async fn buyers(&self, sale: SaleId) -> Result<HashMap<BuyerId, OrderId>, GateError> {
        let (buyers, malformed) = self.marks(sale).await?;
        if malformed > 0 {
            let what = format!("{malformed} marks of buyers");
            return Err(GateError::Malformed(what));
        }
        Ok(buyers)
    }

    /// [`Gate::buyers`], and the number of fields that are not marks.
    pub async fn marks(&self, sale: SaleId) -> Result<(HashMap<BuyerId, OrderId>, u64), GateError> {
        let mut buyers = HashMap::new();
        let mut malformed = 0;
        let mut cursor = "0".to_owned();
        loop {
            let step = self.buyers_from(sale, &cursor).await?;
            buyers.extend(step.marks);
            malformed += step.malformed;
            if step.next == "0" {
                return Ok((buyers, malformed));
            }
            cursor = step.next;
        }
    }

    /// One step of a walk over the buyers: from cursor `"0"` until the cursor is `"0"` again. A
    /// buyer may come twice.
    pub async fn buyers_from(&self, sale: SaleId, cursor: &str) -> Result<Step, GateError> {
        let hscan = CustomCommand::new_static("HSCAN", None, false);
        let args: Vec<Value> = vec![
            self.keys.buyers(sale).into(),
            cursor.into(),
            "COUNT".into(),
            WALK_STEP.into(),
        ];
        let (next, flat): (String, Vec<Bytes>) = self.client().custom(hscan, args).await?;
        let mut step = Step {
            next,
            ..Step::default()
        };
        for mark in flat.chunks_exact(2) {
            match (id(&mark[0]), id(&mark[1])) {
                (Ok(buyer), Ok(order)) => {
                    let mark = (BuyerId::from_bytes(buyer), OrderId::from_bytes(order));
                    step.marks.push(mark);
                }
                (Err(_), _) | (_, Err(_)) => step.malformed += 1,
            }
        }
        Ok(step)
    }
}

fn id(bytes: &Bytes) -> Result<[u8; 16], GateError> {
    bytes[..]
        .try_into()
        .map_err(|_| GateError::Malformed(format!("an id of {} bytes", bytes.len())))
}

/// The terms as Redis holds them.
struct Terms(HashMap<String, Bytes>);

impl Terms {
    /// From fields and values in turn.
    fn of(flat: &[Bytes]) -> Self {
        let fields = flat.chunks_exact(2);
        Self(
            fields
                .map(|field| {
                    let name = String::from_utf8_lossy(&field[0]).into_owned();
                    (name, field[1].clone())
                })
                .collect(),
        )
    }

    fn snapshot(&self, remains: Remains) -> Result<Snapshot, String> {
        let clock = self.number("clock")?;
        let clock = instant(clock).map_err(|_| "terms with a clock that is no time".to_owned())?;
        let state = self.0.get("state").map(|word| &word[..]);
        let state = state
            .and_then(|word| str::from_utf8(word).ok()?.parse().ok())
            .ok_or_else(|| "terms without a state".to_owned())?;
        Ok(Snapshot {
            epoch: Epoch(self.number("epoch")?),
            version: Version(self.required("version")?),
            state,
            start: self.instant("start")?,
            end: self.instant("end")?,
            units: self.required("units")?,
            limit: self.required("limit")?,
            taken: remains.taken,
            forgotten: self.number("forgotten")?,
            backlog: remains.backlog,
            lost: self.number("lost")? == 1,
            closed: self.number("closed")? == 1,
            witness: self.witness()?,
            now: remains.now.max(clock),
        })
    }

    fn witness(&self) -> Result<GateProgress, String> {
        Ok(GateProgress {
            epoch: Epoch(self.number("witness_epoch")?),
            taken: self.number("witness_taken")?,
        })
    }

    /// A number by the rule of `lua/number.lua`; a missing field is 0.
    fn number(&self, field: &str) -> Result<u64, String> {
        self.0.get(field).map_or(Ok(0), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            text.parse()
                .ok()
                // Written as gates write it: `parse` also reads `+7` and `007`.
                .filter(|number: &u64| *number <= GATE_NUMBER_MAX && number.to_string() == text)
                .ok_or_else(|| format!("terms with {field} {text:?}"))
        })
    }

    /// A number that every decision needs.
    fn required(&self, field: &str) -> Result<u64, String> {
        if !self.0.contains_key(field) {
            return Err(format!("terms without {field}"));
        }
        self.number(field)
    }

    fn instant(&self, field: &str) -> Result<DateTime<Utc>, String> {
        instant(self.required(field)?).map_err(|_| format!("terms with a {field} that is no time"))
    }
}

/// Microseconds since 1970 as a time.
fn instant(micros: u64) -> Result<DateTime<Utc>, GateError> {
    i64::try_from(micros)
        .ok()
        .and_then(DateTime::from_timestamp_micros)
        .ok_or_else(|| GateError::Malformed(format!("a time of {micros} microseconds")))
}
