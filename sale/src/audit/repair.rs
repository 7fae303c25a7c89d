//! Repair: makes only changes that are provably safe, because the reconciler makes the same ones by itself. It
//! decides no purchase again: it posts each admitted one, and loads gates from the ledger.
//!
//! A sale with one difference that needs a person is left alone as a whole: other differences, repairable by
//! themselves, may be its consequence.

use std::time::Duration;

use serde_json::json;

use super::{Difference, Remedy, Row};
use crate::{
    gate::Gate,
    install::{self, InstallError, Request},
    ledger::{Ledger, LedgerError},
    model::SaleId,
};

/// What would repair a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing differs.
    Nothing,
    /// A person has to look first.
    LeaveToPerson,
    /// Bring the ledger's terms to the gate.
    Sync,
    /// Post the buyers who are missing from their marks in the gate.
    PostMissing,
    /// Load the gate from the ledger. Its journal must be emptied first: a poster must run.
    Rebuild,
}

impl Plan {
    /// For a sale that was audited.
    pub fn of(row: &Row) -> Self {
        let differences = row.differences.iter().map(|found| &found.difference);
        let differences: Vec<_> = differences.collect();
        let for_person = |found: &&Difference| found.remedy() == Remedy::Person;
        match differences[..] {
            [] => Self::Nothing,
            _ if differences.iter().any(for_person) => Self::LeaveToPerson,
            [Difference::SyncPending { .. }] => Self::Sync,
            [Difference::Missing { .. }] => Self::PostMissing,
            _ => Self::Rebuild,
        }
    }

    /// Whether it changes anything.
    pub const fn changes(self) -> bool {
        match self {
            Self::Nothing | Self::LeaveToPerson => false,
            Self::Sync | Self::PostMissing | Self::Rebuild => true,
        }
    }
}

/// What a repair did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing differed.
    Nothing,
    /// A person has to look first: nothing was done.
    LeftToPerson,
    /// The gate has the ledger's terms.
    Synced,
    /// The buyers who were missing are posted.
    Posted,
    /// The gate was loaded from the ledger.
    Rebuilt,
    /// Another process is performing the same install.
    LeftToInstall,
}

impl Repaired {
    /// The word for it in JSON and in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::LeftToPerson => "left_to_person",
            Self::Synced => "synced",
            Self::Posted => "posted",
            Self::Rebuilt => "rebuilt",
            Self::LeftToInstall => "left_to_install",
        }
    }

    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to repair",
            Self::LeftToPerson => "left to a person",
            Self::Synced => "synced",
            Self::Posted => "posted the missing buyers",
            Self::Rebuilt => "rebuilt",
            Self::LeftToInstall => "left to an install that is under way",
        }
    }
}

/// Repairs a sale. Emptying the journal for a rebuild may take `drain_timeout`.
///
/// The log gets its row before the repair begins. A row may stand for a repair that failed, but there is no repair
/// without a row.
///
/// # Errors
/// As [`install::install`].
pub async fn carry_out(
    plan: Plan,
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    drain_timeout: Duration,
) -> Result<Repaired, InstallError> {
    let known = ledger.sale(sale).await?;
    let known = known.ok_or(InstallError::UnknownSale)?;
    match plan {
        Plan::Nothing => Ok(Repaired::Nothing),
        Plan::LeaveToPerson => Ok(Repaired::LeftToPerson),
        Plan::Sync => {
            log(ledger, sale, Repaired::Synced).await?;
            gate.sync(&known).await?;
            Ok(Repaired::Synced)
        }
        Plan::PostMissing => {
            log(ledger, sale, Repaired::Posted).await?;
            install::post_marks(gate, ledger, &known).await?;
            Ok(Repaired::Posted)
        }
        Plan::Rebuild => {
            // An install that another process has begun is not this repair, and has its own row.
            let Some(lock) = ledger.lock_install(sale).await? else {
                return Ok(Repaired::LeftToInstall);
            };
            let rebuilt = rebuild(gate, ledger, sale, drain_timeout).await;
            lock.release().await;
            rebuilt
        }
    }
}

/// Loads the gate from the ledger, under the lock of the sale.
async fn rebuild(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    drain_timeout: Duration,
) -> Result<Repaired, InstallError> {
    log(ledger, sale, Repaired::Rebuilt).await?;
    let request = Request {
        even_if_sound: true,
        ..Request::default()
    };
    install::install_locked(gate, ledger, sale, request, drain_timeout).await?;
    Ok(Repaired::Rebuilt)
}

async fn log(ledger: &Ledger, sale: SaleId, repair: Repaired) -> Result<(), LedgerError> {
    let details = json!({ "repair": repair.word() });
    ledger.log_repair(sale, &details).await
}
