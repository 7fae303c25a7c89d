//! The system under test: the release build on servers of its own, as in a deployment, except for the rate limits,
//! which are on and too high to reject anyone. [`sales`] makes its sales and their buyers.

mod sales;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, ensure};
use sale::{
    gate::{Gate, snapshot::Snapshot},
    model::SaleId,
};
use servers::{RedisOptions, RedisServer};
use system::{
    processes::{ApiProcess, Process},
    rest::at_rest,
    stage::{Setting, Stage, StageError},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    cpu,
    load::{self, Outcome, Pace, Requests, answers::Expected},
};

/// Connections at full load.
pub const CONNECTIONS: usize = 128;

/// The warm-up before a run is this fraction of its purchases.
pub const WARM_UP_PART: usize = 10;

/// How long Redis may take to rewrite its file, and the pause between two checks.
const REWRITE_DEADLINE: Duration = Duration::from_secs(60);
const REWRITE_PAUSE: Duration = Duration::from_millis(50);

/// How long it may take until everything is in Postgres.
pub const POSTED_DEADLINE: Duration = Duration::from_secs(300);

/// The pause between two looks at a gate.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// A running system with one API. A reconciler starts when posting is measured, else at the end.
pub struct Ground {
    pub stage: Stage,
    pub metrics: SocketAddr,
    sales: Mutex<Vec<SaleId>>,
}

#[derive(Debug, Clone)]
pub struct Costs {
    pub outcome: Outcome,
    pub api: Duration,
    pub redis: Duration,
    pub generator: Duration,
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
            api: vec![("METRICS_ADDRESS".to_owned(), metrics.to_string())],
            ..Setting::default()
        });
        let stage = stage.await.map_err(plain)?;
        Ok(Self {
            stage,
            metrics,
            sales: Mutex::default(),
        })
    }

    /// Starts a reconciler, unless there is one.
    pub fn begin_posting(&mut self) -> anyhow::Result<()> {
        if self.stage.reconcilers().is_empty() {
            self.stage.start_reconciler(&[]).map_err(plain)?;
        }
        Ok(())
    }

    /// Posts all purchases, and ends everything. Measurements count only if all sales agree.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.begin_posting()?;
        for sale in self.sales.lock().await.drain(..) {
            let (gate, ledger) = (&self.stage.gate, &self.stage.ledger);
            at_rest(gate, ledger, sale, POSTED_DEADLINE).await?;
            let row = self.stage.audit(sale).await.map_err(plain)?;
            ensure!(row.agrees, "a sale does not agree: {row:?}");
        }
        self.stage.close().await.map_err(plain)?;
        Ok(())
    }

    /// Warms up before a run of this many purchases, so that everything is connected and every page is touched.
    pub async fn warm_up(&self, api: &ApiProcess, purchases: usize) -> anyhow::Result<()> {
        let count = purchases / WARM_UP_PART;
        self.winners(CONNECTIONS, api, count).await?;
        Ok(())
    }

    /// A sale with a unit for every buyer, at full load over this many connections.
    pub async fn winners(
        &self,
        connections: usize,
        api: &ApiProcess,
        count: usize,
    ) -> anyhow::Result<Costs> {
        let sale = self.sale(u32::try_from(count)?).await?;
        let buyers = self.buyers(sale.id, count)?;
        let costs = self.run_over(connections, api, &buyers, Pace::Full);
        costs.await?.all(Expected::Accepted)
    }

    /// Sends requests to an API at full load, or at a rate, and measures their cost.
    pub async fn run(
        &self,
        api: &ApiProcess,
        requests: &Arc<Requests>,
        pace: Pace,
    ) -> anyhow::Result<Costs> {
        self.run_over(CONNECTIONS, api, requests, pace).await
    }

    pub async fn run_over(
        &self,
        connections: usize,
        api: &ApiProcess,
        requests: &Arc<Requests>,
        pace: Pace,
    ) -> anyhow::Result<Costs> {
        let address = address_of(&api.url())?;
        let pids = [pid(api.process())?, self.redis_pid()?, std::process::id()];
        let before = used(pids)?;
        let outcome = load::send(address, requests, connections, pace).await?;
        let after = used(pids)?;
        let count = u32::try_from(requests.count())?;
        let each = |place: usize| (after[place] - before[place]) / count;
        Ok(Costs {
            outcome,
            api: each(0),
            redis: each(1),
            generator: each(2),
        })
    }

    /// Waits until the gate of a sale meets a condition, and returns when it did.
    pub async fn until(
        &self,
        sale: SaleId,
        deadline: Instant,
        wanted: impl Fn(&Snapshot) -> bool,
    ) -> anyhow::Result<Instant> {
        let looking = async {
            loop {
                let gate = self.gate().snapshot(sale).await?.context("no gate")?;
                if wanted(&gate) {
                    return anyhow::Ok(Instant::now());
                }
                sleep(LOOK_PAUSE).await;
            }
        };
        timeout_at(deadline, looking)
            .await
            .context("the journal was not posted in time")?
    }

    /// Waits until the posting of a sale's journal has begun, and returns when it began.
    pub async fn until_posting(&self, sale: SaleId, deadline: Instant) -> anyhow::Result<Instant> {
        let begun = |gate: &Snapshot| gate.backlog.pending > 0 || gate.forgotten > 0;
        self.until(sale, deadline, begun).await
    }

    pub const fn gate(&self) -> &Gate {
        &self.stage.gate
    }

    /// Makes Redis rewrite its file, and waits for it. Redis also does so whenever the file has doubled, as after
    /// filling a sale: a run just behind then pays for the pages that Redis copies.
    pub async fn file_rewritten(&self) -> anyhow::Result<()> {
        let rewritten = async {
            self.until_file_is_written().await?;
            self.redis()?.command(&["BGREWRITEAOF"])?;
            self.until_file_is_written().await
        };
        timeout(REWRITE_DEADLINE, rewritten)
            .await
            .context("redis still writes its file")?
    }

    async fn until_file_is_written(&self) -> anyhow::Result<()> {
        while self.is_rewriting()? {
            sleep(REWRITE_PAUSE).await;
        }
        Ok(())
    }

    fn is_rewriting(&self) -> anyhow::Result<bool> {
        let is = |name| anyhow::Ok(self.redis_info("persistence", name)? == "1");
        Ok(is("aof_rewrite_in_progress")? || is("aof_rewrite_scheduled")?)
    }

    /// The memory that Redis uses, bytes.
    pub fn redis_memory(&self) -> anyhow::Result<u64> {
        Ok(self.redis_info("memory", "used_memory")?.parse()?)
    }

    fn redis_info(&self, section: &str, name: &str) -> anyhow::Result<String> {
        let info = self.redis()?.command(&["INFO", section])?;
        let mut lines = info.lines().filter_map(|line| line.trim().split_once(':'));
        let (_, value) = lines
            .find(|(found, _)| *found == name)
            .with_context(|| format!("redis does not say its {name}"))?;
        Ok(value.to_owned())
    }

    fn redis(&self) -> anyhow::Result<&RedisServer> {
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

fn used(pids: [u32; 3]) -> anyhow::Result<[Duration; 3]> {
    Ok([
        cpu::used(pids[0])?,
        cpu::used(pids[1])?,
        cpu::used(pids[2])?,
    ])
}

pub fn address_of(url: &str) -> anyhow::Result<SocketAddr> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    address
        .parse()
        .with_context(|| format!("no address: {url}"))
}

pub fn pid(process: &Process) -> anyhow::Result<u32> {
    process.pid().context("a process does not run")
}

pub fn plain(error: StageError) -> anyhow::Error {
    anyhow!(error)
}
