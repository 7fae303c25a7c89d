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
    ledger::Ledger,
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

/// Repairs a sale, and logs it. Emptying the journal for a rebuild may take `drain_timeout`.
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
    let repaired = match plan {
        Plan::Nothing => return Ok(Repaired::Nothing),
        Plan::LeaveToPerson => return Ok(Repaired::LeftToPerson),
        Plan::Sync => {
            gate.sync(&known).await?;
            Repaired::Synced
        }
        Plan::PostMissing => {
            install::post_marks(gate, ledger, &known).await?;
            Repaired::Posted
        }
        Plan::Rebuild => {
            let request = Request {
                even_if_sound: true,
                ..Request::default()
            };
            match install::install_as(gate, ledger, sale, request, drain_timeout).await {
                Ok(_) => Repaired::Rebuilt,
                Err(InstallError::Busy) => return Ok(Repaired::LeftToInstall),
                Err(error) => return Err(error),
            }
        }
    };
    let details = json!({ "repair": repaired.word() });
    ledger.log_repair(sale, &details).await?;
    Ok(repaired)
}
