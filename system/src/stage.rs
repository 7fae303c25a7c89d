//! A whole system for one test: real processes on real servers, a database and keys of its own.
//!
//! [`Stage::close`] is part of the test: it waits until every sale is at rest, and proves that
//! nobody was told anything wrong, that the audit agrees, and that no work is left.

mod ground;

use std::{collections::HashMap, fs, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use embedded::{PostgresServer, RedisServer};
use sale::{
    gate::Gate,
    ledger::{Ledger, NewProduct, NewSale, Sale},
    model::{ProductId, SaleId},
    money::{Currency, Money},
    output::note,
    token::Tokens,
};
use tokio::task::spawn_blocking;

use crate::{
    audit::{Row, audit},
    binaries::Binaries,
    client::{Buyer, Client},
    deployment::Deployment,
    history::{Circumstances, History, Proof, check},
    processes::{ApiProcess, Process, ReconcilerProcess},
    rest::{AtRest, at_rest},
};

pub use self::ground::{Ground, Setting};
use self::ground::{Processes, api_log, reconciler_log};

/// What goes wrong in a fixture is for a person to read, and nothing else.
pub type StageError = Box<dyn std::error::Error + Send + Sync>;

/// How long a sale may take to come to rest.
const REST_DEADLINE: Duration = Duration::from_secs(60);

/// How long a sale may take to be installed after it was created.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);

/// Units of the product beyond those of its sale, to restock from.
const SPARE_UNITS: u32 = 1_000;

/// A running system.
pub struct Stage {
    // In the order in which they must end.
    running: Processes,
    redis: Option<RedisServer>,
    postgres: Option<PostgresServer>,
    binaries: &'static Binaries,
    logs: Option<tempfile::TempDir>,
    setting: Setting,
    /// What its processes are told of their servers.
    processes: Deployment,
    /// Where its servers are.
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

impl Stage {
    /// Builds what must be built, and starts a system.
    ///
    /// # Errors
    /// Something could not be started.
    pub async fn open(setting: Setting) -> Result<Self, StageError> {
        Self::open_on(Ground::prepare(setting).await?).await
    }

    /// Starts a system on these servers. Its own connections to gate and ledger go straight there.
    ///
    /// # Errors
    /// Something could not be started.
    pub async fn open_on(ground: Ground) -> Result<Self, StageError> {
        let Ground {
            redis,
            postgres,
            binaries,
            setting,
            deployment,
            processes,
        } = ground;
        let ledger = Ledger::connect(&deployment.postgres()).await?;
        ledger.migrate().await?;
        let gate = Gate::connect(&deployment.redis()).await?;
        let tokens = Tokens::new(&deployment.tokens())?;

        let logs = tempfile::Builder::new()
            .prefix("mincommerce-stage-")
            .tempdir()?;
        let running = {
            let (folder, told) = (logs.path().to_owned(), processes.clone());
            let wanted = setting.clone();
            spawn_blocking(move || Processes::start(binaries, &told, &folder, &wanted)).await??
        };
        Ok(Self {
            running,
            redis,
            postgres,
            binaries,
            logs: Some(logs),
            setting,
            processes,
            deployment,
            gate,
            ledger,
            tokens,
            history: History::new(),
            sales: HashMap::new(),
        })
    }

    /// Starts one more reconciler, with these settings on top of the others'. Returns its number, from
    /// 0.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start_reconciler(&mut self, more: &[(String, String)]) -> Result<usize, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        let settings = [&self.setting.reconciler, more].concat();
        self.running
            .start_reconciler(self.binaries, &self.processes, logs.path(), &settings)?;
        Ok(self.running.reconcilers.len() - 1)
    }

    /// Starts one more API, with these settings on top of the others'. Returns its number, from 0.
    ///
    /// # Errors
    /// It was not ready in time.
    pub fn start_api(&mut self, more: &[(String, String)]) -> Result<usize, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        let settings = [&self.setting.api, more].concat();
        self.running
            .start_api(self.binaries, &self.processes, logs.path(), settings)?;
        Ok(self.running.apis.len() - 1)
    }

    /// What a reconciler has logged so far.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn reconciler_log(&self, number: usize) -> Result<String, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        Ok(fs::read_to_string(
            logs.path().join(reconciler_log(number)),
        )?)
    }

    /// What an API has logged so far.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn api_log(&self, number: usize) -> Result<String, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        Ok(fs::read_to_string(logs.path().join(api_log(number)))?)
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
            price: Money::of_minor_units(1_000, Currency::DEFAULT)?,
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

    /// What the checker is to know of a sale that it cannot see.
    ///
    /// # Panics
    /// This stage did not create the sale.
    pub fn circumstances(&mut self, sale: SaleId) -> &mut Circumstances {
        let Some(circumstances) = self.sales.get_mut(&sale) else {
            panic!("sale {sale} is not of this stage")
        };
        circumstances
    }

    /// A client of all APIs in turn, that records what it sees.
    ///
    /// # Errors
    /// The HTTP library cannot be set up.
    pub fn client(&self) -> Result<Client, StageError> {
        let apis: Vec<String> = self.running.apis.iter().map(ApiProcess::url).collect();
        Ok(Client::over(&apis, self.history.clone())?)
    }

    /// So many new buyers with tokens.
    ///
    /// # Errors
    /// Tokens cannot be signed.
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

    /// The first API.
    ///
    /// # Panics
    /// The setting wanted none.
    pub fn api(&self) -> &ApiProcess {
        &self.running.apis[0]
    }

    /// The first reconciler's process.
    ///
    /// # Panics
    /// The setting wanted none.
    pub fn reconciler(&self) -> &Process {
        self.running.reconcilers[0].process()
    }

    /// All APIs.
    pub fn apis(&self) -> &[ApiProcess] {
        &self.running.apis
    }

    /// All reconcilers.
    pub fn reconcilers(&self) -> &[ReconcilerProcess] {
        &self.running.reconcilers
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
    /// The audit cannot be made.
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
        let running = std::mem::take(&mut self.running);
        spawn_blocking(move || running.stop()).await??;
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
            note(&format!(
                "the logs of this test are in {}",
                logs.keep().display()
            ));
        }
    }
}
