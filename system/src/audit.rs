//! The audit in the form that users run: `mincommerce-reconciler audit --json`, as a process.

use std::{path::Path, process::Stdio, time::Duration};

use process::exit::Exit;
use sale::model::SaleId;
use serde::Deserialize;
use tokio::{process::Command, time::timeout};

use crate::deployment::Deployment;

/// How long an audit may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The exit status of an audit that found a difference.
const DIFFERS: i32 = Exit::Failed as i32;

/// The audit's result for one sale.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The sale.
    pub sale_id: SaleId,
    /// Whether gate, journal and ledger agree.
    pub agrees: bool,
    /// The verdict's word.
    pub verdict: String,
    /// Units of the sale.
    pub units: u64,
    /// Buyers posted.
    pub posted: u64,
    /// Confirmed orders.
    pub confirmed: u64,
    /// Rejections.
    pub rejected: u64,
    /// Units without a posted order.
    pub available: u64,
    /// Entries in the journal.
    pub journal: u64,
    /// The differences, in the audit's words.
    pub differences: Vec<serde_json::Value>,
}

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The program cannot be run.
    #[error("cannot run the audit: {0}")]
    Run(#[source] std::io::Error),
    /// The program did not end in time.
    #[error("the audit did not end within {DEADLINE:?}")]
    TooLong,
    /// The program failed.
    #[error("the audit failed ({status}): {errors}")]
    Failed {
        /// Its exit status.
        status: String,
        /// Its output on standard error.
        errors: String,
    },
    /// It printed something other than rows.
    #[error("the audit printed something unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Its exit status and its rows contradict each other.
    #[error("the audit ended with {status}, and its rows are {rows:?}")]
    Contradiction {
        /// Its exit status.
        status: i32,
        /// Its rows.
        rows: Vec<Row>,
    },
}

/// Audits these sales; if the list is empty, all sales that are not settled.
///
/// # Errors
/// The audit failed. Differences are not errors, but stand in the rows.
pub async fn audit(
    reconciler: &Path,
    deployment: &Deployment,
    sales: &[SaleId],
) -> Result<Vec<Row>, AuditError> {
    let mut command = Command::new(reconciler);
    command
        .args(["audit", "--json"])
        .args(sales.iter().map(SaleId::to_string))
        .env_clear()
        .envs(deployment.environment())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(DEADLINE, command.output())
        .await
        .map_err(|_| AuditError::TooLong)?
        .map_err(AuditError::Run)?;
    let status = output.status.code();
    if !matches!(status, Some(0 | DIFFERS)) {
        let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(AuditError::Failed {
            status: output.status.to_string(),
            errors,
        });
    }
    let rows: Vec<Row> = serde_json::from_slice(&output.stdout)?;
    match status {
        Some(DIFFERS) if rows.iter().all(|row| row.agrees) => Err(AuditError::Contradiction {
            status: DIFFERS,
            rows,
        }),
        _ => Ok(rows),
    }
}
