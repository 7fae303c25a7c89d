//! The system under test: the release build on servers of its own, as in a deployment, except for the rate limits,
//! which are on and too high to reject anyone. [`sales`] makes its sales and their buyers.

pub mod sales;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Error, ensure};
use sale::{
    gate::{Gate, snapshot::Snapshot},
    model::SaleId,
};
use secrecy::ExposeSecret as _;
use servers::{RedisOptions, RedisServer};
use sqlx::PgPool;
use system::{
    processes::{ApiProcess, Process},
    rest::at_rest,
    stage::{Setting, Stage},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    cpu::micros_each,
    load::{self, Outcome, Pace, Requests, answers::Expected},
};

/// Connections at full load.
pub const CONNECTIONS: usize = 128;

/// The warm-up before a run is this fraction of its purchases.
pub const WARM_UP_PART: usize = 10;

/// How long Redis may take to rewrite its file.
const REWRITE_DEADLINE: Duration = Duration::from_secs(60);

/// How long it may take until everything is in Postgres.
pub const POSTED_DEADLINE: Duration = Duration::from_secs(300);

/// The pause between two looks at what is waited for.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// A running system with one API. A reconciler starts when posting is measured, else at the end.
pub struct Ground {
    pub stage: Stage,
    pub metrics: SocketAddr,
    sales: Mutex<Vec<SaleId>>,
}

/// The outcome of a run, and the CPU time of each process for a request, microseconds.
#[derive(Debug, Clone)]
pub struct Costs {
    pub outcome: Outcome,
    pub api: f64,
    pub redis: f64,
    pub generator: f64,
}

impl Costs {
    pub fn all(self, expected: Expected) -> anyhow::Result<Self> {
        self.outcome.answers.all(expected)?;
        Ok(self)
    }
}

impl Ground {
    pub async fn start() -> anyhow::Result<Self> {
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, servers::free_port()?));
        let stage = Stage::open(Setting {
            own_redis: Some(RedisOptions {
                supervised: false,
                ..RedisOptions::default()
            }),
            own_postgres: true,
            reconcilers: 0,
            api: vec![
                ("METRICS_ADDRESS".to_owned(), metrics.to_string()),
                // All streams come from one address.
                ("STREAMS_PER_ADDRESS_MAX".to_owned(), "0".to_owned()),
            ],
            ..Setting::default()
        });
        Ok(Self {
            stage: stage.await.map_err(Error::from_boxed)?,
            metrics,
            sales: Mutex::default(),
        })
    }

    /// Starts one more API, with a setting of its own: its number.
    pub fn start_api(&mut self, setting: &str, value: usize) -> anyhow::Result<usize> {
        let settings = [(setting, &*value.to_string()), ("METRICS_ADDRESS", "off")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let started = self.stage.start_api(&settings);
        started.map_err(Error::from_boxed)
    }

    /// Starts a reconciler, unless there is one.
    pub fn begin_posting(&mut self) -> anyhow::Result<()> {
        if self.stage.reconcilers().is_empty() {
            let started = self.stage.start_reconciler(&[]);
            started.map_err(Error::from_boxed)?;
        }
        Ok(())
    }

    /// Posts all purchases, and ends everything. Measurements count only if all sales agree.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.begin_posting()?;
        for sale in self.sales.lock().await.drain(..) {
            let (gate, ledger) = (&self.stage.gate, &self.stage.ledger);
            at_rest(gate, ledger, sale, POSTED_DEADLINE).await?;
            let row = self.stage.audit(sale).await.map_err(Error::from_boxed)?;
            ensure!(row.agrees, "a sale does not agree: {row:?}");
        }
        self.stage.close().await.map_err(Error::from_boxed)?;
        Ok(())
    }

    /// Warms up before runs of this many purchases, so that everything is connected and every page is touched.
    pub async fn warm_up(&self, api: &ApiProcess, purchases: usize) -> anyhow::Result<()> {
        let count = purchases / WARM_UP_PART;
        self.winners(api, CONNECTIONS, count).await?;
        Ok(())
    }

    /// A sale with a unit for every buyer, at full load.
    pub async fn winners(
        &self,
        api: &ApiProcess,
        connections: usize,
        count: usize,
    ) -> anyhow::Result<Costs> {
        let sale = self.sale(u32::try_from(count)?).await?;
        let buyers = self.buyers(sale.id, count)?;
        let costs = self.run_over(api, connections, &buyers, Pace::Full);
        costs.await?.all(Expected::Accepted)
    }

    /// Sends requests to the first API at full load: each must get this answer.
    pub async fn run(&self, requests: &Arc<Requests>, expected: Expected) -> anyhow::Result<Costs> {
        let costs = self.run_over(self.stage.api(), CONNECTIONS, requests, Pace::Full);
        costs.await?.all(expected)
    }

    pub async fn run_over(
        &self,
        api: &ApiProcess,
        connections: usize,
        requests: &Arc<Requests>,
        pace: Pace,
    ) -> anyhow::Result<Costs> {
        let pids = [pid(api.process())?, self.redis_pid()?, std::process::id()];
        let sending = load::send(address_of(&api.url())?, requests, connections, pace);
        let (outcome, [api, redis, generator]) =
            micros_each(pids, requests.count(), sending).await?;
        Ok(Costs {
            outcome,
            api,
            redis,
            generator,
        })
    }

    /// Waits until the gate of a sale meets a condition, and returns when it did.
    pub async fn until(
        &self,
        sale: SaleId,
        deadline: Instant,
        wanted: impl Fn(&Snapshot) -> bool,
    ) -> anyhow::Result<Instant> {
        let met = async || {
            let gate = self.gate().snapshot(sale).await?.context("no gate")?;
            Ok(wanted(&gate).then(Instant::now))
        };
        found("the journal is posted", deadline, met).await
    }

    /// Waits until the posting of a sale's journal has begun, and returns when it began.
    pub async fn until_posting(&self, sale: SaleId, deadline: Instant) -> anyhow::Result<Instant> {
        let begun = |gate: &Snapshot| gate.backlog.pending > 0 || gate.forgotten > 0;
        self.until(sale, deadline, begun).await
    }

    pub async fn postgres(&self) -> anyhow::Result<PgPool> {
        let url = self.stage.deployment.database_url.expose_secret();
        Ok(PgPool::connect(url).await?)
    }

    pub const fn gate(&self) -> &Gate {
        &self.stage.gate
    }

    /// Makes Redis rewrite its file, and waits for it. Redis also does so whenever the file has doubled, as after
    /// filling a sale: a run just behind then pays for the pages that Redis copies.
    pub async fn file_rewritten(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + REWRITE_DEADLINE;
        let at_rest = async || {
            let is = |name| anyhow::Ok(self.redis_info("persistence", name)? == "1");
            let busy = is("aof_rewrite_in_progress")? || is("aof_rewrite_scheduled")?;
            Ok((!busy).then_some(()))
        };
        found("redis has written its file", deadline, at_rest).await?;
        self.redis()?.command(&["BGREWRITEAOF"])?;
        found("redis has rewritten its file", deadline, at_rest).await
    }

    /// The commands that Redis has run, those of scripts included.
    pub fn redis_commands(&self) -> anyhow::Result<u64> {
        Ok(self
            .redis_info("stats", "total_commands_processed")?
            .parse()?)
    }

    /// The memory that Redis uses, bytes.
    pub fn redis_memory(&self) -> anyhow::Result<u64> {
        Ok(self.redis_info("memory", "used_memory")?.parse()?)
    }

    /// The memory that Redis uses in addition to an earlier amount, for each of so many buyers, bytes.
    pub fn bytes_each(&self, before: u64, buyers: usize) -> anyhow::Result<f64> {
        let more = self.redis_memory()?.checked_sub(before);
        let more = more.context("Redis has less memory in use than before")?;
        Ok(more as f64 / buyers as f64)
    }

    fn redis_info(&self, section: &str, name: &str) -> anyhow::Result<String> {
        let info = self.redis()?.command(&["INFO", section])?;
        let mut lines = info.lines().filter_map(|line| line.trim().split_once(':'));
        let line = lines.find(|(found, _)| *found == name);
        let (_, value) = line.with_context(|| format!("redis does not say its {name}"))?;
        Ok(value.to_owned())
    }

    pub fn redis(&self) -> anyhow::Result<&RedisServer> {
        self.stage.redis().context("redis does not run")
    }

    pub fn api_pid(&self) -> anyhow::Result<u32> {
        pid(self.stage.api().process())
    }

    pub fn reconciler_pid(&self) -> anyhow::Result<u32> {
        let reconciler = self.stage.reconcilers().first();
        pid(reconciler.context("there is no reconciler")?.process())
    }

    pub fn redis_pid(&self) -> anyhow::Result<u32> {
        self.redis()?.pid().context("redis does not run")
    }
}

/// Looks until there is something to return.
pub async fn found<T>(
    what: &'static str,
    deadline: Instant,
    look: impl AsyncFn() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            sleep(LOOK_PAUSE).await;
        }
    };
    let found = timeout_at(deadline, looking).await;
    found.with_context(|| format!("waited too long until {what}"))?
}

pub fn address_of(url: &str) -> anyhow::Result<SocketAddr> {
    let address = url.strip_prefix("http://").unwrap_or(url).parse();
    address.with_context(|| format!("no address: {url}"))
}

fn pid(process: &Process) -> anyhow::Result<u32> {
    process.pid().context("a process does not run")
}
