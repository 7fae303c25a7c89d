//! Keeps the gates up to date. Every second, for each live sale, it reads the ledger first and the
//! gate second (the other way round, normal posting looks like a loss), and then
//!
//! - gives the sale a poster
//! - syncs the ledger's terms and limit to the gate
//! - installs the sale where the gate is missing, lost, closed, outdated or behind
//! - settles it when its end is long enough ago
//! - removes readers of its journal that are gone
//!
//! That also heals whatever a crash has left half done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use sale::{
    gate::{Gate, snapshot::Snapshot},
    install::{self, Condition, InstallError},
    journal::Journal,
    ledger::{Ledger, LedgerError, Sale},
    model::{Phase, SaleId, SaleState, Version},
    settle,
};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{poster::Poster, settings::RunSettings};

/// How often the keeper looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the ledger may take to list the live sales. Longer than Postgres lets a statement run: it
/// passes when Postgres is gone without a word.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(45);
/// How long an install or a settlement may take in all.
const WORK_TIMEOUT: Duration = Duration::from_secs(600);
/// Installs under way at the same time; each has a connection to Postgres of its own.
const INSTALLS_AT_ONCE: usize = 8;
/// Sales looked at at the same time.
const LOOKS_AT_ONCE: usize = 16;
/// How long an install or a settlement may wait for a journal to be emptied.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How often readers that are gone are searched for in the time after which they count as gone.
const SWEEPS: u32 = 3;

/// Looks after all live sales.
pub struct Keeper {
    gate: Gate,
    ledger: Ledger,
    consumer: Arc<str>,
    claim_idle: Duration,
    consumer_idle: Duration,
    settle_grace: Duration,
    retention: Duration,
    tasks: TaskTracker,
    posters: HashMap<SaleId, (CancellationToken, JoinHandle<()>)>,
    installs: Arc<Semaphore>,
    /// The install or settlement that runs for a sale.
    works: Mutex<HashMap<SaleId, JoinHandle<()>>>,
    swept_at: Instant,
}

impl Keeper {
    /// A keeper whose posters read under the name `consumer`.
    pub fn new(gate: Gate, ledger: Ledger, consumer: Arc<str>, settings: RunSettings) -> Self {
        Self {
            gate,
            ledger,
            consumer,
            claim_idle: Duration::from_millis(settings.claim_idle_ms),
            consumer_idle: Duration::from_millis(settings.consumer_idle_ms),
            settle_grace: Duration::from_secs(settings.settle_grace_seconds),
            retention: Duration::from_secs(settings.settled_retention_seconds),
            tasks: TaskTracker::new(),
            posters: HashMap::new(),
            installs: Arc::new(Semaphore::new(INSTALLS_AT_ONCE)),
            works: Mutex::new(HashMap::new()),
            swept_at: Instant::now(),
        }
    }

    /// Keeps until `stop`, then waits for the posters to finish their calls.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let live = timeout(LEDGER_TIMEOUT, self.ledger.live_sales(self.retention)).await;
            match live.unwrap_or(Err(LedgerError::TimedOut)) {
                Ok(sales) => self.look_at_all(&sales, &stop).await,
                Err(error) => warn("the live sales could not be read", &error),
            }
        }
        for work in self.works.lock().await.values() {
            work.abort();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn look_at_all(&mut self, sales: &[Sale], stop: &CancellationToken) {
        self.keep_posters(sales, stop);
        self.works
            .lock()
            .await
            .retain(|_, work| !work.is_finished());
        let sweep = self.swept_at.elapsed() >= self.consumer_idle / SWEEPS;
        if sweep {
            self.swept_at = Instant::now();
        }
        let this = &*self;
        stream::iter(sales)
            .for_each_concurrent(LOOKS_AT_ONCE, |sale| async move {
                if sale.state != SaleState::Settled
                    && let Err(error) = this.look_at(sale).await
                {
                    warn_of(sale.id, "a gate could not be looked after", &*error);
                }
                if sweep && let Err(error) = this.sweep(sale).await {
                    warn_of(sale.id, "readers could not be swept", &error);
                }
            })
            .await;
    }

    /// Each live sale has one poster, and no other sale has.
    fn keep_posters(&mut self, sales: &[Sale], stop: &CancellationToken) {
        self.posters.retain(|sale, (token, task)| {
            let live = sales.iter().any(|live| live.id == *sale);
            if !live {
                token.cancel();
            }
            live && !task.is_finished()
        });
        for sale in sales {
            self.posters.entry(sale.id).or_insert_with(|| {
                let poster = Poster::new(
                    self.gate.clone(),
                    self.ledger.clone(),
                    sale.id,
                    Arc::clone(&self.consumer),
                    self.claim_idle,
                );
                let token = stop.child_token();
                (token.clone(), self.tasks.spawn(poster.run(token)))
            });
        }
    }

    async fn look_at(&self, sale: &Sale) -> anyhow::Result<()> {
        let found = self.gate.snapshot(sale.id).await?;
        match Condition::of(sale, found.as_ref()) {
            Condition::Sound => {
                self.gate.sync(sale).await?;
                if let Some(found) = found {
                    self.check_flow(sale, &found).await?;
                    if self.is_due(sale, &found) {
                        self.settle(sale.id, sale.version).await;
                    }
                }
            }
            Condition::Ahead => self.check_ahead(sale.id).await?,
            condition @ (Condition::Missing
            | Condition::Lost
            | Condition::Closed
            | Condition::Outdated
            | Condition::Behind) => {
                tracing::info!(sale = %sale.id, ?condition, "gate needs an install");
                self.install(sale.id).await;
            }
        }
        Ok(())
    }

    /// An empty journal means that all who are taken are posted, and none is forgotten who is not. The
    /// ledger is asked once more, after the gate, for it may have posted meanwhile.
    async fn check_flow(&self, sale: &Sale, found: &Snapshot) -> anyhow::Result<()> {
        let suspect = found.backlog.entries == 0 && found.taken > u64::from(sale.posted);
        if !suspect && found.forgotten <= u64::from(sale.posted) {
            return Ok(());
        }
        let Some(standing) = self.ledger.standing(sale.id).await? else {
            return Ok(());
        };
        if found.forgotten > standing.posted {
            tracing::error!(sale = %sale.id, "more was forgotten than posted: the gate is rebuilt");
            self.gate.close(sale.id).await?;
        } else if suspect && found.taken > standing.posted {
            tracing::error!(sale = %sale.id, "marks without a journal entry are posted");
            install::post_marks(&self.gate, &self.ledger, sale).await?;
        }
        Ok(())
    }

    /// Whether the sale's end, by the gate's clock, is long enough ago.
    fn is_due(&self, sale: &Sale, found: &Snapshot) -> bool {
        found.phase() == Phase::Ended
            && (found.now - sale.end)
                .to_std()
                .is_ok_and(|since| since >= self.settle_grace)
    }

    /// A gate seems newer than the ledger: an install may have ended since the ledger was read, so
    /// it is read once more, after the gate.
    async fn check_ahead(&self, sale: SaleId) -> anyhow::Result<()> {
        let found = self.gate.snapshot(sale).await?;
        let now = self.ledger.sale(sale).await?;
        if let (Some(found), Some(now)) = (found, now)
            && found.epoch > now.epoch
        {
            tracing::error!(
                %sale,
                gate_epoch = %found.epoch,
                ledger_epoch = %now.epoch,
                "ALARM: the gate is newer than the ledger, which was rolled back; \
                 it is closed until a person has looked"
            );
            self.gate.close(sale).await?;
        }
        Ok(())
    }

    async fn install(&self, sale: SaleId) {
        let (gate, ledger) = (self.gate.clone(), self.ledger.clone());
        let installs = Arc::clone(&self.installs);
        self.work(sale, async move {
            // It is never closed.
            let _turn = installs.acquire().await;
            match install::install(&gate, &ledger, sale, DRAIN_TIMEOUT).await {
                Ok(done) if done.anew => {
                    tracing::info!(%sale, epoch = %done.epoch, buyers = done.buyers, "installed");
                }
                Ok(_) | Err(InstallError::Busy) => {}
                Err(error) => warn_of(sale, "a sale could not be installed", &error),
            }
        })
        .await;
    }

    async fn settle(&self, sale: SaleId, version: Version) {
        let (gate, ledger) = (self.gate.clone(), self.ledger.clone());
        self.work(sale, async move {
            match settle::settle_unchanged(&gate, &ledger, sale, version, DRAIN_TIMEOUT).await {
                Ok(done) => tracing::info!(%sale, returned = done.returned, "settled"),
                Err(error) => warn_of(sale, "a sale could not be settled", &error),
            }
        })
        .await;
    }

    /// Starts a work for a sale, unless one is under way.
    async fn work(&self, sale: SaleId, work: impl Future<Output = ()> + Send + 'static) {
        self.works
            .lock()
            .await
            .entry(sale)
            .or_insert_with(|| {
                self.tasks.spawn(async move {
                    if timeout(WORK_TIMEOUT, work).await.is_err() {
                        tracing::warn!(%sale, "an install or settlement took too long, and was given up");
                    }
                })
            });
    }

    /// Removes readers that are gone, and lets the gate of a settled sale expire. Only here, for the
    /// journals of settled sales are read for just that long.
    async fn sweep(&self, sale: &Sale) -> Result<(), sale::gate::GateError> {
        for consumer in Journal::new(self.gate.clone()).consumers(sale.id).await? {
            // The script looks again: it may have read meanwhile.
            let is_gone = consumer.pending == 0 && consumer.idle >= self.consumer_idle;
            if is_gone && consumer.name != *self.consumer {
                self.gate
                    .remove_consumer(sale.id, &consumer.name, self.consumer_idle)
                    .await?;
            }
        }
        if sale.state == SaleState::Settled {
            self.gate.expire(sale.id, self.retention).await?;
        }
        Ok(())
    }
}

fn warn(message: &str, error: &LedgerError) {
    tracing::warn!(error = error as &dyn std::error::Error, "{message}");
}

fn warn_of(sale: SaleId, message: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(%sale, error, "{message}");
}
