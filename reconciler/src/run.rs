//! The service: connects, starts the keeper, and stops in order.
//!
//! It is known to be running for as long as that ([`sale::presence`]).
//!
//! On a signal to end ([`process::signals`]), the posters stop reading and finish the call under way, and the process
//! ends within a deadline. Entries that a poster had read and not posted stay in the journal, and another reconciler
//! claims them.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::Context;
use process::signals::asked_to_end;
use sale::{
    ledger::{By, RECONCILER},
    model::ProcessKind,
    presence::Presence,
};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use crate::{START_TIMEOUT, connect, keeper::Keeper, retention, settings::RunSettings};

/// How long stopping may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long closing the connections to Redis may take after that: Redis may be away.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

const SECONDS_PER_DAY: u64 = 86_400;

/// Runs until the process receives a signal to end. Fails if Redis or Postgres cannot be reached at the start, or if
/// Redis is not configured safely.
pub async fn run(settings: RunSettings) -> anyhow::Result<()> {
    let mut ending = pin!(asked_to_end()?);

    // A name of its own: a restarted process must not be mistaken for the one before.
    let id = Uuid::now_v7();
    let consumer = id.to_string();
    let name = format!("{RECONCILER} {consumer}");
    let connected = tokio::select! {
        connected = connect(&name, &settings.redis, &settings.postgres, START_TIMEOUT) => connected,
        () = &mut ending => return Ok(()),
    };
    let (gate, ledger) = connected?;
    if settings.migrate {
        let kept = ledger.migrate().await?;
        if let Some(report) = kept.report() {
            tracing::warn!("{report}");
        }
    }
    tracing::info!(consumer, "reconciler started");

    let presence = Presence::start(ledger.clone(), id, ProcessKind::Reconciler);
    let stop = CancellationToken::new();
    let ledger = ledger.on_behalf(By::process("reconciler"));
    let traffic_kept = Duration::from_secs(settings.traffic_retention_days * SECONDS_PER_DAY);
    let _deleting =
        AbortOnDropHandle::new(tokio::spawn(retention::run(ledger.clone(), traffic_kept)));
    let keeper = Keeper::new(gate.clone(), ledger, Arc::from(consumer), settings);
    let mut keeping = tokio::spawn(keeper.run(stop.clone()));
    tokio::select! {
        () = &mut ending => {}
        ended = &mut keeping => {
            ended.context("the keeper ended by itself")?;
            anyhow::bail!("the keeper ended by itself");
        }
    }

    tracing::info!("stopping");
    stop.cancel();
    match timeout(STOP_TIMEOUT, keeping).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!("did not finish in time; another reconciler takes over"),
    }
    presence.end().await;
    if timeout(CLOSE_TIMEOUT, gate.disconnect()).await.is_err() {
        tracing::warn!("the connections to Redis could not be closed in time");
    }
    Ok(())
}
