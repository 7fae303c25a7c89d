//! A whole system for one test: real processes on real servers, a database and keys of its own.
//!
//! [`Stage::close`] is part of the test: it waits until every sale is at rest, and proves that no answer to a buyer was
//! wrong, that the audit agrees, and that no work is left.

mod ground;

use std::{collections::HashMap, fs, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use identity::token::Tokens;
use process::output::note;
use sale::{
    gate::Gate,
    ledger::{Ledger, NewProduct, NewSale, Sale},
    model::{ProductId, SaleId},
    money::{Currency, Money},
};
use servers::{PostgresServer, RedisServer};
use tokio::task::spawn_blocking;

pub use self::ground::{Ground, Setting};
use self::ground::{Processes, api_log, reconciler_log};
use crate::{
    audit::{Row, audit},
    binaries::Binaries,
    client::{Buyer, Client},
    deployment::Deployment,
    history::{Circumstances, History, Proof, check},
    processes::{ApiProcess, Process, ReconcilerProcess},
    rest::{AtRest, at_rest},
};

/// A person reads a fixture's failure; no code inspects it.
pub type StageError = Box<dyn std::error::Error + Send + Sync>;

/// How long a sale may take to come to rest.
const REST_DEADLINE: Duration = Duration::from_secs(60);

/// How long a new sale may take to be installed.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);

/// Additional units of the product, for restocking its sale.
const SPARE_UNITS: u32 = 1_000;

/// A running system.
pub struct Stage {
    // They end in the order of these fields.
    running: Processes,
    redis: Option<RedisServer>,
    postgres: Option<PostgresServer>,
    binaries: &'static Binaries,
    logs: Option<tempfile::TempDir>,
    setting: Setting,
    /// The addresses of the servers that its processes get.
    processes: Deployment,
    /// The real addresses of its servers.
    pub deployment: Deployment,
    /// A connection of the test's own to the gate.
    pub gate: Gate,
    /// A connection of the test's own to the ledger.
    pub ledger: Ledger,
    /// Mints tokens that the API accepts.
    pub tokens: Tokens,
    /// Everything that clients saw.
    pub history: History,
    sales: HashMap<SaleId, Circumstances>,
}

impl Stage {
    /// Builds the programs, and starts a system.
    pub async fn open(setting: Setting) -> Result<Self, StageError> {
        Self::open_on(Ground::prepare(setting).await?).await
    }

    /// Starts a system on these servers. The stage's own connections to gate and ledger go there directly.
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

    /// Starts one more reconciler, with these settings in addition to the others'. Returns its number, from 0.
    pub fn start_reconciler(&mut self, more: &[(String, String)]) -> Result<usize, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        let settings = [&self.setting.reconciler, more].concat();
        self.running
            .start_reconciler(self.binaries, &self.processes, logs.path(), &settings)?;
        Ok(self.running.reconcilers.len() - 1)
    }

    /// Starts one more API, with these settings in addition to the others'. Returns its number, from 0.
    pub fn start_api(&mut self, more: &[(String, String)]) -> Result<usize, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        let settings = [&self.setting.api, more].concat();
        self.running
            .start_api(self.binaries, &self.processes, logs.path(), settings)?;
        Ok(self.running.apis.len() - 1)
    }

    /// A reconciler's log so far.
    pub fn reconciler_log(&self, number: usize) -> Result<String, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        Ok(fs::read_to_string(
            logs.path().join(reconciler_log(number)),
        )?)
    }

    /// An API's log so far.
    pub fn api_log(&self, number: usize) -> Result<String, StageError> {
        let logs = self.logs.as_ref().ok_or("the stage is closed")?;
        Ok(fs::read_to_string(logs.path().join(api_log(number)))?)
    }

    /// Creates a product in the ledger, and a sale of it that starts and ends at these times from now. The reconciler
    /// installs it.
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

    /// Creates a sale that has started and sells for an hour, and waits until it is open in the gate.
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

    /// Takes in a sale that somebody else has planned on this system: [`Stage::close`] proves it too.
    ///
    /// # Errors
    /// The ledger does not have it.
    pub async fn adopt(
        &mut self,
        sale: SaleId,
        circumstances: Circumstances,
    ) -> Result<Sale, StageError> {
        let sale = self.ledger.sale(sale).await?;
        let sale = sale.ok_or("there is no such sale")?;
        self.sales.insert(sale.id, circumstances);
        Ok(sale)
    }

    /// Waits until the gate decides purchases of a sale.
    pub async fn until_open(&self, sale: SaleId) -> Result<(), StageError> {
        at_rest(&self.gate, &self.ledger, sale, OPEN_DEADLINE).await?;
        Ok(())
    }

    /// The facts about a sale that the checker needs and cannot see.
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
    pub fn client(&self) -> Result<Client, StageError> {
        let apis: Vec<String> = self.running.apis.iter().map(ApiProcess::url).collect();
        Ok(Client::over(&apis, self.history.clone())?)
    }

    /// New buyers with tokens.
    pub fn buyers(&self, count: usize) -> Result<Vec<Buyer>, StageError> {
        Ok((0..count)
            .map(|_| Buyer::new(&self.tokens))
            .collect::<Result<_, _>>()?)
    }

    /// Records a reading of the gate's clock in the history.
    pub async fn read_clock(&self, sale: SaleId) -> Result<DateTime<Utc>, StageError> {
        let snapshot = self.gate.snapshot(sale).await?.ok_or("there is no gate")?;
        self.history.clock(sale, snapshot.now);
        Ok(snapshot.now)
    }

    /// The first API.
    ///
    /// # Panics
    /// The setting has no API.
    pub fn api(&self) -> &ApiProcess {
        &self.running.apis[0]
    }

    /// The first reconciler's process.
    ///
    /// # Panics
    /// The setting has no reconciler.
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
    pub async fn at_rest(&self, sale: SaleId) -> Result<AtRest, StageError> {
        Ok(at_rest(&self.gate, &self.ledger, sale, REST_DEADLINE).await?)
    }

    /// The audit's row of a sale.
    pub async fn audit(&self, sale: SaleId) -> Result<Row, StageError> {
        let rows = audit(&self.binaries.reconciler, &self.deployment, &[sale]).await?;
        Ok(rows.into_iter().next().ok_or("the audit has no row")?)
    }

    /// Proves one sale: waits for rest, checks the history, audits.
    ///
    /// # Errors
    /// The sale is not at rest in time, a check finds a violation, or the audit does not agree.
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
