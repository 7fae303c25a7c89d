//! The audit as a command: [`sale::audit`] judges and repairs, [`report`] prints, [`repair`] posts meanwhile, [`watch`]
//! repeats it and [`metrics`] serves Prometheus.

pub mod metrics;
pub mod repair;
pub mod report;
pub mod watch;

use std::time::Duration;

use anyhow::Context;
use process::{exit::Exit, output::print};
use sale::{
    audit::{AuditError, AuditVerdict, Row, audit},
    gate::Gate,
    ledger::Ledger,
    model::SaleId,
};

use crate::{connect, settings::AuditSettings};

/// The name of an audit in Postgres: it must not count as a running reconciler.
const AUDIT: &str = "mincommerce-audit";

/// The result of an audit of several sales.
struct Audited {
    /// A row for each sale that exists.
    rows: Vec<Row>,
    /// Named sales that do not exist.
    unknown: Vec<SaleId>,
}

/// Audits the named sales, or all that are not settled, and prints a row for each. Fails if Redis or Postgres does
/// not answer at all.
pub async fn run(settings: AuditSettings) -> anyhow::Result<Exit> {
    let (gate, ledger) =
        connect(AUDIT, &settings.redis, &settings.postgres, Duration::ZERO).await?;
    if settings.watch {
        watch::run(&gate, &ledger, &settings).await?;
        return Ok(Exit::Done);
    }
    let Audited { mut rows, unknown } = audit_all(&gate, &ledger, &settings.sales).await?;
    if settings.repair {
        for row in &mut rows {
            *row = repair::repair(&gate, &ledger, row).await?;
        }
    }
    print(&text(&rows, settings.json)?)?;
    report_unknown(&unknown);
    let differs = rows.iter().any(|row| row.verdict == AuditVerdict::Differs);
    Ok(if !unknown.is_empty() {
        Exit::Unchecked
    } else {
        Exit::when(!differs)
    })
}

/// Audits these sales, or all that are not settled. An unknown one does not hide the others.
async fn audit_all(gate: &Gate, ledger: &Ledger, sales: &[SaleId]) -> anyhow::Result<Audited> {
    let mut named = sales.to_vec();
    if named.is_empty() {
        let live = ledger.live_sales(Duration::ZERO).await?;
        named.extend(live.iter().map(|sale| sale.id));
    }
    let mut audited = Audited {
        rows: Vec::with_capacity(named.len()),
        unknown: Vec::new(),
    };
    for sale in named {
        match audit(gate, ledger, sale).await {
            Ok(row) => audited.rows.push(row),
            Err(AuditError::UnknownSale) => audited.unknown.push(sale),
            Err(error) => return Err(error).with_context(|| format!("auditing sale {sale}")),
        }
    }
    Ok(audited)
}

fn report_unknown(sales: &[SaleId]) {
    for sale in sales {
        tracing::error!(%sale, "there is no such sale");
    }
}

fn text(rows: &[Row], json: bool) -> anyhow::Result<String> {
    Ok(if json {
        report::json(rows)?
    } else {
        report::table(rows)
    })
}
