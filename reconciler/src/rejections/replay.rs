//! `rejections replay`: makes orders of rejections, of the named ones or of all of a sale, and prints a line for
//! each.

use std::time::Duration;

use anyhow::{Context, bail};
use process::{exit::Exit, output::print};
use sale::{
    gate::Gate,
    ledger::{Bar, KeptRejection, Ledger, Page, Replay},
    model::SaleId,
    replay::{self as replays, BATCH_MAX, Patience, ReplayError},
    store::StoreError,
};
use uuid::Uuid;

use super::ledger;
use crate::settings::rejections::Replay as Settings;

/// How long to wait for an install or another replay of the sale. Longer than either one drains.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait until the reconcilers have emptied the journal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

const PATIENCE: Patience = Patience {
    lock: LOCK_TIMEOUT,
    drain: DRAIN_TIMEOUT,
};

/// Replays the requested rejections. Fails if Redis or Postgres does not answer, if there is no such rejection or
/// sale, or if a replay was given up.
pub async fn run(settings: Settings) -> anyhow::Result<Exit> {
    let ledger = ledger(&settings.postgres).await?;
    let gate = Gate::connect(&settings.redis).await;
    let gate = gate.context("Redis cannot be reached (REDIS_URL)")?;
    let mut replaying = Replaying {
        gate,
        ledger,
        told: 0,
        impossible: 0,
    };
    let done = match settings.sale {
        Some(sale) => replaying.sale(sale, settings.reason.as_deref()).await,
        None => replaying.named(&settings.ids).await,
    };
    replaying.gate.disconnect().await;
    done?;
    Ok(Exit::when(replaying.impossible == 0))
}

struct Replaying {
    gate: Gate,
    ledger: Ledger,
    /// Printed lines, and those of them that report an obstacle.
    told: usize,
    impossible: usize,
}

impl Replaying {
    /// Replays all rejections of a sale, the oldest first.
    async fn sale(&mut self, sale: SaleId, reason: Option<&str>) -> anyhow::Result<()> {
        let mut page = Page {
            after: None,
            limit: u32::try_from(BATCH_MAX)?,
        };
        loop {
            let ledger = &self.ledger;
            let rejections = ledger.rejections_to_replay(sale, reason, page).await?;
            let Some(last) = rejections.last() else { break };
            page.after = Some(last.place());
            let ids: Vec<Uuid> = rejections.iter().map(|kept| kept.rejection.id).collect();
            self.batch(sale, &ids).await?;
        }
        if self.told == 0 {
            if self.ledger.sale(sale).await?.is_none() {
                bail!("there is no sale {sale}");
            }
            print("nothing to replay")?;
        }
        Ok(())
    }

    /// Replays the named rejections, sale by sale. If one is unknown, it does nothing. A sale whose gate cannot take
    /// a replay now is reported, and the others continue.
    async fn named(&mut self, ids: &[Uuid]) -> anyhow::Result<()> {
        let kept = self.ledger.kept_rejections(ids).await?;
        let mut gone = Vec::new();
        for id in ids {
            if !kept.iter().any(|kept| kept.rejection.id == *id) {
                let order = self.ledger.replayed_order(*id).await?;
                let (order, status) =
                    order.with_context(|| format!("there is no rejection {id}"))?;
                gone.push((*id, Replay::Barred(Bar::Already(order, status))));
            }
        }
        for (id, already) in gone {
            self.tell(id, already)?;
        }
        for (sale, ids) in by_sale(&kept) {
            for batch in ids.chunks(BATCH_MAX) {
                if let Err(error) = self.batch(sale, batch).await {
                    if !is_of_the_sale(&error) {
                        return Err(error);
                    }
                    tracing::error!("{error:#}");
                    self.impossible += 1;
                    break;
                }
            }
        }
        Ok(())
    }

    async fn batch(&mut self, sale: SaleId, ids: &[Uuid]) -> anyhow::Result<()> {
        let (gate, ledger) = (self.gate.clone(), self.ledger.clone());
        let mut printed = Ok(());
        let replayed = replays::replay(&gate, &ledger, sale, ids, PATIENCE, |id, replay| {
            let told = self.tell(id, replay);
            if printed.is_ok() {
                printed = told;
            }
        });
        replayed
            .await
            .with_context(|| format!("replaying rejections of sale {sale}"))?;
        printed
    }

    fn tell(&mut self, id: Uuid, replay: Replay) -> anyhow::Result<()> {
        let what = match replay {
            Replay::Replayed(order) => format!("replayed: it is order {order}"),
            Replay::Barred(bar @ Bar::Already(..)) => format!("already: {}", bar.for_operator()),
            Replay::Barred(bar @ Bar::Obstacle(_)) => {
                self.impossible += 1;
                format!("not replayed: {}", bar.for_operator())
            }
        };
        self.told += 1;
        print(&format!("{id} {what}"))?;
        Ok(())
    }
}

/// Whether other sales may still succeed: not if Postgres, which holds all of them, does not answer.
fn is_of_the_sale(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(
            ReplayError::Busy
            | ReplayError::Undrained
            | ReplayError::Ahead
            | ReplayError::Unattended
            | ReplayError::Unsettled
            | ReplayError::Store(StoreError::Gate(_)),
        ) => true,
        Some(ReplayError::Store(StoreError::Ledger(_))) | None => false,
    }
}

/// Rejections grouped by sale, both in the given order.
fn by_sale(kept: &[KeptRejection]) -> Vec<(SaleId, Vec<Uuid>)> {
    let mut sales: Vec<(SaleId, Vec<Uuid>)> = Vec::new();
    for rejection in kept.iter().map(|kept| &kept.rejection) {
        match sales.iter_mut().find(|(sale, _)| *sale == rejection.sale) {
            Some((_, ids)) => ids.push(rejection.id),
            None => sales.push((rejection.sale, vec![rejection.id])),
        }
    }
    sales
}
