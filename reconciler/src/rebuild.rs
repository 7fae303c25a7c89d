//! The command `rebuild`: loads sales into their gates from scratch, and reports what was saved and what is known to
//! be lost. [`sale::install`] does the work; it opens a gate only if the audit agrees.

use std::time::Duration;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use process::{exit::Exit, output::print};
use sale::{
    audit::{AuditVerdict, audit},
    gate::Gate,
    install::{self, InstallError, Installed, Request},
    ledger::{By, Ledger},
    model::SaleId,
    store::StoreError,
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{
    connect,
    draining::{self, DRAIN_TIMEOUT},
    settings::RebuildSettings,
};

/// The name of a rebuild in Postgres.
const REBUILD: &str = "mincommerce-rebuild";
/// How long to wait for another process' install, and how often to check whether it has ended.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// The result for one sale.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuilt {
    /// Its id.
    pub sale_id: SaleId,
    /// The result of the install; none if it failed.
    pub installed: Option<Installed>,
    /// Why the sale stays closed.
    pub error: Option<String>,
    /// The verdict of the audit afterwards.
    pub verdict: AuditVerdict,
}

impl Rebuilt {
    fn is_well(&self) -> bool {
        self.installed.is_some() && self.verdict != AuditVerdict::Differs
    }
}

/// Rebuilds the named sales, or those that need it. A sale that cannot be rebuilt stays closed, and does not stop the
/// others. Fails if Redis or Postgres does not answer at all.
pub async fn run(settings: RebuildSettings) -> anyhow::Result<Exit> {
    let (gate, ledger) =
        connect(REBUILD, &settings.redis, &settings.postgres, Duration::ZERO).await?;
    let ledger = ledger.on_behalf(By::person(None));
    let request = Request {
        even_if_sound: !settings.sales.is_empty(),
        accept_ledger: settings.accept_ledger,
        ..Request::default()
    };
    let mut sales = settings.sales;
    if sales.is_empty() {
        let live = ledger.live_sales(Duration::ZERO).await?;
        sales.extend(live.iter().map(|sale| sale.id));
    }
    let mut all = Vec::with_capacity(sales.len());
    for sale in sales {
        all.push(rebuild(&gate, &ledger, sale, request).await?);
    }
    if settings.json {
        print(&serde_json::to_string_pretty(&all)?)?;
    } else {
        print(&table(&all))?;
    }
    Ok(Exit::when(all.iter().all(Rebuilt::is_well)))
}

async fn rebuild(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    request: Request,
) -> anyhow::Result<Rebuilt> {
    let work = once_not_busy(gate, ledger, sale, request);
    let (installed, error) = match draining::while_posting(gate, ledger, sale, work).await {
        Ok(installed) => (Some(installed), None),
        Err(InstallError::Store(StoreError::Ledger(error))) => return Err(error.into()),
        Err(InstallError::UnknownSale) => {
            return Ok(Rebuilt {
                sale_id: sale,
                installed: None,
                error: Some(InstallError::UnknownSale.to_string()),
                verdict: AuditVerdict::Differs,
            });
        }
        Err(
            error @ (InstallError::Store(StoreError::Gate(_))
            | InstallError::Busy
            | InstallError::Settled
            | InstallError::Undrained
            | InstallError::Ahead
            | InstallError::UncountableEpoch(_)
            | InstallError::Differs(_)
            | InstallError::Unsettled),
        ) => (None, Some(format!("{:#}", anyhow::Error::new(error)))),
    };
    Ok(Rebuilt {
        sale_id: sale,
        installed,
        error,
        verdict: audit(gate, ledger, sale).await?.verdict,
    })
}

/// Repeats the install while another one is under way: that one may have begun before the loss.
async fn once_not_busy(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    request: Request,
) -> Result<Installed, InstallError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match install::install_as(gate, ledger, sale, request, DRAIN_TIMEOUT).await {
            Err(InstallError::Busy) if Instant::now() < deadline => sleep(BUSY_PAUSE).await,
            done => return done,
        }
    }
}

fn table(all: &[Rebuilt]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "sale", "the gate", "epoch", "buyers", "saved", "rejected", "lost", "audit",
    ]);
    for rebuilt in all {
        let count = |of: fn(&Installed) -> u64| {
            let count = rebuilt.installed.as_ref().map(of);
            count.map_or_else(|| "-".to_owned(), |count| count.to_string())
        };
        table.add_row([
            rebuilt.sale_id.to_string(),
            rebuilt
                .installed
                .map_or("stays closed", |done| done.found.as_str())
                .to_owned(),
            count(|done| done.epoch.0),
            count(|done| done.buyers),
            count(|done| done.saved),
            count(|done| done.rejected),
            count(|done| done.lost),
            rebuilt.verdict.as_str().to_owned(),
        ]);
    }
    let errors = all.iter().filter_map(|rebuilt| {
        let error = rebuilt.error.as_ref()?;
        Some(format!("\n{}: {error}", rebuilt.sale_id))
    });
    format!("{table}{}", errors.collect::<String>())
}
