//! The repair of a sale as a command: [`sale::audit::repair`], beside a poster of its own, so that it works also while no
//! reconciler runs.

use sale::{
    audit::{
        Row, audit,
        repair::{Plan, carry_out},
    },
    gate::Gate,
    ledger::{By, Ledger},
};

use crate::draining::{self, DRAIN_TIMEOUT};

/// Repairs the differences of a sale, and audits it again. The row says what was done. Fails if Redis or Postgres
/// does not answer.
pub async fn repair(gate: &Gate, ledger: &Ledger, row: &Row) -> anyhow::Result<Row> {
    let plan = Plan::of(row);
    if !plan.changes() {
        return Ok(row.clone());
    }
    let (ledger, sale) = (ledger.on_behalf(By::person(None)), row.sale_id);
    let repairing = carry_out(plan, gate, &ledger, sale, DRAIN_TIMEOUT);
    let done = if plan == Plan::Rebuild {
        draining::while_posting(gate, &ledger, sale, repairing).await
    } else {
        repairing.await
    };
    Ok(Row {
        repair: Some(match done {
            Ok(what) => what.as_str().to_owned(),
            Err(error) => format!("failed: {:#}", anyhow::Error::new(error)),
        }),
        ..audit(gate, &ledger, sale).await?
    })
}
