//! A lane: the task that takes one sale's purchases from its queue to the gate.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sale::{
    crash::{Point, point},
    gate::{
        GateError,
        admission::{Decision, GateProgress, Known},
        upkeep::Synced,
    },
    model::{Purchase, SaleId, Verdict},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{AdmitError, Lanes, STANDING_LIFETIME, STANDING_TIMEOUT, Shared, Waiting, seen::Seen};

/// How often a batch is sent again if the connection is a new one each time.
const CALL_TRIES: usize = 3;

/// The task that takes one sale's purchases to the gate.
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    sale: SaleId,
    /// What this lane knows of the gate and its ledger.
    known: Known,
    /// What all lanes of the sale have seen of the gate.
    seen: Arc<Seen>,
    /// How often they have forgotten what they saw.
    forgotten: u64,
    /// The last call failed and was logged; further failures are not logged.
    failing: bool,
    /// The count of connections at which the lane last asked the ledger.
    asked_at: Arc<AtomicU64>,
    /// When the lane last tried to find out why the gate is cold.
    caught_up_at: Option<Instant>,
}

impl Lane {
    pub(super) fn new(lanes: Arc<Lanes>, sale: SaleId, asked_at: Arc<AtomicU64>) -> Self {
        let seen = lanes.shared.seen.of(sale);
        let (_, forgotten) = seen.all();
        Self {
            seen,
            forgotten,
            lanes,
            sale,
            known: Known::default(),
            failing: false,
            asked_at,
            caught_up_at: None,
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.lanes.shared
    }

    /// Decides purchases until none has come for a while or no sender is left.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let limits = self.shared().limits;
        let (batch_max, idle) = (limits.batch_max, limits.lane_idle);
        let mut batch = Vec::with_capacity(batch_max);
        loop {
            match timeout(idle, queue.recv_many(&mut batch, batch_max)).await {
                Ok(0) => return,
                Ok(_) => {
                    if let Err(error) = self.decide(&mut batch).await {
                        turn_away(&mut queue, error);
                    }
                }
                // Only the ledger can start a lane. While the ledger is away, this process goes on selling the sales
                // that it knows.
                Err(_) if self.shared().ask_standing(self.sale).await.is_err() => {}
                // Close the entrance first: later purchases are turned away, earlier ones still get an answer.
                Err(_) => {
                    self.lanes.end(self.sale);
                    queue.close();
                }
            }
        }
    }

    /// Decides a batch and answers everyone in it.
    async fn decide(&mut self, batch: &mut Vec<Waiting>) -> Result<(), AdmitError> {
        // A caller that no longer waits can ask again, and gets the same verdict.
        match self.ask(batch).await {
            Ok(verdicts) => {
                for (waiting, verdict) in batch.drain(..).zip(verdicts) {
                    let _ = waiting.answer.send(Ok(verdict));
                }
                Ok(())
            }
            Err(error) => {
                for waiting in batch.drain(..) {
                    let _ = waiting.answer.send(Err(error));
                }
                Err(error)
            }
        }
    }

    /// Asks the gate, and again after a reconnect in between. A call that waits for a reconnect goes out on the new
    /// connection with what was known before, and an older copy may be behind that connection. So the lane uses only
    /// the gate's progress from its answer. The next call passes on what the ledger knows.
    async fn ask(&mut self, batch: &[Waiting]) -> Result<Vec<Verdict>, AdmitError> {
        let purchases: Vec<Purchase> = batch.iter().map(|waiting| waiting.purchase).collect();
        for attempt in 0..=CALL_TRIES {
            // After the first send the outcome is unknown.
            let known = |error| match attempt {
                0 => error,
                _ => AdmitError::OutcomeUnknown,
            };
            self.ask_ledger().await.map_err(known)?;
            self.ask_others();
            let decision = self.call(&purchases).await.map_err(known)?;
            self.reach(decision.progress);
            if self.asked_at.load(Ordering::Relaxed) != self.lanes.gate.connections() {
                continue;
            }
            self.known.see(&decision);
            self.seen.see(&decision, self.forgotten);
            let is_cold = decision.verdicts.contains(&Verdict::Cold);
            if !is_cold || !self.catch_up().await {
                return Ok(decision.verdicts);
            }
        }
        Err(AdmitError::OutcomeUnknown)
    }

    /// Learns what the other lanes of the sale have seen of the gate.
    fn ask_others(&mut self) {
        let (seen, forgotten) = self.seen.all();
        if forgotten != self.forgotten {
            // The ledger was rolled back, as another lane has found out.
            self.forgotten = forgotten;
            let version = self.known.version;
            self.known = Known { version, ..seen };
            return;
        }
        self.reach(seen.progress);
        let is_of_epoch = seen.progress.epoch == self.known.progress.epoch;
        if is_of_epoch && seen.admitted.told.is_some() {
            self.known.admitted.told = seen.admitted.told;
        }
    }

    /// Learns the progress of the gate or its ledger.
    fn reach(&mut self, progress: GateProgress) {
        if progress.epoch > self.known.progress.epoch {
            self.look_for_a_loss();
        }
        self.known.reach(progress);
    }

    /// The gate is cold. Perhaps it only needs newer terms, and no reconciler is running; or the ledger was rolled
    /// back, and the gate will never again reach what this process has seen. Checks at most once a second. Returns
    /// whether it is worth asking the gate again.
    async fn catch_up(&mut self) -> bool {
        let is_early = |at: Instant| at.elapsed() < STANDING_LIFETIME;
        if self.caught_up_at.is_some_and(is_early) {
            return false;
        }
        self.caught_up_at = Some(Instant::now());
        let sale = timeout(STANDING_TIMEOUT, self.shared().ledger.sale(self.sale)).await;
        let Ok(Ok(Some(sale))) = sale else {
            return false;
        };
        self.seen.forget_beyond(&sale);
        let forgets = self.known.forget_beyond(&sale);
        let waits = self.known.version > sale.version;
        self.known.version = self.known.version.min(sale.version);
        let synced = self.lanes.gate.sync(&sale).await;
        forgets || waits || matches!(synced, Ok(Synced::Applied))
    }

    /// The gate was loaded from scratch. Everything that Redis still had was posted before that: a purchase that was
    /// answered and is not in the ledger is lost. The process that loaded the gate may not have known of it.
    fn look_for_a_loss(&self) {
        let Some(told) = self.known.admitted.told else {
            return;
        };
        let (shared, sale) = (Arc::clone(self.shared()), self.sale);
        self.shared().tasks.spawn(async move {
            let outcome = timeout(STANDING_TIMEOUT, shared.ledger.outcome(told.order)).await;
            match outcome {
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => tracing::error!(
                    %sale, order = %told.order, buyer = %told.buyer,
                    "ALARM: Redis lost purchases that were answered and not posted; this is the last one"
                ),
                Ok(Err(_)) | Err(_) => tracing::warn!(
                    %sale, order = %told.order, buyer = %told.buyer,
                    "the gate was loaded from scratch, and whether this purchase is in the ledger is not known"
                ),
            }
        });
    }

    /// Gets the sale's standing from the ledger, unless this happened since the last reconnect.
    async fn ask_ledger(&mut self) -> Result<(), AdmitError> {
        if !self.lanes.gate.is_connected() {
            return Err(AdmitError::Unavailable);
        }
        let connections = self.lanes.gate.connections();
        if self.asked_at.load(Ordering::Relaxed) != connections {
            self.refuse_less_durable().await?;
            // Ask now: a remembered answer may be older than the connection.
            let standing = self.shared().ask_standing(self.sale).await?;
            let standing = standing.ok_or(AdmitError::UnknownSale)?;
            self.reach((&standing).into());
            self.known.learn(&standing);
            self.asked_at.store(connections, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Behind a new connection there may be a Redis with another configuration.
    async fn refuse_less_durable(&mut self) -> Result<(), AdmitError> {
        let Err(error) = self.lanes.gate.refuse_less_durable().await else {
            return Ok(());
        };
        if !self.failing {
            tracing::error!(
                sale = %self.sale,
                error = &error as &dyn std::error::Error,
                "this Redis does not make purchases as safe as they must be"
            );
        }
        self.failing = true;
        Err(AdmitError::Unavailable)
    }

    async fn call(&mut self, purchases: &[Purchase]) -> Result<Decision, AdmitError> {
        self.shared().counters.calls.fetch_add(1, Ordering::Relaxed);
        self.shared()
            .counters
            .purchases
            .fetch_add(purchases.len() as u64, Ordering::Relaxed);
        match self
            .lanes
            .gate
            .admit(self.sale, &self.known, purchases)
            .await
        {
            Ok(decision) => {
                point(Point::AdmitDecided);
                self.failing = false;
                Ok(decision)
            }
            Err(error) => {
                if !self.failing {
                    tracing::warn!(
                        sale = %self.sale,
                        error = &error as &dyn std::error::Error,
                        "gate does not decide"
                    );
                }
                self.failing = true;
                Err(match error {
                    GateError::Unavailable(_)
                    | GateError::Unsafe(_)
                    | GateError::Settings(_)
                    | GateError::Untrusted(_)
                    | GateError::NoHandshake(_) => AdmitError::Unavailable,
                    GateError::OutcomeUnknown(_)
                    | GateError::Malformed(_)
                    | GateError::Unacknowledged { .. } => AdmitError::OutcomeUnknown,
                })
            }
        }
    }
}

/// Answers all purchases that wait behind a batch without a decision: they would only wait for the same failure, one
/// timeout after another. The gate did not get them.
fn turn_away(queue: &mut mpsc::Receiver<Waiting>, error: AdmitError) {
    let error = match error {
        AdmitError::OutcomeUnknown => AdmitError::Unavailable,
        AdmitError::UnknownSale
        | AdmitError::QueueFull
        | AdmitError::Unavailable
        | AdmitError::ShuttingDown => error,
    };
    while let Ok(waiting) = queue.try_recv() {
        let _ = waiting.answer.send(Err(error));
    }
}
