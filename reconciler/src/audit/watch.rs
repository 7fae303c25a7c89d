//! The audit, again and again: prints whenever something has changed, and keeps the metrics.
//!
//! An audit that can not be made (Redis or Postgres is away) is a failure in the metrics and in the log,
//! and the next one is tried.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use poem::{
    IntoEndpoint, Response, Route, Server, endpoint::make_sync, get, http::StatusCode,
    listener::TcpListener,
};
use sale::{audit::Verdict, gate::Gate, ledger::Ledger, model::SaleId};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

use super::{audit_all, metrics::Metrics, print, report::Row};
use crate::settings::AuditSettings;

/// How long a connection to the metrics may be silent.
const METRICS_SILENCE_MAX: Duration = Duration::from_secs(60);

/// Audits until the process is told to stop.
///
/// # Errors
/// The metrics can not be served.
pub async fn run(gate: &Gate, ledger: &Ledger, settings: &AuditSettings) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let metrics = Arc::new(Metrics::new()?);
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        ended = watch(gate, ledger, settings, &metrics) => ended,
        ended = serve(settings, Arc::clone(&metrics)) => ended,
    }
}

async fn watch(
    gate: &Gate,
    ledger: &Ledger,
    settings: &AuditSettings,
    metrics: &Metrics,
) -> anyhow::Result<()> {
    let mut before = None;
    loop {
        let started = Instant::now();
        match audit_all(gate, ledger, &settings.sales).await {
            Ok(rows) => {
                metrics.audited(&rows, started.elapsed());
                let now = summary(&rows);
                if before.as_ref() != Some(&now) {
                    print(&rows, settings.json)?;
                    before = Some(now);
                }
            }
            Err(error) => {
                metrics.failed();
                tracing::warn!("no audit: {error:#}");
            }
        }
        sleep(Duration::from_secs(settings.every_seconds)).await;
    }
}

/// What is worth printing again when it changes: not the counts of a sale that sells.
fn summary(rows: &[Row]) -> Vec<(SaleId, Verdict, Vec<&'static str>)> {
    let kinds = |row: &Row| {
        let kinds = row.differences.iter().map(|found| found.difference.kind());
        kinds.collect()
    };
    rows.iter()
        .map(|row| (row.sale_id, row.verdict, kinds(row)))
        .collect()
}

/// Serves the metrics, where that was asked for. Does not end by itself.
async fn serve(settings: &AuditSettings, metrics: Arc<Metrics>) -> anyhow::Result<()> {
    let Some(address) = settings.metrics_address else {
        return std::future::pending().await;
    };
    tracing::info!(%address, "metrics can be read");
    Server::new(TcpListener::bind(address))
        .idle_timeout(METRICS_SILENCE_MAX)
        .run(page(metrics))
        .await
        .with_context(|| format!("the metrics can not be served at {address}"))?;
    anyhow::bail!("the server of the metrics ended by itself")
}

fn page(metrics: Arc<Metrics>) -> impl IntoEndpoint {
    let text = make_sync(move |_| match metrics.text() {
        Ok(text) => Response::builder()
            .content_type(prometheus::TEXT_FORMAT)
            .body(text),
        Err(error) => {
            tracing::error!(%error, "metrics can not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into()
        }
    });
    Route::new().at("/metrics", get(text))
}
