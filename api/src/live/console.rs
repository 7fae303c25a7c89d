//! What a merchant watches of a sale: once a second everything in one event. One task reads it for all streams of a sale
//! in this process, which send the same bytes.
//!
//! An event says what is, not what changed. Gate and ledger are read beside each other, and an event waits for each for so
//! long and no longer. Figures of one that does not answer are null, and the stream goes on. A late answer of the ledger
//! is shown with the next event.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use sale::{
    console::GateFigures,
    gate::Gate,
    ledger::{Answers, Ledger, LedgerError, Sale, Watched, within},
    model::SaleId,
    traffic::{BUCKET_SECONDS, bucket_of},
    view::View,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{
    asking::Asking,
    console_event::{AnswerRates, ConsoleEvent},
    event::Event,
    feed::Subscription,
    places::StreamRefused,
    watching::{Leave, Watching},
};
use crate::sales::{Sales, SharedError};

/// How often everything is read.
const EVERY: Duration = Duration::from_secs(1);
/// How long an event waits for gate and ledger.
const READ_TIMEOUT: Duration = Duration::from_millis(900);
/// How long the ledger may take before it is asked again.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(3);
/// Sales that are watched at the same time: each asks the ledger every second.
const CONSOLES_MAX: usize = 100;
/// Over how many readings rates are taken: ten seconds.
const RATE_READINGS: usize = 10;
/// Answers in buckets older than this are added up from time to time only.
const RECENT: TimeDelta = TimeDelta::minutes(5);
/// How often they are.
const OLDER_EVERY: Duration = Duration::from_secs(60);
/// The name of the events.
const CONSOLE: &str = "console";

type Newest = watch::Sender<Option<Event>>;

/// The sales that merchants watch.
pub struct Consoles {
    sources: Sources,
    sales: Watching<Newest>,
}

/// What is read.
#[derive(Clone)]
pub struct Sources {
    /// The gates.
    pub gate: Gate,
    /// The ledger.
    pub ledger: Ledger,
    /// What the ledger says of sales, also while it is away.
    pub sales: Sales,
}

impl Consoles {
    /// Nobody watches yet.
    pub fn new(sources: Sources) -> Self {
        Self {
            sources,
            sales: Watching::new(CONSOLES_MAX),
        }
    }

    /// The events of a sale, from the last second on.
    pub fn subscribe(&self, sale: Arc<Sale>) -> Result<Subscription, StreamRefused> {
        let id = sale.id;
        let begin = |leave| {
            let newest = Arc::new(Newest::new(None));
            let reading = Reading::new(self.sources.clone(), sale);
            (Arc::clone(&newest), reading.run(newest, leave))
        };
        self.sales.join(id, 0, begin, |newest| {
            Subscription::alone(newest.subscribe())
        })
    }
}

/// Reads one sale again and again.
struct Reading {
    sources: Sources,
    /// As the ledger said last.
    sale: Arc<Sale>,
    older: Option<Older>,
    asking_sale: Asking<Result<Option<Arc<Sale>>, SharedError>>,
    asking_figures: Asking<Result<Option<LedgerFigures>, LedgerError>>,
    /// The last readings of all answers, the oldest first.
    readings: VecDeque<(Instant, Answers)>,
}

/// The answers in older buckets.
#[derive(Clone, Copy)]
struct Older {
    before: DateTime<Utc>,
    answers: Answers,
    read_at: Instant,
}

/// What the ledger says.
struct LedgerFigures {
    watched: Watched,
    older: Older,
    /// All answers.
    answers: Answers,
}

impl LedgerFigures {
    /// Reads them. The answers in older buckets are read only if those that were read last, `older`, are too old.
    async fn read(
        ledger: &Ledger,
        sale: SaleId,
        older: Option<Older>,
    ) -> Result<Option<Self>, LedgerError> {
        let older = match older {
            Some(older) if older.read_at.elapsed() < OLDER_EVERY => older,
            Some(_) | None => {
                let before = bucket_of(Utc::now() - RECENT, BUCKET_SECONDS);
                Older {
                    before,
                    answers: ledger.answers(sale, Some(before)).await?,
                    read_at: Instant::now(),
                }
            }
        };
        let watched = ledger.watched(sale, older.before).await?;
        Ok(watched.map(|watched| {
            let mut answers = older.answers;
            answers += watched.answers;
            Self {
                watched,
                older,
                answers,
            }
        }))
    }
}

impl Reading {
    fn new(sources: Sources, sale: Arc<Sale>) -> Self {
        Self {
            sources,
            sale,
            older: None,
            asking_sale: Asking::default(),
            asking_figures: Asking::default(),
            readings: VecDeque::new(),
        }
    }

    /// Until nobody watches.
    async fn run(mut self, newest: Arc<Newest>, leave: Leave<Newest>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let shown = self.read().await;
            // The id names all of it, the clock too: the next event is always another one.
            match Event::new(CONSOLE, &shown, &shown) {
                Ok(event) => {
                    newest.send_replace(Some(event));
                }
                Err(error) => {
                    tracing::error!(sale = %self.sale.id, %error, "an event cannot be written")
                }
            }
            if leave.if_idle(|newest| newest.receiver_count() == 0) {
                return;
            }
        }
    }

    async fn read(&mut self) -> ConsoleEvent {
        let (sources, id) = (self.sources.clone(), self.sale.id);
        let gate = timeout(READ_TIMEOUT, GateFigures::read(&sources.gate, id));
        let sale = self.asking_sale.within(READ_TIMEOUT, || {
            let sales = sources.sales.clone();
            async move { sales.get(Some(id)).await }
        });
        let ledger = self.asking_figures.within(READ_TIMEOUT, || {
            let (ledger, older) = (sources.ledger.clone(), self.older);
            async move { within(LEDGER_TIMEOUT, LedgerFigures::read(&ledger, id, older)).await }
        });
        let (gate, sale, ledger) = tokio::join!(gate, sale, ledger);
        if let Some(Ok(Some(sale))) = sale {
            self.sale = sale;
        }
        let gate = gate.ok().and_then(|gate| {
            gate.inspect_err(
                |error| tracing::debug!(sale = %id, %error, "a gate could not be read"),
            )
            .ok()
        });
        let ledger = ledger
            .unwrap_or(Err(LedgerError::TimedOut))
            .inspect_err(
                |error| tracing::debug!(sale = %id, %error, "the ledger could not be read"),
            )
            .ok()
            .flatten();
        if let Some(ledger) = &ledger {
            self.older = Some(ledger.older);
        }
        let rates = ledger
            .as_ref()
            .and_then(|ledger| self.rates(ledger.answers));
        self.event(gate, ledger, rates)
    }

    /// How many answers came in a second lately; none before the second reading.
    fn rates(&mut self, answers: Answers) -> Option<AnswerRates> {
        let now = Instant::now();
        while self.readings.len() > RATE_READINGS {
            self.readings.pop_front();
        }
        let before = self.readings.front().copied();
        self.readings.push_back((now, answers));
        let (at, earlier) = before?;
        Some(AnswerRates::of(answers - earlier, now - at))
    }

    fn event(
        &self,
        gate: Option<GateFigures>,
        ledger: Option<LedgerFigures>,
        rates: Option<AnswerRates>,
    ) -> ConsoleEvent {
        let snapshot = gate.as_ref().and_then(|gate| gate.gate.as_ref());
        let view = match snapshot {
            Some(snapshot) => View::by_gate(&self.sale, snapshot, Duration::ZERO),
            None => View::by_ledger(&self.sale),
        };
        let watched = ledger.as_ref().map(|ledger| &ledger.watched);
        ConsoleEvent {
            sale_id: self.sale.id.uuid(),
            status: view.phase.into(),
            units: view.total,
            taken: snapshot.map(|snapshot| snapshot.taken),
            limit: snapshot.map(|snapshot| snapshot.limit),
            journal_length: gate.as_ref().map(|gate| gate.journal_length),
            oldest_entry_age_ms: gate
                .as_ref()
                .and_then(|gate| gate.oldest_entry)
                .map(milliseconds),
            posted: watched.map(|watched| watched.posted),
            confirmed: watched.map(|watched| watched.confirmed),
            rejected: watched.map(|watched| watched.rejected),
            posting_lag_ms: watched.and_then(Watched::posting_lag).map(milliseconds),
            verdicts: ledger.as_ref().map(|ledger| ledger.answers.into()),
            rates,
            processes: watched.map(|watched| watched.processes.into()),
            server_time: view.now,
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
