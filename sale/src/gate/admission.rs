//! Asking the gate to decide a batch of purchases: the wire form of `lua/admit.lua`.

use fred::{bytes::Bytes, types::Value};

use super::{Gate, GateError, run_on};
use crate::model::{Epoch, OrderId, Purchase, SaleId, Verdict};

/// The most purchases that one call decides, as in `lua/admit.lua`.
pub const BATCH_MAX: usize = 512;

/// How far a gate is known to have come. A gate that has less was rolled back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress {
    /// Its epoch.
    pub epoch: Epoch,
    /// Buyers that hold a unit in it.
    pub taken: u64,
}

/// What one call decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How far the gate is after the batch.
    pub progress: Progress,
    /// One for each purchase, in order.
    pub verdicts: Vec<Verdict>,
}

impl Gate {
    /// Decides 1 to [`BATCH_MAX`] purchases of a sale, in order, in one step. The same call may be
    /// made again: a purchase that was admitted is admitted again.
    ///
    /// `seen` is the furthest that the caller knows this gate or its ledger to have come; a gate
    /// that is behind it closes, and answers cold.
    ///
    /// # Errors
    /// [`GateError::OutcomeUnknown`] where the batch may have been decided, and
    /// [`GateError::Unacknowledged`] where it was, and is not as safe as it must be.
    pub async fn admit(
        &self,
        sale: SaleId,
        seen: Progress,
        purchases: &[Purchase],
    ) -> Result<Decision, GateError> {
        let random_bits = rand::random::<u32>() >> 12;
        self.admit_with(sale, seen, random_bits, purchases).await
    }

    /// [`Gate::admit`] with the random part of the journal entry's id given: 20 bits.
    ///
    /// # Errors
    /// As [`Gate::admit`].
    pub async fn admit_with(
        &self,
        sale: SaleId,
        seen: Progress,
        random_bits: u32,
        purchases: &[Purchase],
    ) -> Result<Decision, GateError> {
        let mut packed = Vec::with_capacity(purchases.len() * 32);
        for purchase in purchases {
            packed.extend_from_slice(&purchase.buyer.to_bytes());
            packed.extend_from_slice(&purchase.order.to_bytes());
        }
        let keys = vec![
            self.keys.terms(sale),
            self.keys.buyers(sale),
            self.keys.journal(sale),
        ];
        let args = vec![
            seen.epoch.to_string().into(),
            seen.taken.to_string().into(),
            random_bits.to_string().into(),
            Value::Bytes(packed.into()),
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
        let mut orders = orders.chunks_exact(16);
        let verdicts = letters
            .iter()
            .map(|letter| verdict(*letter, &mut orders))
            .collect::<Result<Vec<_>, _>>()?;
        self.make_durable(client, sale, &verdicts).await?;
        Ok(Decision {
            progress: Progress {
                epoch: Epoch(epoch),
                taken,
            },
            verdicts,
        })
    }
}

fn verdict<'a>(
    letter: u8,
    orders: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<Verdict, GateError> {
    match letter {
        b'A' => Ok(Verdict::Admitted),
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
