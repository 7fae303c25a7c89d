//! Repair: makes only changes that are provably safe, because the reconciler makes the same ones by itself. It
//! decides no purchase again: it posts each admitted one, and loads gates from the ledger.
//!
//! A sale with one difference that needs a person is left alone as a whole: other differences, repairable by
//! themselves, may be its consequence.

use sale::{
    audit::{Difference, Remedy},
    gate::Gate,
    install::{self, InstallError, Request},
    ledger::{By, Ledger},
};

use super::{audit, report::Row};
use crate::draining::{self, DRAIN_TIMEOUT};

/// Repairs the differences of a sale, and audits it again. The row says what was done. Fails if Redis or Postgres
/// does not answer.
pub async fn repair(gate: &Gate, ledger: &Ledger, row: &Row) -> anyhow::Result<Row> {
    let found: Vec<&Difference> = row
        .differences
        .iter()
        .map(|found| &found.difference)
        .collect();
    if found.is_empty() || found.iter().any(|found| found.remedy() == Remedy::Person) {
        return Ok(row.clone());
    }
    let ledger = ledger.on_behalf(By::person(None));
    let done = mend(gate, &ledger, row, &found).await;
    Ok(Row {
        repair: Some(match done {
            Ok(what) => what.to_owned(),
            Err(error) => format!("failed: {:#}", anyhow::Error::new(error)),
        }),
        ..audit(gate, &ledger, row.sale_id).await?
    })
}

async fn mend(
    gate: &Gate,
    ledger: &Ledger,
    row: &Row,
    found: &[&Difference],
) -> Result<&'static str, InstallError> {
    let sale = ledger.sale(row.sale_id).await?;
    let sale = sale.ok_or(InstallError::UnknownSale)?;
    if let [Difference::SyncPending { .. }] = found {
        gate.sync(&sale).await?;
        return Ok("synced");
    }
    if let [Difference::Missing { .. }] = found {
        install::post_marks(gate, ledger, &sale).await?;
        return Ok("posted who was missing");
    }
    let request = Request {
        even_if_sound: true,
        ..Request::default()
    };
    let install = install::install_as(gate, ledger, sale.id, request, DRAIN_TIMEOUT);
    match draining::while_posting(gate, ledger, sale.id, install).await {
        Ok(_) => Ok("rebuilt"),
        // The other process performs the same install.
        Err(InstallError::Busy) => Ok("left to an install that is under way"),
        Err(error) => Err(error),
    }
}
