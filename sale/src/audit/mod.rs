//! The audit: checks at any instant, without locks, that gate, journal and ledger of a sale agree.
//!
//! It reads along the flow of a purchase, so that a purchase under way cannot look like a difference: the gate (what
//! it has forgotten), the ledger (what is posted), the gate (what it has taken). To name missing buyers it walks the
//! posted buyers, the gate's buyers, the journal, and the posted buyers again.
//!
//! | module | owns |
//! | --- | --- |
//! | [`compare`] | the judgement of the readings |
//! | [`difference`] | the name of each difference, its explanation, and who has to act |
//! | [`row`] | the result, for people and programs |
//! | [`repair`] | the changes that bring gate and ledger together again |

pub mod compare;
pub mod difference;
pub mod repair;
pub mod row;

use std::collections::HashMap;

pub use self::{
    compare::{AuditVerdict, Evidence, Marks, ledger_counts},
    difference::{Difference, Named, Remedy},
    row::{Found, Row, audit},
};
use crate::{
    gate::{Gate, snapshot::Sight},
    journal::{Content, Journal},
    ledger::{Ledger, LedgerError},
    model::{BuyerId, OrderId, SaleId, SaleState},
    store::StoreError,
};

/// Buyers read from the ledger in one step.
const CHUNK_BUYERS: u32 = 5_000;

/// Why a sale could not be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The ledger knows no such sale.
    #[error("there is no such sale")]
    UnknownSale,
    /// Redis or Postgres did not answer, or refused.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for AuditError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Reads everything that the audit compares about a sale.
pub async fn read(gate: &Gate, ledger: &Ledger, sale: SaleId) -> Result<Evidence, AuditError> {
    let before = gate.look(sale).await?;
    let recount = ledger.recount(sale).await?.ok_or(AuditError::UnknownSale)?;
    let marks = match &before {
        Sight::Gate(before) if !before.lost && recount.sale.state != SaleState::Settled => {
            Some(walk(gate, ledger, sale).await?)
        }
        Sight::Gate(_) | Sight::Missing(_) | Sight::Malformed { .. } => None,
    };
    let after = gate.look(sale).await?;
    let now = ledger.sale(sale).await?.ok_or(AuditError::UnknownSale)?;
    Ok(Evidence {
        before,
        recount,
        marks,
        after,
        version_after: now.version,
    })
}

/// The buyers of a sale at each place of a purchase's path, read against its flow.
async fn walk(gate: &Gate, ledger: &Ledger, sale: SaleId) -> Result<Marks, AuditError> {
    let posted_before = posted(ledger, sale).await?;
    let (gate_buyers, malformed) = gate.marks(sale).await?;
    let journal = Journal::new(gate.clone())
        .entries(sale)
        .await?
        .into_iter()
        .flat_map(|entry| match entry.content {
            Content::Winners { winners, .. } => winners,
            Content::Unreadable { .. } => Vec::new(),
        })
        .map(|winner| (winner.buyer, winner.order))
        .collect();
    let posted_after = posted(ledger, sale).await?;
    Ok(Marks {
        posted_before,
        gate: gate_buyers,
        malformed,
        journal,
        posted_after,
    })
}

async fn posted(ledger: &Ledger, sale: SaleId) -> Result<HashMap<BuyerId, OrderId>, LedgerError> {
    let mut posted = HashMap::new();
    let mut after = None;
    loop {
        let chunk = ledger.posted_buyers(sale, after, CHUNK_BUYERS).await?;
        let Some((last, _)) = chunk.last() else {
            return Ok(posted);
        };
        after = Some(*last);
        posted.extend(chunk);
    }
}
