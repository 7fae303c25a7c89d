//! Keeps the gates up to date. Every second, for each live sale, it reads the ledger first and the gate second (the
//! other way round, normal posting looks like a loss). Then it
//!
//! - gives the sale a poster
//! - syncs the ledger's terms and limit to the gate
//! - installs the sale if the gate is missing, lost, closed, outdated or behind
//! - settles it when its end is long enough ago
//! - removes consumers of its journal that are gone
//!
//! That also repairs everything that a crash has left half done. [`suspicion`] holds the checks of a gate that says
//! itself that it is sound.

mod suspicion;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use sale::{
    crash::{Point, point},
    gate::{
        Gate,
        admission::GateProgress,
        snapshot::{Sight, Snapshot},
    },
    install::{self, Condition, InstallError, Request},
    journal::Journal,
    ledger::{Ledger, LedgerError, Sale, within},
    model::{Phase, SaleId, SaleState, Version},
    settle,
};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::suspicion::Suspicion;
use crate::{poster::Poster, settings::RunSettings};

/// How often the keeper checks the sales.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the ledger may take to list the live sales, and how long the check of one sale may take. It is longer
/// than Postgres lets a statement run: it expires only when Postgres is gone without notice.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(45);
/// How long an install or a settlement may take in all.
const WORK_TIMEOUT: Duration = Duration::from_secs(600);
/// Installs under way at the same time; each has a connection to Postgres of its own.
const INSTALLS_AT_ONCE: usize = 8;
/// Sales that are checked at the same time.
const LOOKS_AT_ONCE: usize = 16;
/// How long an install or a settlement may wait for a journal to be emptied.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a sale whose install ended in a difference is left alone, so that a person can look.
const HOLD: Duration = Duration::from_secs(30);
/// How often the keeper searches for consumers that are gone, within the time after which they count as gone.
const SWEEPS: u32 = 3;

/// Keeps all live sales up to date.
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
    /// The progress of each sale's gate when it was last seen sound.
    seen: Mutex<HashMap<SaleId, GateProgress>>,
    /// The sales that wait for a person, and until when.
    held: Arc<Mutex<HashMap<SaleId, Instant>>>,
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
            seen: Mutex::new(HashMap::new()),
            held: Arc::default(),
            swept_at: Instant::now(),
        }
    }

    /// Runs until `stop`, then waits for the posters to finish their calls.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            match within(LEDGER_TIMEOUT, self.ledger.live_sales(self.retention)).await {
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
        let is_live = |id: &SaleId| sales.iter().any(|sale| sale.id == *id);
        self.seen.lock().await.retain(|id, _| is_live(id));
        self.held.lock().await.retain(|id, _| is_live(id));
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
                if sale.state != SaleState::Settled {
                    let looked = timeout(LEDGER_TIMEOUT, this.look_at(sale)).await;
                    if let Err(error) = looked.unwrap_or_else(|late| Err(late.into())) {
                        warn_of(sale.id, "a gate could not be looked after", &*error);
                    }
                }
                if sweep && let Err(error) = this.sweep(sale).await {
                    warn_of(sale.id, "readers could not be swept", &error);
                }
            })
            .await;
    }

    /// Gives each live sale one poster, and stops the posters of all other sales.
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
        let sight = self.gate.look(sale.id).await?;
        match (Condition::of(sale, &sight), &sight) {
            (Condition::Sound, Sight::Gate(found)) => {
                match self.suspicion(sale, found).await? {
                    Suspicion::None => {}
                    Suspicion::Wrong => return Ok(self.gate.close(sale.id).await?),
                    Suspicion::StrayMarks => {
                        self.post_marks(sale).await;
                        return Ok(());
                    }
                }
                point(Point::SyncRead);
                self.gate.sync(sale).await?;
                point(Point::SyncApplied);
                if self.is_due(sale, found) {
                    self.settle(sale.id, sale.version).await;
                }
            }
            (Condition::Ahead, _) => self.check_ahead(sale.id).await?,
            (condition, _) => {
                let held = self.held.lock().await.get(&sale.id).copied();
                if held.is_none_or(|until| until <= Instant::now()) {
                    tracing::info!(sale = %sale.id, ?condition, "gate needs an install");
                    self.install(sale.id).await;
                }
            }
        }
        Ok(())
    }

    /// Whether the sale ended, by the gate's clock, at least the grace time ago.
    fn is_due(&self, sale: &Sale, found: &Snapshot) -> bool {
        found.phase() == Phase::Ended
            && (found.now - sale.end)
                .to_std()
                .is_ok_and(|since| since >= self.settle_grace)
    }

    async fn install(&self, sale: SaleId) {
        let (gate, ledger) = (self.gate.clone(), self.ledger.clone());
        let (installs, held) = (Arc::clone(&self.installs), Arc::clone(&self.held));
        let witness = self.seen.lock().await.get(&sale).copied();
        let request = Request {
            witness: witness.unwrap_or_default(),
            ..Request::default()
        };
        self.work(sale, async move {
            // The semaphore is never closed.
            let _turn = installs.acquire().await;
            match install::install_as(&gate, &ledger, sale, request, DRAIN_TIMEOUT).await {
                Ok(done) if done.was_installed() => {
                    tracing::info!(
                        %sale, epoch = %done.epoch, found = ?done.found, buyers = done.buyers,
                        saved = done.saved, rejected = done.rejected, lost = done.lost, "installed"
                    );
                }
                Ok(_) | Err(InstallError::Busy) => {}
                Err(error @ InstallError::Differs(_)) => {
                    held.lock().await.insert(sale, Instant::now() + HOLD);
                    tracing::error!(
                        %sale, error = &error as &dyn std::error::Error,
                        "ALARM: a sale stays closed until a person has looked"
                    );
                }
                Err(error) => warn_of(sale, "a sale could not be installed", &error),
            }
        })
        .await;
    }

    async fn post_marks(&self, sale: &Sale) {
        let (gate, ledger, sale) = (self.gate.clone(), self.ledger.clone(), sale.clone());
        self.work(sale.id, async move {
            let posted = async {
                let marked = install::post_marks(&gate, &ledger, &sale).await?;
                if marked.malformed > 0 || marked.lost.is_some() {
                    gate.close(sale.id).await?;
                }
                anyhow::Ok(())
            };
            if let Err(error) = posted.await {
                warn_of(sale.id, "marks could not be posted", &*error);
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

    /// Starts an install or a settlement for a sale, unless one is under way.
    async fn work(&self, sale: SaleId, work: impl Future<Output = ()> + Send + 'static) {
        self.works.lock().await.entry(sale).or_insert_with(|| {
            self.tasks.spawn(async move {
                if timeout(WORK_TIMEOUT, work).await.is_err() {
                    tracing::warn!(%sale, "a work took too long, and was given up");
                }
            })
        });
    }

    /// Removes consumers that are gone, and lets the gate of a settled sale expire. This must happen here, because
    /// the keeper reads the journals of settled sales for exactly that time.
    async fn sweep(&self, sale: &Sale) -> Result<(), sale::gate::GateError> {
        for consumer in Journal::new(self.gate.clone()).consumers(sale.id).await? {
            // The script checks again: the consumer may have read meanwhile.
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
