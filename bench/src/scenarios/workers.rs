//! The buyers as workers of rlt: each has a connection, and acts like a visitor, one request an iteration. The
//! connections are made before rlt starts, because a worker that fails to start would keep the others waiting. Requests
//! that are under way when rlt ends a run still get their complete answer, because the answers that buyers got must be
//! known.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use async_trait::async_trait;
use rlt::{BenchSuite, IterInfo, IterReport, Status};
use system::client::Buyer;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    crowd::Crowd,
    meter::{Meter, Reading},
    patience::{was_silent, within},
    plan::{Plan, Step},
    record::{Record, Reply},
    schedule::Schedule,
};
use crate::load::connection::{Answer, Connection};

/// The pause after a connection broke, so that workers do not retry a dead server without a break.
const BROKEN_PAUSE: Duration = Duration::from_millis(100);

/// How long an answer to a request under way may take at the end.
const LAST_ANSWER: Duration = Duration::from_secs(30);

/// All workers of a run. Clones are the same run.
#[derive(Clone)]
pub struct Workers {
    shared: Arc<Shared>,
}

pub struct Visits {
    pub plan: Plan,
    pub address: SocketAddr,
    pub crowd: Crowd,
    pub schedule: Schedule,
    /// The processes whose CPU time is read at the end of the warm-up.
    pub meter: Meter,
    /// Whether the time ends the run.
    pub is_timed: bool,
    /// The deadline of an answer. Once an answer has missed it, no more requests are sent.
    pub answer_deadline: Duration,
}

struct Shared {
    visits: Visits,
    next: AtomicU64,
    before: OnceLock<anyhow::Result<Reading>>,
    /// Set once an answer missed its deadline. The remaining requests then fail without being sent; otherwise a run
    /// would wait as long again for each of them.
    is_silent: AtomicBool,
    ready: Mutex<Vec<Connection>>,
    records: Mutex<Vec<Record>>,
}

impl Workers {
    pub async fn connect(visits: Visits, count: u32) -> anyhow::Result<Self> {
        let mut ready = Vec::new();
        for _ in 0..count {
            let connection = within(visits.answer_deadline, Connection::open(visits.address)).await;
            ready.push(connection.context("cannot connect")?);
        }
        let shared = Shared {
            visits,
            next: AtomicU64::new(0),
            before: OnceLock::new(),
            is_silent: AtomicBool::new(false),
            ready: Mutex::new(ready),
            records: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// When the run started; `None` if it did not.
    pub fn started(&self) -> Option<Instant> {
        self.shared.visits.schedule.started()
    }

    /// The CPU time that was used before the first measured request; `None` if there was none.
    pub fn before(&self) -> Option<&anyhow::Result<Reading>> {
        self.shared.before.get()
    }

    pub fn due_by(&self, now: Instant) -> u64 {
        self.shared.visits.schedule.due_by(now)
    }

    /// Takes the observations of all workers that have ended.
    pub fn records(&self) -> Vec<Record> {
        std::mem::take(&mut *lock(&self.shared.records))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct Worker {
    /// `None` after it broke.
    connection: Option<Connection>,
    visitor: Option<(Buyer, usize)>,
    request: Vec<u8>,
    on_its_way: Option<OnItsWay>,
    records: Vec<Record>,
}

struct OnItsWay {
    buyer: Buyer,
    step: Step,
    due: Instant,
    asked: Instant,
    counts: bool,
}

impl Worker {
    fn turn(&mut self, visits: &Visits) -> anyhow::Result<(Buyer, Step)> {
        let visit = visits.plan.visit;
        if let Some((buyer, done)) = &self.visitor
            && let Some(step) = visit.get(*done)
        {
            return Ok((buyer.clone(), *step));
        }
        let buyer = visits.crowd.next()?;
        let step = *visit.first().context("a visit of no steps")?;
        self.visitor = Some((buyer.clone(), 0));
        Ok((buyer, step))
    }

    fn ended(&mut self, reply: Reply) {
        if let Some((_, done)) = &mut self.visitor {
            *done += 1;
        }
        if matches!(reply, Reply::Broken(_)) {
            self.connection = None;
        }
        if let Some(sent) = self.on_its_way.take() {
            self.records.push(Record {
                buyer: sent.buyer.id,
                step: sent.step,
                due: sent.due,
                asked: sent.asked,
                ended: Instant::now(),
                reply,
                counts: sent.counts,
            });
        }
    }
}

fn reply(answer: anyhow::Result<Answer<'_>>, step: Step) -> Reply {
    match answer {
        Ok(Answer { status, body }) => Reply::Answer {
            status,
            body: match step {
                Step::Browse => Box::default(),
                Step::Poll | Step::Buy => body.into(),
            },
        },
        Err(error) => Reply::Broken(format!("{error:#}")),
    }
}

#[async_trait]
impl BenchSuite for Workers {
    type WorkerState = Worker;

    async fn state(&self, _: u32) -> anyhow::Result<Worker> {
        let connection = lock(&self.shared.ready).pop();
        Ok(Worker {
            connection,
            visitor: None,
            request: Vec::new(),
            on_its_way: None,
            records: Vec::new(),
        })
    }

    async fn bench(&mut self, worker: &mut Worker, _: &IterInfo) -> anyhow::Result<IterReport> {
        let (shared, visits) = (&*self.shared, &self.shared.visits);
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if shared.is_silent.load(Ordering::Relaxed) {
            if visits.is_timed {
                // Without a fixed number of requests: rlt cancels this when the time is over.
                return pending().await;
            }
            bail!("not asked: the server was silent before");
        }
        if worker.connection.is_none() {
            sleep(BROKEN_PAUSE).await;
            let again = within(visits.answer_deadline, Connection::open(visits.address)).await;
            worker.connection = Some(again.context("cannot connect again")?);
        }
        let (buyer, step) = worker.turn(visits)?;
        visits.crowd.write(&mut worker.request, step, &buyer);
        let warms_up = visits.schedule.warms_up(number);
        if !warms_up {
            // All warm-up requests are answered: rlt waits for them.
            shared.before.get_or_init(|| visits.meter.read());
        }
        let due = visits.schedule.due(number, Instant::now());
        sleep_until(due).await;
        worker.on_its_way = Some(OnItsWay {
            buyer,
            step,
            due,
            asked: Instant::now(),
            counts: !warms_up,
        });
        let connection = worker.connection.as_mut().context("no connection")?;
        let answer = within(visits.answer_deadline, connection.ask(&worker.request)).await;
        if answer.as_ref().is_err_and(was_silent) {
            shared.is_silent.store(true, Ordering::Relaxed);
        }
        let reply = reply(answer, step);
        let duration = due.elapsed();
        let report = report(&visits.plan, step, &reply, duration);
        worker.ended(reply);
        report
    }

    async fn teardown(self, mut worker: Worker, _: IterInfo) -> anyhow::Result<()> {
        if let (Some(sent), Some(connection)) = (&mut worker.on_its_way, &mut worker.connection) {
            // At a rate the request was due, and a server that is silent at the end must show.
            sent.counts &= self.shared.visits.schedule.is_paced();
            let step = sent.step;
            let answer = timeout(LAST_ANSWER, connection.go_on(&worker.request)).await;
            let answer = answer.unwrap_or_else(|_| Err(anyhow!("no answer in time")));
            let reply = reply(answer, step);
            worker.ended(reply);
        }
        lock(&self.shared.records).append(&mut worker.records);
        Ok(())
    }
}

/// The report for rlt. A refusal that the scenario expects is a success.
fn report(
    plan: &Plan,
    step: Step,
    reply: &Reply,
    duration: Duration,
) -> anyhow::Result<IterReport> {
    match reply {
        Reply::Broken(why) => Err(anyhow!("{why}")),
        Reply::Answer { status, body } => {
            let code = i64::from(*status);
            let status = if plan.expected(step).contains(status) {
                Status::success(code)
            } else if *status < 500 {
                Status::client_error(code)
            } else {
                Status::server_error(code)
            };
            Ok(IterReport {
                duration,
                status,
                bytes: u64::try_from(body.len())?,
                items: 1,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rlt::{StatusKind, cli::Collector};
    use tempfile::tempdir;
    use tokio::{net::TcpListener, time::timeout};

    use super::{Meter, Record, Reply, Schedule, Step, Visits, Workers, report};
    use crate::scenarios::{command::Run, crowd::tests::crowd, drive::drive, plan::Scenario};

    #[test]
    fn only_a_refusal_that_is_expected_is_a_success() {
        let kind = |scenario: Scenario, step, status| {
            let reply = Reply::Answer {
                status,
                body: Box::default(),
            };
            let report = report(&scenario.plan(), step, &reply, Duration::ZERO).unwrap();
            report.status.kind()
        };
        let is_success = |kind| kind == StatusKind::Success;
        assert!(is_success(kind(Scenario::Rush, Step::Buy, 409)));
        assert!(!is_success(kind(Scenario::Soak, Step::Buy, 409)));
        assert!(!is_success(kind(Scenario::SoldOut, Step::Buy, 202)));
        assert!(!is_success(kind(Scenario::Mixed, Step::Poll, 409)));
        let away = kind(Scenario::Rush, Step::Buy, 503);
        assert_eq!(away, StatusKind::ServerError);
        let broken = Reply::Broken("reset".to_owned());
        let rush = Scenario::Rush.plan();
        assert!(report(&rush, Step::Buy, &broken, Duration::ZERO).is_err());
    }

    /// A run against a server that accepts connections and requests, but never answers.
    async fn silent(iterations: Option<u64>) -> (Vec<Record>, String) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let folder = tempdir().unwrap();
        let mut run = Run::planned(Scenario::Rush).unwrap();
        run.bench.concurrency = 2.try_into().unwrap();
        run.bench.iterations = iterations.map(|count| count.try_into().unwrap());
        if iterations.is_none() {
            run.bench.duration = Some(Duration::from_secs(1).into());
        }
        run.bench.collector = Some(Collector::Silent);
        run.bench.output_file = Some(folder.path().join("report"));
        let visits = Visits {
            plan: Scenario::Rush.plan(),
            address: listener.local_addr().unwrap(),
            crowd: crowd(0),
            schedule: Schedule::new(None, 0),
            meter: Meter::default(),
            is_timed: iterations.is_none(),
            answer_deadline: Duration::from_millis(100),
        };
        let workers = Workers::connect(visits, 2).await.unwrap();
        let driving = drive(run, workers.clone());
        let tally = timeout(Duration::from_secs(30), driving).await;
        let failure = tally.unwrap().unwrap().complete().unwrap_err();
        (workers.records(), failure.to_string())
    }

    #[tokio::test]
    async fn a_server_that_is_silent_ends_a_run_as_broken_and_is_not_asked_again() {
        for iterations in [Some(100_000), None] {
            let (records, failure) = silent(iterations).await;
            assert_eq!(records.len(), 2);
            let broken = |record: &Record| matches!(record.reply, Reply::Broken(_));
            assert!(records.iter().all(broken), "{records:?}");
            assert!(failure.contains("silent for 100ms"), "{failure}");
        }
    }
}
