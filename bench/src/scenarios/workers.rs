//! The buyers as workers of rlt: each has a connection, and acts like a visitor, one request an iteration. The
//! connections are made before rlt starts, because a worker that fails to start would keep the others waiting. Requests
//! that are under way when rlt ends a run still get their complete answer, because the answers that buyers got must be
//! known. No worker waits for ever for a server that is silent.

use std::{
    future::pending,
    mem,
    net::SocketAddr,
    slice,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use async_trait::async_trait;
use rlt::{BenchSuite, IterInfo, IterReport, Status};
use system::client::Buyer;
use tokio::time::{Instant, error::Elapsed, sleep, sleep_until, timeout};

use super::{
    crowd::Crowd,
    drive::lock,
    outcome::{Meter, Reading},
    plan::{Plan, Step},
    record::{Record, Reply},
    schedule::Schedule,
};
use crate::load::connection::{Connection, connect, within};

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
            ready.push(connect(visits.address, visits.answer_deadline).await?);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                visits,
                next: AtomicU64::new(0),
                before: OnceLock::new(),
                is_silent: AtomicBool::new(false),
                ready: Mutex::new(ready),
                records: Mutex::default(),
            }),
        })
    }

    pub fn schedule(&self) -> &Schedule {
        &self.shared.visits.schedule
    }

    /// The CPU time that was used before the first measured request; `None` if there was none.
    pub fn before(&self) -> Option<&anyhow::Result<Reading>> {
        self.shared.before.get()
    }

    /// Takes the observations of all workers that have ended.
    pub fn records(&self) -> Vec<Record> {
        mem::take(&mut *lock(&self.shared.records))
    }
}

#[derive(Default)]
pub struct Worker {
    /// `None` after it broke.
    connection: Option<Connection>,
    /// The visitor, and the rest of the visit.
    visit: Option<(Buyer, slice::Iter<'static, Step>)>,
    request: Vec<u8>,
    on_its_way: Option<Record>,
    records: Vec<Record>,
}

impl Worker {
    fn turn(&mut self, visits: &Visits) -> anyhow::Result<(Buyer, Step)> {
        if let Some((buyer, rest)) = &mut self.visit
            && let Some(step) = rest.next()
        {
            return Ok((buyer.clone(), *step));
        }
        let (buyer, mut rest) = (visits.crowd.next()?, visits.plan.visit.iter());
        let step = rest.next().context("a visit of no steps")?;
        self.visit = Some((buyer.clone(), rest));
        Ok((buyer, *step))
    }

    fn ended(&mut self, reply: Reply) {
        if matches!(reply, Reply::Broken(_)) {
            self.connection = None;
        }
        if let Some(mut record) = self.on_its_way.take() {
            record.end(reply);
            self.records.push(record);
        }
    }
}

#[async_trait]
impl BenchSuite for Workers {
    type WorkerState = Worker;

    async fn state(&self, _: u32) -> anyhow::Result<Worker> {
        Ok(Worker {
            connection: lock(&self.shared.ready).pop(),
            ..Worker::default()
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
            worker.connection = Some(connect(visits.address, visits.answer_deadline).await?);
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
        worker.on_its_way = Some(Record {
            counts: !warms_up,
            ..Record::begun(buyer.id, step, due)
        });
        let connection = worker.connection.as_mut().context("no connection")?;
        let answer = within(visits.answer_deadline, connection.ask(&worker.request)).await;
        if answer.as_ref().is_err_and(anyhow::Error::is::<Elapsed>) {
            shared.is_silent.store(true, Ordering::Relaxed);
        }
        let reply = Reply::of(answer, step);
        let report = report(&visits.plan, step, &reply, due.elapsed());
        worker.ended(reply);
        report
    }

    async fn teardown(self, mut worker: Worker, _: IterInfo) -> anyhow::Result<()> {
        if let (Some(sent), Some(connection)) = (&mut worker.on_its_way, &mut worker.connection) {
            // At a rate the request was due, and a server that is silent at the end must show.
            sent.counts &= self.schedule().is_paced();
            let answer = timeout(LAST_ANSWER, connection.go_on(&worker.request)).await;
            let answer = answer.unwrap_or_else(|_| Err(anyhow!("no answer in time")));
            let reply = Reply::of(answer, sent.step);
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
    let (status, body) = match reply {
        Reply::Answer { status, body } => (*status, body),
        Reply::Broken(why) => bail!("{why}"),
    };
    let code = i64::from(status);
    Ok(IterReport {
        duration,
        status: if plan.expected(step).contains(&status) {
            Status::success(code)
        } else if status < 500 {
            Status::client_error(code)
        } else {
            Status::server_error(code)
        },
        bytes: u64::try_from(body.len())?,
        items: 1,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rlt::{StatusKind, cli::Collector};
    use tempfile::tempdir;
    use tokio::{net::TcpListener, time::timeout};

    use super::{Record, Reply, Schedule, Step, Visits, Workers, report};
    use crate::scenarios::{
        command::Run, crowd::tests::crowd, drive::drive, outcome::Meter, plan::Scenario,
    };

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
