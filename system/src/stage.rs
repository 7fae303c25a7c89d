//! A whole system for one test: real processes on real servers, a database and keys of its own.
//!
//! [`Stage::close`] is part of the test: it waits until every sale is at rest, and proves that
//! nobody was told anything wrong, that the audit agrees, and that no work is left.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use embedded::{Durability, PostgresOptions, PostgresServer, RedisOptions, RedisServer, testing};
use sale::{
    gate::Gate,
    ledger::{Ledger, NewProduct, NewSale, Sale},
    model::{ProductId, SaleId},
    money::{Currency, Money},
    token::Tokens,
};
use tokio::task::spawn_blocking;

use crate::{
    audit::{Row, audit},
    binaries::{Binaries, Progress},
    client::{Buyer, Client},
    deployment::Deployment,
    history::{Circumstances, History, Proof, check},
    processes::{ApiOptions, ApiProcess, Process, ReconcilerProcess},
    rest::{AtRest, at_rest},
};

/// What goes wrong in a fixture is for a person to read, and nothing else.
pub type StageError = Box<dyn std::error::Error + Send + Sync>;

/// How long a sale may take to come to rest.
const REST_DEADLINE: Duration = Duration::from_secs(60);

/// How long a sale may take to be installed after it was created.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);

/// Units of the product beyond those of its sale, to restock from.
const SPARE_UNITS: u32 = 1_000;

/// What a test needs of its servers.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// A Redis of the test's own, which it may empty, kill and pause; else the shared one.
    pub own_redis: Option<RedisOptions>,
    /// A Postgres of the test's own; else the shared one.
    pub own_postgres: bool,
    /// More settings of the API.
    pub api: Vec<(String, String)>,
    /// More settings of the reconciler.
    pub reconciler: Vec<(String, String)>,
}

/// A running system.
pub struct Stage {
    // In the order in which they must end.
    api: Option<ApiProcess>,
    reconciler: Option<ReconcilerProcess>,
    redis: Option<RedisServer>,
    postgres: Option<PostgresServer>,
    binaries: &'static Binaries,
    logs: Option<tempfile::TempDir>,
    /// Where its processes find each other.
    pub deployment: Deployment,
    /// A connection of the test's own to the gate.
    pub gate: Gate,
    /// A connection of the test's own to the ledger.
    pub ledger: Ledger,
    /// Mints what the API takes.
    pub tokens: Tokens,
    /// All that clients saw.
    pub history: History,
    sales: HashMap<SaleId, Circumstances>,
}

/// The blocking part of a start.
struct Started {
    api: ApiProcess,
    reconciler: ReconcilerProcess,
}

impl Stage {
    /// Builds what must be built, and starts a system.
    ///
    /// # Errors
    /// Something could not be started.
    pub async fn open(setting: Setting) -> Result<Self, StageError> {
        let (redis, postgres, deployment, binaries) = {
            let setting = setting.clone();
            spawn_blocking(move || servers(&setting)).await??
        };
        let ledger = Ledger::connect(&deployment.postgres()).await?;
        ledger.migrate().await?;
        let gate = Gate::connect(&deployment.redis()).await?;
        let tokens = Tokens::new(&deployment.tokens())?;

        let logs = tempfile::Builder::new()
            .prefix("mincommerce-stage-")
            .tempdir()?;
        let folder = logs.path().to_owned();
        let place = deployment.clone();
        let started = spawn_blocking(move || start(binaries, &place, &folder, setting)).await??;
        Ok(Self {
            api: Some(started.api),
            reconciler: Some(started.reconciler),
            redis,
            postgres,
            binaries,
            logs: Some(logs),
            deployment,
            gate,
            ledger,
            tokens,
            history: History::new(),
            sales: HashMap::new(),
        })
    }

    /// A product and a sale of it that starts and ends so long after now, created in the ledger. The
    /// reconciler installs it.
    ///
    /// # Errors
    /// The ledger refuses.
    pub async fn create_sale(
        &mut self,
        units: u32,
        start: TimeDelta,
        end: TimeDelta,
    ) -> Result<Sale, StageError> {
        let product = self.create_product(units + SPARE_UNITS).await?;
        let now = Utc::now();
        let sale = NewSale {
            id: SaleId::random(),
            product,
            start: now + start,
            end: now + end,
            units: Some(units),
        };
        let sale = self.ledger.create_sale(sale).await?;
        self.sales.insert(sale.id, Circumstances::default());
        Ok(sale)
    }

    /// A sale that sells now and for an hour, and is open in the gate.
    ///
    /// # Errors
    /// It was not created, or not installed in time.
    pub async fn open_sale(&mut self, units: u32) -> Result<Sale, StageError> {
        let sale = self
            .create_sale(units, -TimeDelta::seconds(1), TimeDelta::hours(1))
            .await?;
        self.until_open(sale.id).await?;
        Ok(sale)
    }

    async fn create_product(&self, quantity: u32) -> Result<ProductId, StageError> {
        let product = NewProduct {
            name: "A thing".to_owned(),
            description: None,
            price: Money::from_cents(1_000)?,
            currency: Currency::DEFAULT,
            image_url: None,
            quantity,
        };
        Ok(self.ledger.create_product(product).await?.id)
    }

    /// Waits until the gate decides purchases of a sale.
    ///
    /// # Errors
    /// Not in time.
    pub async fn until_open(&self, sale: SaleId) -> Result<(), StageError> {
        at_rest(&self.gate, &self.ledger, sale, OPEN_DEADLINE).await?;
        Ok(())
    }

    /// What the checker is to know of a sale that it can not see.
    ///
    /// # Panics
    /// This stage did not create the sale.
    pub fn circumstances(&mut self, sale: SaleId) -> &mut Circumstances {
        let Some(circumstances) = self.sales.get_mut(&sale) else {
            panic!("sale {sale} is not of this stage")
        };
        circumstances
    }

    /// A client of the API that records what it sees.
    ///
    /// # Errors
    /// The HTTP library can not be set up.
    pub fn client(&self) -> Result<Client, StageError> {
        Ok(Client::new(&self.api().url(), self.history.clone())?)
    }

    /// So many new buyers with tokens.
    ///
    /// # Errors
    /// Tokens can not be signed.
    pub fn buyers(&self, count: usize) -> Result<Vec<Buyer>, StageError> {
        Ok((0..count)
            .map(|_| Buyer::new(&self.tokens))
            .collect::<Result<_, _>>()?)
    }

    /// Reads the gate's clock into the history.
    ///
    /// # Errors
    /// There is no gate.
    pub async fn read_clock(&self, sale: SaleId) -> Result<DateTime<Utc>, StageError> {
        let snapshot = self.gate.snapshot(sale).await?.ok_or("there is no gate")?;
        self.history.clock(sale, snapshot.now);
        Ok(snapshot.now)
    }

    /// The API's process.
    pub fn api(&self) -> &ApiProcess {
        self.api
            .as_ref()
            .unwrap_or_else(|| unreachable!("it is there until the stage closes"))
    }

    /// The reconciler's process.
    pub fn reconciler(&self) -> &Process {
        let reconciler = self.reconciler.as_ref();
        reconciler
            .unwrap_or_else(|| unreachable!("it is there until the stage closes"))
            .process()
    }

    /// The test's own Redis, if it asked for one.
    pub const fn redis(&self) -> Option<&RedisServer> {
        self.redis.as_ref()
    }

    /// The test's own Postgres, if it asked for one.
    pub const fn postgres(&self) -> Option<&PostgresServer> {
        self.postgres.as_ref()
    }

    /// Waits until a sale is at rest, and reads it.
    ///
    /// # Errors
    /// Not in time.
    pub async fn at_rest(&self, sale: SaleId) -> Result<AtRest, StageError> {
        Ok(at_rest(&self.gate, &self.ledger, sale, REST_DEADLINE).await?)
    }

    /// The audit's row of a sale.
    ///
    /// # Errors
    /// The audit can not be made.
    pub async fn audit(&self, sale: SaleId) -> Result<Row, StageError> {
        let rows = audit(&self.binaries.reconciler, &self.deployment, &[sale]).await?;
        Ok(rows.into_iter().next().ok_or("the audit has no row")?)
    }

    /// Proves one sale: waits for rest, checks the history, audits.
    ///
    /// # Errors
    /// It is not at rest in time, something is violated, or the audit does not agree.
    pub async fn prove(&self, sale: SaleId) -> Result<Proof, StageError> {
        let rest = self.at_rest(sale).await?;
        let circumstances = self.sales.get(&sale).cloned().unwrap_or_default();
        let events = self.history.events();
        let proof = check(&events, &rest.ledger, rest.gate.as_ref(), &circumstances);
        let proof = proof.map_err(|violations| {
            let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
            format!("{} violations:\n{}", lines.len(), lines.join("\n"))
        })?;
        let row = self.audit(sale).await?;
        if row.agrees {
            Ok(proof)
        } else {
            Err(format!("the audit does not agree: {row:?}").into())
        }
    }

    /// Proves every sale of this stage, and ends it in order.
    ///
    /// # Errors
    /// A sale is not proven, or a process does not end.
    pub async fn close(mut self) -> Result<HashMap<SaleId, Proof>, StageError> {
        let mut proofs = HashMap::new();
        for sale in self.sales.keys() {
            proofs.insert(*sale, self.prove(*sale).await?);
        }
        self.gate.disconnect().await;
        self.ledger.disconnect().await;
        let (api, reconciler) = (self.api.take(), self.reconciler.take());
        spawn_blocking(move || {
            api.as_ref().map_or(Ok(()), ApiProcess::stop)?;
            reconciler.as_ref().map_or(Ok(()), ReconcilerProcess::stop)
        })
        .await??;
        if let Some(logs) = self.logs.take() {
            logs.close()?;
        }
        Ok(proofs)
    }
}

impl Drop for Stage {
    /// A stage that was not closed belongs to a test that failed: its logs are kept.
    fn drop(&mut self) {
        if let Some(logs) = self.logs.take() {
            eprintln!("the logs of this test are in {}", logs.keep().display());
        }
    }
}

type Servers = (
    Option<RedisServer>,
    Option<PostgresServer>,
    Deployment,
    &'static Binaries,
);

fn servers(setting: &Setting) -> Result<Servers, StageError> {
    let binaries = Binaries::get(Progress::Hidden).map_err(ToString::to_string)?;
    let redis = setting
        .own_redis
        .clone()
        .map(RedisServer::start)
        .transpose()?;
    let redis_url = match &redis {
        Some(redis) => redis.url().to_owned(),
        None => testing::shared_redis()
            .map_err(ToString::to_string)?
            .url()
            .to_owned(),
    };
    let postgres = setting.own_postgres.then(|| {
        PostgresServer::start(PostgresOptions {
            durability: Durability::Durable,
            supervised: false,
        })
    });
    let postgres = postgres.transpose()?;
    let database_url = match &postgres {
        Some(postgres) => postgres.fresh_database()?,
        None => testing::shared_postgres()
            .map_err(ToString::to_string)?
            .fresh_database()?,
    };
    let prefix = format!("test-{:016x}", rand::random::<u64>());
    Ok((
        redis,
        postgres,
        Deployment::new(&redis_url, &prefix, &database_url),
        binaries,
    ))
}

fn start(
    binaries: &Binaries,
    deployment: &Deployment,
    logs: &Path,
    setting: Setting,
) -> Result<Started, StageError> {
    let log = |name: &str| -> PathBuf { logs.join(name) };
    let reconciler = ReconcilerProcess::start(
        binaries,
        deployment,
        &log("reconciler.log"),
        &setting.reconciler,
        false,
    )?;
    let options = ApiOptions {
        port: None,
        supervised: false,
        log: log("api.log"),
        settings: setting.api,
    };
    Ok(Started {
        api: ApiProcess::start(binaries, deployment, &options)?,
        reconciler,
    })
}
