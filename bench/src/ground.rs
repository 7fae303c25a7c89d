//! The system under test: the release build on servers of its own, as a deployment has it, but for the rate
//! limits, which are on and too high to refuse anyone.

use std::{
    iter::repeat_n,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, ensure};
use chrono::{TimeDelta, Utc};
use embedded::RedisOptions;
use sale::{
    gate::{
        Gate,
        admission::{BATCH_MAX, Known},
    },
    install::{self, InstallError},
    ledger::{NewProduct, NewSale, Sale},
    model::{BuyerId, OrderId, Purchase, SaleId, Verdict},
    money::{Currency, Money},
};
use system::{
    processes::{ApiProcess, Process},
    rest::at_rest,
    stage::{Setting, Stage, StageError},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{
    cpu,
    load::{self, Outcome, Pace, Requests, answers::Expected},
};

/// Connections at full load.
pub const CONNECTIONS: usize = 128;

/// Before a run, one of so many of its purchases is made to warm up.
pub const WARM_UP_PART: usize = 10;

/// How long an empty journal is waited for when a sale is installed.
const DRAIN: Duration = Duration::from_secs(5);

/// How long is waited until an install that is under way is looked at again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// How long everything may take to be in Postgres.
pub const POSTED_DEADLINE: Duration = Duration::from_secs(300);

/// A running system, with one API. A reconciler is started where posting is measured, else at the end.
pub struct Ground {
    /// Its processes and servers.
    pub stage: Stage,
    /// Where its API shows its metrics.
    pub metrics: SocketAddr,
    sales: Mutex<Vec<SaleId>>,
}

/// CPU time for each request of a run.
#[derive(Debug, Clone)]
pub struct Costs {
    /// What came of it.
    pub outcome: Outcome,
    /// Of the API.
    pub api: Duration,
    /// Of Redis.
    pub redis: Duration,
    /// Of this process, the load generator.
    pub generator: Duration,
}

impl Costs {
    /// The same, once it is sure that every purchase was answered in this way.
    ///
    /// # Errors
    /// One was not.
    pub fn all(self, expected: Expected) -> anyhow::Result<Self> {
        self.outcome.answers.all(expected)?;
        Ok(self)
    }
}

impl Ground {
    /// Starts it.
    ///
    /// # Errors
    /// Something could not be built or started.
    pub async fn start() -> anyhow::Result<Self> {
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, embedded::free_port()?));
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

    /// A sale of so many units that is open in its gate.
    ///
    /// # Errors
    /// It was not made.
    pub async fn sale(&self, units: u32) -> anyhow::Result<Sale> {
        let ledger = &self.stage.ledger;
        let product = ledger.create_product(NewProduct {
            name: "A thing".to_owned(),
            description: None,
            price: Money::from_cents(1_000)?,
            currency: Currency::DEFAULT,
            image_url: None,
            quantity: units,
        });
        let now = Utc::now();
        let sale = ledger.create_sale(NewSale {
            id: SaleId::random(),
            product: product.await?.id,
            start: now - TimeDelta::seconds(1),
            end: now + TimeDelta::hours(1),
            units: None,
        });
        let sale = sale.await?;
        let began = Instant::now();
        // A reconciler that is at work installs each sale that has no gate, and may be at this one just now.
        loop {
            match install::install(&self.stage.gate, ledger, sale.id, DRAIN).await {
                Ok(_) => break,
                Err(InstallError::Busy) if began.elapsed() < DRAIN => sleep(BUSY_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
        self.sales.lock().await.push(sale.id);
        Ok(sale)
    }

    /// A sale with so many buyers, and units for so many more.
    ///
    /// # Errors
    /// It was not made, or somebody was not admitted.
    pub async fn filled(&self, buyers: usize, more: usize) -> anyhow::Result<Sale> {
        let sale = self.sale(u32::try_from(buyers + more)?).await?;
        self.fill(sale.id, buyers).await?;
        Ok(sale)
    }

    /// Sales that each have so many buyers already, and so many purchases more, one sale after the other: so
    /// few for each that none becomes more than twice as large.
    ///
    /// # Errors
    /// As [`Ground::filled`] and [`Ground::buyers`].
    pub async fn crowd(&self, buyers: usize, purchases: usize) -> anyhow::Result<Arc<Requests>> {
        let (sales, each) = spread(purchases, buyers);
        let mut wanted = Vec::new();
        for _ in 0..sales {
            let sale = self.filled(buyers, each).await?.id;
            wanted.extend(repeat_n(sale, each));
        }
        self.buyers_of(wanted)
    }

    /// Sells to so many new buyers.
    ///
    /// # Errors
    /// One of them was not admitted.
    pub async fn fill(&self, sale: SaleId, buyers: usize) -> anyhow::Result<()> {
        let mut left = buyers;
        while left > 0 {
            let count = left.min(BATCH_MAX);
            let batch: Vec<Purchase> = (0..count).map(|_| stranger()).collect();
            let decision = self.gate().admit(sale, &Known::default(), &batch).await?;
            let won = decision.verdicts.iter().all(|it| *it == Verdict::Admitted);
            ensure!(won, "somebody was not admitted");
            left -= count;
        }
        Ok(())
    }

    /// Posts all that was sold, and ends everything. What was measured counts only if all sales agree.
    ///
    /// # Errors
    /// One does not agree, or was not posted in time.
    pub async fn close(mut self) -> anyhow::Result<()> {
        if self.stage.reconcilers().is_empty() {
            self.stage.start_reconciler(&[]).map_err(plain)?;
        }
        for sale in self.sales.lock().await.drain(..) {
            let (gate, ledger) = (&self.stage.gate, &self.stage.ledger);
            at_rest(gate, ledger, sale, POSTED_DEADLINE).await?;
            let row = self.stage.audit(sale).await.map_err(plain)?;
            ensure!(row.agrees, "a sale does not agree: {row:?}");
        }
        self.stage.close().await.map_err(plain)?;
        Ok(())
    }

    /// So many buyers who want to buy in a sale.
    ///
    /// # Errors
    /// Tokens can not be signed.
    pub fn buyers(&self, sale: SaleId, count: usize) -> anyhow::Result<Arc<Requests>> {
        self.buyers_of(repeat_n(sale, count))
    }

    /// One buyer for each sale that is named, in this order.
    ///
    /// # Errors
    /// Tokens can not be signed.
    pub fn buyers_of(
        &self,
        sales: impl IntoIterator<Item = SaleId>,
    ) -> anyhow::Result<Arc<Requests>> {
        Requests::purchases(sales, &self.stage.tokens).map(Arc::new)
    }

    /// Everything is connected, and every page touched, before so many purchases are measured.
    ///
    /// # Errors
    /// As [`Ground::run`].
    pub async fn warm_up(&self, api: &ApiProcess, purchases: usize) -> anyhow::Result<()> {
        let count = purchases / WARM_UP_PART;
        let sale = self.sale(u32::try_from(count)?).await?;
        let buyers = self.buyers(sale.id, count)?;
        let costs = self.run(api, &buyers, Pace::Full).await?;
        costs.all(Expected::Accepted)?;
        Ok(())
    }

    /// Sends requests to an API at full load, or at a rate, and measures what they cost.
    ///
    /// # Errors
    /// An answer is missing.
    pub async fn run(
        &self,
        api: &ApiProcess,
        requests: &Arc<Requests>,
        pace: Pace,
    ) -> anyhow::Result<Costs> {
        self.run_over(CONNECTIONS, api, requests, pace).await
    }

    /// The same, over so many connections.
    ///
    /// # Errors
    /// An answer is missing.
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

    /// The gate.
    pub const fn gate(&self) -> &Gate {
        &self.stage.gate
    }

    /// What Redis holds in memory, bytes.
    ///
    /// # Errors
    /// It does not say.
    pub fn redis_memory(&self) -> anyhow::Result<u64> {
        let redis = self.stage.redis().context("redis does not run")?;
        let info = redis.command(&["INFO", "memory"])?;
        let used = info
            .lines()
            .find_map(|line| line.trim().strip_prefix("used_memory:"))
            .context("redis does not say its memory")?;
        Ok(used.parse()?)
    }

    /// The process of Redis.
    ///
    /// # Errors
    /// It does not run.
    pub fn redis_pid(&self) -> anyhow::Result<u32> {
        let redis = self.stage.redis().and_then(embedded::RedisServer::pid);
        redis.context("redis does not run")
    }
}

fn stranger() -> Purchase {
    Purchase {
        buyer: BuyerId::random(),
        order: OrderId::random(),
    }
}

/// Over how many sales of so many buyers purchases go, and how many go to each.
fn spread(purchases: usize, buyers: usize) -> (usize, usize) {
    let sales = purchases.div_ceil(buyers);
    (sales, purchases / sales)
}

fn used(pids: [u32; 3]) -> anyhow::Result<[Duration; 3]> {
    Ok([
        cpu::used(pids[0])?,
        cpu::used(pids[1])?,
        cpu::used(pids[2])?,
    ])
}

/// The address in a URL of this machine.
///
/// # Errors
/// There is none.
pub fn address_of(url: &str) -> anyhow::Result<SocketAddr> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    address
        .parse()
        .with_context(|| format!("no address: {url}"))
}

/// A process's id.
///
/// # Errors
/// It does not run.
pub fn pid(process: &Process) -> anyhow::Result<u32> {
    process.pid().context("a process does not run")
}

/// A fixture's error as one of ours.
pub fn plain(error: StageError) -> anyhow::Error {
    anyhow!(error)
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn no_sale_becomes_more_than_twice_as_large() {
        for (purchases, buyers) in [(50_000, 1_000), (100_000, 1_000), (2_000, 1_000_000)] {
            let (sales, each) = spread(purchases, buyers);
            assert!(each <= buyers, "{each} more buyers in a sale of {buyers}");
            assert_eq!(sales * each, purchases);
        }
    }
}
