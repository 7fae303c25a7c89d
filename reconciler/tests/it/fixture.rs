//! A sale with a database and keys of its own, and the means to tamper with both.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use fred::{
    interfaces::ClientLike,
    prelude::{Builder, Client, Config},
    types::{CustomCommand, Value},
};
use reconciler::poster::Poster;
use sale::{
    audit::{self, Row},
    connections::{PostgresSettings, RedisSettings, RedisTlsSettings},
    gate::{Gate, admission::Known},
    install,
    journal::Journal,
    keys::Keys,
    ledger::{Ledger, NewProduct, NewSale, Sale},
    model::{BuyerId, OrderId, Purchase, SaleId, Verdict},
    money::{Currency, Money},
};
use secrecy::SecretString;
use servers::testing::{shared_postgres, shared_redis};
use sqlx::PgPool;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The deadline of an expected state.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The claim time of test posters.
pub const CLAIM_IDLE: Duration = Duration::from_millis(100);

pub struct Stage {
    pub gate: Gate,
    pub ledger: Ledger,
    pub journal: Journal,
    pub sale: SaleId,
    pub keys: Keys,
    pub pool: PgPool,
    pub redis: Client,
    pub redis_settings: RedisSettings,
    pub postgres_settings: PostgresSettings,
}

impl Stage {
    /// A sale of `units` in an open gate, on the shared servers.
    pub async fn open(units: u32) -> Self {
        let stage = Self::created(units).await;
        stage.install().await;
        stage
    }

    /// A sale of `units` that is in no gate yet, on the shared servers.
    pub async fn created(units: u32) -> Self {
        let redis = shared_redis().unwrap().url();
        let database = shared_postgres().unwrap().fresh_database().unwrap();
        Self::on(redis, &database, units).await
    }

    /// A sale of `units` that is in no gate yet, on these servers.
    pub async fn on(redis_url: &str, database_url: &str, units: u32) -> Self {
        let prefix = format!("test-{}", Uuid::now_v7());
        let redis_settings = RedisSettings {
            redis_url: SecretString::from(redis_url),
            key_prefix: prefix.clone(),
            pool_size: 2,
            command_timeout_ms: 5_000,
            tls: RedisTlsSettings::default(),
        };
        let postgres_settings = PostgresSettings {
            database_url: SecretString::from(database_url),
            pool_max: 4,
            acquire_timeout_ms: 1_000,
        };
        let gate = Gate::connect(&redis_settings).await.unwrap();
        let ledger = Ledger::connect(&postgres_settings).await.unwrap();
        ledger.migrate().await.unwrap();
        let redis = Builder::from_config(Config::from_url(redis_url).unwrap())
            .build()
            .unwrap();
        redis.init().await.unwrap();
        let sale = new_sale(&ledger, units).await;
        Self {
            journal: Journal::new(gate.clone()),
            gate,
            ledger,
            sale,
            keys: Keys::new(prefix),
            pool: PgPool::connect(database_url).await.unwrap(),
            redis,
            redis_settings,
            postgres_settings,
        }
    }

    /// One more sale of `units`, in an open gate.
    pub async fn another_sale(&self, units: u32) -> SaleId {
        let sale = new_sale(&self.ledger, units).await;
        install::install(&self.gate, &self.ledger, sale, PATIENCE)
            .await
            .unwrap();
        sale
    }

    pub async fn install(&self) {
        install::install(&self.gate, &self.ledger, self.sale, PATIENCE)
            .await
            .unwrap();
    }

    /// Lets `count` new buyers buy, in one batch. Returns those who were admitted.
    pub async fn buy(&self, count: usize) -> Vec<Purchase> {
        self.buy_in(self.sale, count).await
    }

    /// [`Stage::buy`] in another sale.
    pub async fn buy_in(&self, sale: SaleId, count: usize) -> Vec<Purchase> {
        let purchases: Vec<_> = (0..count).map(|_| purchase()).collect();
        let decision = self
            .gate
            .admit(sale, &Known::default(), &purchases)
            .await
            .unwrap();
        let admitted = |(purchase, verdict)| (verdict == Verdict::Admitted).then_some(purchase);
        purchases
            .into_iter()
            .zip(decision.verdicts)
            .filter_map(admitted)
            .collect()
    }

    pub async fn audit(&self) -> Row {
        audit::audit(&self.gate, &self.ledger, self.sale)
            .await
            .unwrap()
    }

    pub async fn ledger_sale(&self) -> Sale {
        self.ledger.sale(self.sale).await.unwrap().unwrap()
    }

    /// Starts a poster, which stops when the guard is dropped.
    pub fn post(&self, consumer: &str) -> Running {
        self.post_claiming(consumer, CLAIM_IDLE)
    }

    /// [`Stage::post`] with a claim time of its own.
    pub fn post_claiming(&self, consumer: &str, claim_idle: Duration) -> Running {
        let stop = CancellationToken::new();
        let poster = Poster::new(
            self.gate.clone(),
            self.ledger.clone(),
            self.sale,
            Arc::from(consumer),
            claim_idle,
        );
        Running::new(stop.clone(), tokio::spawn(poster.run(stop)))
    }

    /// Waits until `count` buyers are posted and the journal is empty.
    pub async fn posted(&self, count: u32) {
        until("everything is posted", async || {
            self.ledger_sale().await.posted == count && self.entries().await == 0
        })
        .await;
    }

    pub async fn entries(&self) -> usize {
        self.journal.entries(self.sale).await.unwrap().len()
    }

    /// Sends a command to Redis unchanged.
    pub async fn raw(&self, command: &'static str, args: Vec<Value>) -> Value {
        let command = CustomCommand::new_static(command, None, false);
        self.redis.custom(command, args).await.unwrap()
    }

    /// Sends a statement, with the sale's id as its only parameter.
    pub async fn sql(&self, statement: &'static str) {
        sqlx::query(statement)
            .bind(self.sale)
            .execute(&self.pool)
            .await
            .unwrap();
    }
}

async fn new_sale(ledger: &Ledger, units: u32) -> SaleId {
    let product = ledger
        .create_product(NewProduct {
            name: "Lamp".to_owned(),
            description: None,
            price: Money::of_minor_units(1_000, Currency::DEFAULT).unwrap(),
            image_url: None,
            quantity: units + 100,
        })
        .await
        .unwrap();
    let now = Utc::now();
    let sale = SaleId::random();
    ledger
        .create_sale(NewSale {
            id: sale,
            product: product.id,
            start: now - TimeDelta::minutes(1),
            end: now + TimeDelta::hours(1),
            units: Some(units),
        })
        .await
        .unwrap();
    sale
}

/// A task that runs until this guard is dropped.
pub struct Running {
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Running {
    pub fn new(stop: CancellationToken, task: JoinHandle<()>) -> Self {
        Self {
            stop,
            task: Some(task),
        }
    }

    /// Stops it, and waits until the call under way has finished.
    pub async fn finish(mut self) {
        self.stop.cancel();
        self.task.take().unwrap().await.unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn purchase() -> Purchase {
    Purchase {
        buyer: BuyerId::random(),
        order: OrderId::random(),
    }
}

/// An id in the form of a hash's field or value.
pub fn raw_id(bytes: [u8; 16]) -> Value {
    Value::Bytes(bytes.to_vec().into())
}

/// Waits for an expected state.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
