//! Rest: a sale has nothing left to do, so that ledger and gate can be read as one picture.
//!
//! A sale is at rest when its gate is open at the ledger's epoch and version, its journal is empty, and it has taken
//! exactly what the ledger has posted. A settled sale is at rest when its journal is empty. Rest is checked twice,
//! before and after the rows are read, and must be the same.

use std::time::Duration;

use sale::{
    gate::{Gate, snapshot::Sight},
    ledger::{Ledger, Sale},
    model::{SaleId, SaleState},
    store::StoreError,
};
use tokio::time::{Instant, sleep};

use crate::history::{GateState, LedgerState};

/// The pause between checks while a sale is not at rest.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// A sale at rest.
#[derive(Debug, Clone)]
pub struct AtRest {
    /// The ledger's state.
    pub ledger: LedgerState,
    /// The gate's state; `None` for a settled sale whose gate is gone.
    pub gate: Option<GateState>,
}

/// Why a sale is not known to be at rest.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// There is no such sale.
    #[error("sale {sale} is not in the ledger")]
    UnknownSale {
        /// The sale.
        sale: SaleId,
    },
    /// The time ran out.
    #[error("sale {sale} is not at rest after {waited:?}: {why}")]
    Restless {
        /// The sale.
        sale: SaleId,
        /// How long the caller waited.
        waited: Duration,
        /// The work that was left at the last check.
        why: String,
    },
}

/// The result of one check.
enum Look {
    Rest(Box<Sale>),
    Work(String),
}

/// Waits until a sale is at rest, and reads it. Also waits for servers that are away.
///
/// # Errors
/// The sale is unknown, or the deadline passed.
pub async fn at_rest(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    deadline: Duration,
) -> Result<AtRest, RestError> {
    let started = Instant::now();
    loop {
        let why = match attempt(gate, ledger, sale).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(why)) => why,
            Err(Trouble::UnknownSale) => return Err(RestError::UnknownSale { sale }),
            Err(Trouble::Store(error)) => error.to_string(),
        };
        let waited = started.elapsed();
        if waited >= deadline {
            return Err(RestError::Restless { sale, waited, why });
        }
        sleep(LOOK_PAUSE).await;
    }
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("unknown sale")]
    UnknownSale,
    #[error(transparent)]
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Reads a sale, or says which work is left.
async fn attempt(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
) -> Result<Result<AtRest, String>, Trouble> {
    let before = match look(gate, ledger, sale).await? {
        Look::Rest(before) => before,
        Look::Work(why) => return Ok(Err(why)),
    };
    let state = LedgerState::read(ledger, sale)
        .await?
        .ok_or(Trouble::UnknownSale)?;
    let found = GateState::read(gate, sale).await?;
    let after = match look(gate, ledger, sale).await? {
        Look::Rest(after) => after,
        Look::Work(why) => return Ok(Err(why)),
    };
    if (before.version, before.posted, before.updated_at)
        != (after.version, after.posted, after.updated_at)
    {
        return Ok(Err("it changed while it was read".to_owned()));
    }
    Ok(Ok(AtRest {
        ledger: state,
        gate: found,
    }))
}

/// The ledger first, the gate second: in the other order, normal posting looks like a loss.
async fn look(gate: &Gate, ledger: &Ledger, id: SaleId) -> Result<Look, Trouble> {
    let sale = ledger.sale(id).await?.ok_or(Trouble::UnknownSale)?;
    let sight = gate.look(id).await?;
    let entries = sight.backlog().entries;
    if entries > 0 {
        return Ok(Look::Work(format!("the journal has {entries} entries")));
    }
    if sale.state == SaleState::Settled {
        return Ok(Look::Rest(Box::new(sale)));
    }
    let Sight::Gate(found) = sight else {
        return Ok(Look::Work("it has no gate".to_owned()));
    };
    if !found.is_open() {
        return Ok(Look::Work("its gate is shut".to_owned()));
    }
    if (found.epoch, found.epoch, found.version) != (sale.epoch, sale.base, sale.version) {
        return Ok(Look::Work(format!(
            "its gate is of epoch {} and version {}, the ledger of epoch {}, base {} and version {}",
            found.epoch, found.version.0, sale.epoch, sale.base, sale.version.0
        )));
    }
    if found.taken != u64::from(sale.posted) {
        return Ok(Look::Work(format!(
            "its gate has taken {}, and the ledger has posted {}",
            found.taken, sale.posted
        )));
    }
    Ok(Look::Rest(Box::new(sale)))
}
