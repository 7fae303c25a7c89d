//! The audit as a command: [`sale::audit`] judges, [`report`] prints, [`repair`] mends, [`watch`] goes on
//! and [`metrics`] tells Prometheus.

pub mod metrics;
pub mod repair;
pub mod report;
pub mod watch;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use sale::{
    audit::{self, AuditError, Verdict},
    gate::{Gate, GateError},
    ledger::Ledger,
    model::SaleId,
    output::print,
};

use self::report::Row;
use crate::{connect, settings::AuditSettings};

/// What Postgres knows an audit as: not as a reconciler at work.
const AUDIT: &str = "mincommerce-audit";
/// Exit status when a sale differs.
const DIFFERS: u8 = 1;
/// Exit status when a sale that was named is unknown.
const FAILED: u8 = 2;

/// What an audit of several sales found.
struct Audited {
    /// A row for each sale that is there.
    rows: Vec<Row>,
    /// Sales that were named and are not there.
    unknown: Vec<SaleId>,
}

/// Audits the sales that were named, or all that are not settled, and prints a row for each.
///
/// # Errors
/// Where no Redis or Postgres answers.
pub async fn run(settings: AuditSettings) -> anyhow::Result<ExitCode> {
    let (gate, ledger) =
        connect(AUDIT, &settings.redis, &settings.postgres, Duration::ZERO).await?;
    if settings.watch {
        watch::run(&gate, &ledger, &settings).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let Audited { mut rows, unknown } = audit_all(&gate, &ledger, &settings.sales).await?;
    if settings.repair {
        for row in &mut rows {
            *row = repair::repair(&gate, &ledger, row).await?;
        }
    }
    print(&text(&rows, settings.json)?)?;
    report_unknown(&unknown);
    let differs = rows.iter().any(|row| row.verdict == Verdict::Differs);
    Ok(if !unknown.is_empty() {
        ExitCode::from(FAILED)
    } else if differs {
        ExitCode::from(DIFFERS)
    } else {
        ExitCode::SUCCESS
    })
}

/// Audits these sales, or all that are not settled. One that is unknown does not hide the others.
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
            Err(error) if is_unknown_sale(&error) => audited.unknown.push(sale),
            Err(error) => return Err(error).with_context(|| format!("auditing sale {sale}")),
        }
    }
    Ok(audited)
}

fn is_unknown_sale(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(AuditError::UnknownSale))
}

fn report_unknown(sales: &[SaleId]) {
    for sale in sales {
        tracing::error!(%sale, "there is no such sale");
    }
}

/// Audits one sale. Where its gate cannot be read, the row says so: other sales are not the worse for it.
///
/// # Errors
/// Where no Redis or Postgres answers, or the sale is unknown.
pub async fn audit(gate: &Gate, ledger: &Ledger, sale: SaleId) -> anyhow::Result<Row> {
    match audit::read(gate, ledger, sale).await {
        Ok(evidence) => Ok(Row::new(&evidence)),
        Err(AuditError::Gate(error)) => unanswered(gate, ledger, sale, &error).await,
        Err(error) => Err(error.into()),
    }
}

async fn unanswered(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    error: &GateError,
) -> anyhow::Result<Row> {
    if error.is_silence() {
        // One shard that is away leaves the sales of the others.
        gate.ping().await?;
    }
    let recount = ledger.recount(sale).await?;
    let recount = recount.ok_or(AuditError::UnknownSale)?;
    let why = std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    Ok(Row::unanswered(&recount, why))
}

fn text(rows: &[Row], json: bool) -> anyhow::Result<String> {
    Ok(if json {
        report::json(rows)?
    } else {
        report::table(rows)
    })
}
