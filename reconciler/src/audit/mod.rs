//! The audit: whether gate, journal and ledger of a sale agree, at any instant, without locks.
//!
//! It reads along the flow of a purchase, so that what is under way can not look like a
//! difference: the gate (what was forgotten), the ledger (what is posted), the gate (what is
//! taken). To name what is missing it walks the posted buyers, the gate's buyers, the journal, and
//! the posted buyers once more. [`compare`] judges what was read; [`report`] prints it.

pub mod compare;
pub mod report;

use std::{collections::HashMap, process::ExitCode, time::Duration};

use anyhow::Context;
use sale::{
    gate::{Gate, snapshot::Snapshot},
    journal::{Content, Journal},
    ledger::Ledger,
    model::{BuyerId, OrderId, SaleId, SaleState},
};

use self::{
    compare::{Evidence, Marks, Verdict},
    report::Row,
};
use crate::{connect, settings::AuditSettings};

/// What Postgres knows an audit as: not as a reconciler at work.
const AUDIT: &str = "mincommerce-audit";
/// Buyers read from the ledger in one step.
const CHUNK_BUYERS: u32 = 5_000;
/// Exit status when a sale differs.
const DIFFERS: u8 = 1;

/// Audits the sales that were named, or all that are not settled, and prints a row for each.
///
/// # Errors
/// Where Redis or Postgres does not answer, or a sale that was named is unknown.
pub async fn run(settings: AuditSettings) -> anyhow::Result<ExitCode> {
    let (gate, ledger) =
        connect(AUDIT, &settings.redis, &settings.postgres, Duration::ZERO).await?;
    let sales = if settings.sales.is_empty() {
        ledger
            .live_sales(Duration::ZERO)
            .await?
            .into_iter()
            .map(|sale| sale.id)
            .collect()
    } else {
        settings.sales
    };
    let mut rows = Vec::with_capacity(sales.len());
    for sale in sales {
        rows.push(
            audit(&gate, &ledger, sale)
                .await
                .with_context(|| format!("auditing sale {sale}"))?,
        );
    }
    if settings.json {
        println!("{}", report::json(&rows)?);
    } else {
        println!("{}", report::table(&rows));
    }
    let differs = rows.iter().any(|row| row.verdict == Verdict::Differs);
    Ok(if differs {
        ExitCode::from(DIFFERS)
    } else {
        ExitCode::SUCCESS
    })
}

/// Audits one sale.
///
/// # Errors
/// Where Redis or Postgres does not answer, or the sale is unknown.
pub async fn audit(gate: &Gate, ledger: &Ledger, sale: SaleId) -> anyhow::Result<Row> {
    let before = gate.snapshot(sale).await?;
    let recount = ledger.recount(sale).await?.context("no such sale")?;
    let marks = match &before {
        Some(before) if before.is_open() && recount.sale.state != SaleState::Settled => {
            Some(walk(gate, ledger, sale).await?)
        }
        Some(_) | None => None,
    };
    let look = gate.look(sale).await?;
    let backlog = look.backlog();
    let after: Option<Snapshot> = match look {
        sale::gate::snapshot::Sight::Gate(after) => Some(*after),
        sale::gate::snapshot::Sight::Missing { .. } => None,
    };
    let version_after = ledger.sale(sale).await?.context("no such sale")?.version;
    Ok(Row::new(&Evidence {
        before,
        recount,
        marks,
        after,
        backlog,
        version_after,
    }))
}

/// The buyers of a sale in the order in which a purchase passes them by, read against its flow.
async fn walk(gate: &Gate, ledger: &Ledger, sale: SaleId) -> anyhow::Result<Marks> {
    let posted_before = posted(ledger, sale).await?;
    let gate_buyers = gate.buyers(sale).await?;
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
        journal,
        posted_after,
    })
}

async fn posted(ledger: &Ledger, sale: SaleId) -> anyhow::Result<HashMap<BuyerId, OrderId>> {
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
