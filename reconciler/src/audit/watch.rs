//! The audit in a loop: prints whenever something has changed, and keeps the metrics.
//!
//! A failed audit (Redis or Postgres is away) is counted in the metrics and logged, and the next one follows. When
//! standard output has no reader any more, the loop ends, unless it serves metrics.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use api::connection::{
    acceptor::{BoundedAcceptor, ConnectionLimits},
    serving,
};
use poem::{Response, Route, endpoint::make_sync, get, http::StatusCode};
use process::{
    output::{Commentary, Reader, print, reader},
    signals::asked_to_end,
};
use sale::{
    audit::{AuditVerdict, Row},
    gate::Gate,
    ledger::Ledger,
    model::SaleId,
};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use super::{Audited, audit_all, metrics::Metrics, report_unknown, text};
use crate::settings::AuditSettings;

/// Audits until the process receives a signal to end.
///
/// # Errors
/// If the metrics cannot be served; or, without metrics, if standard output cannot be written to.
pub async fn run(gate: &Gate, ledger: &Ledger, settings: &AuditSettings) -> anyhow::Result<()> {
    let ending = asked_to_end()?;
    let metrics = Arc::new(Metrics::new()?);
    tokio::select! {
        () = ending => Ok(()),
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
    let commentary = Commentary::new();
    loop {
        let started = Instant::now();
        match audit_all(gate, ledger, &settings.sales).await {
            Ok(Audited { rows, unknown }) => {
                report_unknown(&unknown);
                metrics.audited(&rows, started.elapsed());
                let now = summary(&rows);
                if before.as_ref() != Some(&now) {
                    let text = text(&rows, settings.json)?;
                    if settings.metrics_address.is_some() {
                        commentary.print(&text);
                    } else if print(&text)? == Reader::Gone {
                        return Ok(());
                    }
                    before = Some(now);
                }
            }
            Err(error) => {
                metrics.failed();
                tracing::warn!("no audit: {error:#}");
            }
        }
        // The loop prints only changes, and would not notice otherwise that its reader has left.
        if settings.metrics_address.is_none() && reader() == Reader::Gone {
            return Ok(());
        }
        sleep(Duration::from_secs(settings.every_seconds)).await;
    }
}

/// The facts that are worth printing again when they change: not the counts of a sale that sells.
fn summary(rows: &[Row]) -> Vec<(SaleId, AuditVerdict, Vec<&'static str>)> {
    let kinds = |row: &Row| {
        let kinds = row.differences.iter().map(|found| found.difference.kind());
        kinds.collect()
    };
    rows.iter()
        .map(|row| (row.sale_id, row.verdict, kinds(row)))
        .collect()
}

/// Serves the metrics, if the settings ask for it. Does not end by itself.
async fn serve(settings: &AuditSettings, metrics: Arc<Metrics>) -> anyhow::Result<()> {
    let Some(address) = settings.metrics_address else {
        return std::future::pending().await;
    };
    let acceptor = metrics_acceptor(address)
        .await
        .with_context(|| format!("the metrics cannot be served at {address}"))?;
    tracing::info!(%address, "metrics can be read");
    serving::serve(acceptor, page(metrics), std::future::pending()).await;
    anyhow::bail!("the server of the metrics ended by itself")
}

async fn metrics_acceptor(address: SocketAddr) -> io::Result<BoundedAcceptor> {
    let listener = TcpListener::bind(address).await?;
    BoundedAcceptor::new(listener, ConnectionLimits::of_metrics())
}

fn page(metrics: Arc<Metrics>) -> Route {
    let text = make_sync(move |_| match metrics.text() {
        Ok(text) => Response::builder()
            .content_type(prometheus::TEXT_FORMAT)
            .body(text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into()
        }
    });
    Route::new().at("/metrics", get(text))
}
