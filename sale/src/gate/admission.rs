//! Asks the gate to decide a batch of purchases: the wire form of `lua/admit.lua`.

use fred::{bytes::Bytes, types::Value};

use super::{Gate, GateError, run_on};
use crate::{
    ledger::{Sale, Standing},
    model::{Epoch, OrderId, Purchase, SaleId, Verdict, Version},
};

/// The most purchases that one call decides, as in `lua/admit.lua`.
pub const BATCH_MAX: usize = 512;

/// Bytes of a buyer's id, and of an order's.
const ID_BYTES: usize = 16;

/// The letters of a purchase that this very call admitted, and of one that an earlier call admitted.
const WON: u8 = b'A';
const WON_BEFORE: u8 = b'R';

/// The progress of a gate. A gate with less than its known progress was rolled back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GateProgress {
    /// Its epoch.
    pub epoch: Epoch,
    /// Buyers that hold a unit in it.
    pub taken: u64,
}

impl From<&Standing> for GateProgress {
    /// The least progress of a sale's gate, by the ledger.
    fn from(standing: &Standing) -> Self {
        Self {
            epoch: standing.base,
            taken: standing.posted,
        }
    }
}

/// What a caller knows of a gate. A gate that contradicts it is not the gate that it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// The highest known progress of the gate or its ledger. A gate that is behind it was rolled back.
    pub progress: GateProgress,
    /// The ledger's version of the terms. A gate with older terms must be synced, and decides nothing until then.
    pub version: Version,
    /// Purchases that were admitted in this epoch. A gate that has come as far without them was rolled back, and has
    /// sold again.
    pub admitted: Admitted,
}

/// The last purchases that a gate is known to have admitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The last one that is posted.
    pub posted: Option<Purchase>,
    /// The last one that an answer named to this caller.
    pub told: Option<Purchase>,
}

impl Known {
    /// Learns the ledger's standing of a sale.
    pub fn learn(&mut self, standing: &Standing) {
        self.reach(standing.into());
        self.version = standing.version;
        if standing.base == self.progress.epoch {
            self.admitted.posted = standing.latest;
        }
    }

    /// Forgets installs that the ledger does not know. The ledger numbers them, so it was rolled back, and its
    /// present data counts. Returns whether there was anything to forget.
    pub fn forget_beyond(&mut self, sale: &Sale) -> bool {
        let is_beyond = self.progress.epoch > sale.epoch;
        if is_beyond {
            *self = Self::from(GateProgress {
                epoch: sale.base,
                taken: sale.posted.into(),
            });
        }
        is_beyond
    }

    /// Learns from a decision of the gate.
    pub fn see(&mut self, decision: &Decision) {
        self.reach(decision.progress);
        if decision.progress.epoch == self.progress.epoch {
            let before = self.admitted.told.or(decision.again);
            self.admitted.told = decision.won.or(before);
        }
    }

    /// Learns the progress of the gate.
    pub fn reach(&mut self, progress: GateProgress) {
        if progress.epoch > self.progress.epoch {
            self.admitted = Admitted::default();
        }
        self.progress = self.progress.max(progress);
    }
}

impl From<GateProgress> for Known {
    fn from(progress: GateProgress) -> Self {
        Self {
            progress,
            ..Self::default()
        }
    }
}

/// The result of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The progress of the gate after the batch.
    pub progress: GateProgress,
    /// One for each purchase, in order.
    pub verdicts: Vec<Verdict>,
    /// The last purchase that this very call admitted.
    pub won: Option<Purchase>,
    /// The last one that an earlier call had admitted.
    pub again: Option<Purchase>,
}

impl Gate {
    /// Decides 1 to [`BATCH_MAX`] purchases of a sale, in order, in one step. The call is idempotent: a purchase that
    /// was admitted is admitted again.
    ///
    /// A gate that contradicts `known` closes, or waits for its terms, and answers cold.
    ///
    /// # Errors
    /// [`GateError::OutcomeUnknown`] if the gate may have decided the batch, and [`GateError::Unacknowledged`] if it
    /// did, and the admissions are less safe than required.
    pub async fn admit(
        &self,
        sale: SaleId,
        known: &Known,
        purchases: &[Purchase],
    ) -> Result<Decision, GateError> {
        let random_bits = rand::random::<u32>() >> 12;
        self.admit_with(sale, known, random_bits, purchases).await
    }

    /// [`Gate::admit`] with the random part of the journal entry's id given: 20 bits.
    ///
    /// # Errors
    /// As [`Gate::admit`].
    pub async fn admit_with(
        &self,
        sale: SaleId,
        known: &Known,
        random_bits: u32,
        purchases: &[Purchase],
    ) -> Result<Decision, GateError> {
        let keys = vec![
            self.keys.terms(sale),
            self.keys.buyers(sale),
            self.keys.journal(sale),
        ];
        let admitted = [known.admitted.posted, known.admitted.told];
        let args = vec![
            known.progress.epoch.to_string().into(),
            known.progress.taken.to_string().into(),
            known.version.0.to_string().into(),
            packed(admitted.into_iter().flatten()),
            random_bits.to_string().into(),
            packed(purchases.iter().copied()),
        ];
        let client = self.client();
        let answer = run_on(client, &self.scripts.admit, keys, args).await?;
        let (epoch, taken, letters, orders): (u64, u64, Bytes, Bytes) = answer.convert()?;
        if letters.len() != purchases.len() {
            return Err(GateError::Malformed(format!(
                "{} verdicts for {} purchases",
                letters.len(),
                purchases.len()
            )));
        }
        let duplicates = letters.iter().filter(|letter| **letter == b'D').count();
        if orders.len() != duplicates * ID_BYTES {
            return Err(GateError::Malformed(format!(
                "{} bytes of orders for {duplicates} duplicates",
                orders.len()
            )));
        }
        let last = |wanted| letters.iter().rposition(|letter| *letter == wanted);
        let (won, again) = (last(WON), last(WON_BEFORE));
        let mut orders = orders.chunks_exact(ID_BYTES);
        let verdicts = letters
            .iter()
            .map(|letter| verdict(*letter, &mut orders))
            .collect::<Result<Vec<_>, _>>()?;
        self.make_durable(client, sale, &verdicts).await?;
        Ok(Decision {
            progress: GateProgress {
                epoch: Epoch(epoch),
                taken,
            },
            verdicts,
            won: won.map(|place| purchases[place]),
            again: again.map(|place| purchases[place]),
        })
    }
}

/// Buyer and order of each purchase, 16 raw bytes each.
fn packed(purchases: impl Iterator<Item = Purchase>) -> Value {
    let mut packed = Vec::with_capacity(purchases.size_hint().0 * 2 * ID_BYTES);
    for purchase in purchases {
        packed.extend_from_slice(&purchase.buyer.to_bytes());
        packed.extend_from_slice(&purchase.order.to_bytes());
    }
    Value::Bytes(packed.into())
}

fn verdict<'a>(
    letter: u8,
    orders: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<Verdict, GateError> {
    match letter {
        WON | WON_BEFORE => Ok(Verdict::Admitted),
        b'D' => orders
            .next()
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| Verdict::Duplicate {
                order: OrderId::from_bytes(bytes),
            })
            .ok_or_else(|| GateError::Malformed("a duplicate without its order".to_owned())),
        b'S' => Ok(Verdict::SoldOut),
        b'N' => Ok(Verdict::NotStarted),
        b'E' => Ok(Verdict::Ended),
        b'P' => Ok(Verdict::Paused),
        b'C' => Ok(Verdict::Cold),
        other => Err(GateError::Malformed(format!(
            "a verdict {:?}",
            char::from(other)
        ))),
    }
}
