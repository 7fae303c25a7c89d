//! The start of a test: keys of its own in the shared Redis, a database of its own in the shared Postgres, and the
//! shortest way to a sale that sells.

mod door;

use std::{ops::Deref, time::Duration};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use embedded::testing::shared_postgres;
use sale::{
    gate::{Gate, upkeep::Posted as Forgotten},
    install::{Installed, install},
    journal::{Content, Entry, Journal},
    ledger::{Ledger, NewProduct, NewSale, Posted, Posting, Product, Sale},
    model::{BuyerId, Epoch, OrderId, ProductId, Purchase, SaleId, SaleState, Version},
    money::{Currency, Money},
    settings::{PostgresSettings, RedisSettings, RedisTlsSettings, Secret},
};
use sqlx::PgPool;
use tokio::task::JoinHandle;

pub use door::Door;

/// The deadline of everything that must not hang.
pub const BOUND: Duration = Duration::from_secs(20);
/// How long an install may drain while a poster runs.
pub const DRAIN: Duration = Duration::from_secs(10);
/// How long an install may drain without a poster.
pub const NO_DRAIN: Duration = Duration::from_millis(50);

/// A [`Door`] with a ledger that sells one product.
pub struct Shop {
    pub door: Door,
    pub ledger: Ledger,
    /// A bare connection to the ledger's database.
    pub pool: PgPool,
    pub database_url: String,
}

impl Deref for Shop {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Shop {
    /// Opens it on the shared servers.
    pub async fn open() -> Self {
        Self::behind(Door::shared().await).await
    }

    /// Opens it with this gate.
    pub async fn behind(door: Door) -> Self {
        let shop = Self::without_tables_behind(door).await;
        shop.ledger.migrate().await.expect("migrations");
        shop
    }

    /// Opens it with an empty database.
    pub async fn without_tables() -> Self {
        Self::without_tables_behind(Door::shared().await).await
    }

    async fn without_tables_behind(door: Door) -> Self {
        let postgres = shared_postgres().expect("postgres");
        let database_url = postgres.fresh_database().expect("database");
        let ledger = ledger_at(&database_url).await;
        Self {
            door,
            ledger,
            pool: PgPool::connect(&database_url).await.expect("pool"),
            database_url,
        }
    }

    pub async fn product(&self, quantity: u32) -> Product {
        let product = NewProduct {
            name: "lamp".to_owned(),
            description: None,
            price: Money::of_minor_units(1_999, Currency::DEFAULT).expect("price"),
            image_url: None,
            quantity,
        };
        self.ledger.create_product(product).await.expect("product")
    }

    /// A sale of this many units that is on now; ten more are in stock.
    pub async fn sale(&self, units: u32) -> Sale {
        let product = self.product(units + 10).await;
        let now = Utc::now();
        let new = NewSale {
            id: SaleId::random(),
            product: product.id,
            start: now - TimeDelta::hours(1),
            end: now + TimeDelta::hours(1),
            units: Some(units),
        };
        self.ledger.create_sale(new).await.expect("sale")
    }

    /// [`Shop::sale`], loaded into the gate.
    pub async fn on_sale(&self, units: u32) -> Sale {
        let sale = self.sale(units).await;
        assert!(self.install(sale.id).await.is_anew());
        self.read(sale.id).await
    }

    /// The current sale from the ledger.
    pub async fn read(&self, sale: SaleId) -> Sale {
        self.ledger.sale(sale).await.expect("ledger").expect("sale")
    }

    pub async fn install(&self, sale: SaleId) -> Installed {
        let installed = install(&self.gate, &self.ledger, sale, DRAIN).await;
        installed.expect("installed")
    }

    /// Syncs the gate with the ledger.
    pub async fn sync(&self, sale: SaleId) {
        let sale = self.read(sale).await;
        self.gate.sync(&sale).await.expect("sync");
    }

    /// Posts the journal like a reconciler, until it is empty.
    pub async fn post_all(&self, sale: SaleId) {
        while self.post_some(sale, "test").await > 0 {}
        self.sync(sale).await;
    }

    /// One turn of a reconciler: reads, posts and forgets. Returns the number of entries.
    pub async fn post_some(&self, sale: SaleId, consumer: &str) -> usize {
        post_some(&self.gate, &self.ledger, sale, consumer).await
    }

    /// A reconciler that runs beside the test, until it is dropped.
    pub fn reconciler(&self, sale: SaleId) -> Reconciler {
        let (gate, ledger) = (self.gate.clone(), self.ledger.clone());
        Reconciler(tokio::spawn(async move {
            loop {
                if post_some(&gate, &ledger, sale, "beside").await == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }))
    }

    /// The ledger's counts must match its rows, and conserve the units.
    pub async fn assert_conserved(&self, sale: SaleId) -> Sale {
        let recount = self.ledger.recount(sale).await.expect("recount");
        let recount = recount.expect("sale");
        let sale = recount.sale;
        assert_eq!(u64::from(sale.confirmed), recount.confirmed_orders);
        assert_eq!(u64::from(sale.posted), recount.posted_buyers);
        assert_eq!(sale.available + sale.confirmed + sale.returned, sale.units);
        sale
    }

    /// The gate must be open, with exactly these buyers and the ledger's limit.
    pub async fn assert_sound(&self, sale: SaleId, purchases: &[Purchase]) {
        let found = self.look(sale).await;
        let ledger = self.read(sale).await;
        assert!(found.is_open(), "{found:?}");
        assert_eq!(found.epoch, ledger.base);
        assert_eq!(found.limit, ledger.limit());
        let expected = purchases.iter().map(|p| (p.buyer, p.order)).collect();
        let buyers = self.gate.buyers(sale).await.expect("buyers");
        assert_eq!(buyers, expected);
    }
}

/// A reconciler beside a test; dropping it ends it.
pub struct Reconciler(JoinHandle<()>);

impl Drop for Reconciler {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn post_some(gate: &Gate, ledger: &Ledger, sale: SaleId, consumer: &str) -> usize {
    let journal = Journal::new(gate.clone());
    let mut entries = journal.read(sale, consumer, 100).await.expect("read");
    if entries.is_empty() {
        // The first read may have created the group.
        entries = journal.read(sale, consumer, 100).await.expect("read");
    }
    let postings: Vec<Posting> = entries.iter().flat_map(postings).collect();
    if postings.is_empty() {
        return 0;
    }
    let posted: Posted = ledger.post(sale, &postings).await.expect("post");
    assert!(!posted.ahead);
    let forgotten: Vec<Forgotten> = entries.iter().map(forgotten).collect();
    gate.forget(sale, posted.lost, &forgotten)
        .await
        .expect("forget");
    entries.len()
}

/// The winners of an entry, which must be readable.
pub fn winners(entry: &Entry) -> Vec<Purchase> {
    match &entry.content {
        Content::Winners { winners, .. } => winners.clone(),
        Content::Unreadable { raw } => panic!("unreadable: {raw:?}"),
    }
}

/// The input of `forget` for an entry.
pub fn forgotten(entry: &Entry) -> Forgotten {
    Forgotten {
        id: entry.id,
        winners: winners(entry).len() as u64,
    }
}

fn postings(entry: &Entry) -> Vec<Posting> {
    let winners = winners(entry);
    let source = entry.id.to_string();
    let posting = |winner: Purchase| posting_of(winner, entry.id.epoch, &source);
    winners.into_iter().map(posting).collect()
}

/// A posting of a purchase that is admitted now.
pub fn posting_of(purchase: Purchase, epoch: Epoch, source: &str) -> Posting {
    Posting {
        order: purchase.order,
        buyer: purchase.buyer,
        epoch,
        admitted_at: Utc::now(),
        source: source.to_owned(),
    }
}

/// A new buyer with a new order.
pub fn purchase() -> Purchase {
    Purchase {
        buyer: BuyerId::random(),
        order: OrderId::random(),
    }
}

/// Terms of a sale of one epoch that is on now, as a ledger would give them.
pub fn terms(units: u32) -> Sale {
    let now = Utc::now().trunc_subsecs(6);
    Sale {
        id: SaleId::random(),
        product_id: ProductId::random(),
        product_name: "lamp".to_owned(),
        product_description: None,
        image_url: None,
        price: Money::of_minor_units(1_999, Currency::DEFAULT).expect("price"),
        start: now - TimeDelta::hours(1),
        end: now + TimeDelta::hours(1),
        state: SaleState::Open,
        units,
        available: units,
        confirmed: 0,
        returned: 0,
        posted: 0,
        epoch: Epoch(1),
        base: Epoch(1),
        version: Version(1),
        created_at: now,
        updated_at: now,
    }
}

/// The first instant of a year.
pub fn year(year: i32) -> DateTime<Utc> {
    let text = format!("{year}-01-01T00:00:00Z");
    text.parse().expect("a year")
}

pub fn redis_settings(url: &str) -> RedisSettings {
    RedisSettings {
        redis_url: Secret::new(url),
        key_prefix: format!("test-{}", SaleId::random()),
        pool_size: 2,
        command_timeout_ms: 5_000,
        tls: RedisTlsSettings::default(),
    }
}

pub async fn ledger_at(url: &str) -> Ledger {
    let settings = PostgresSettings {
        database_url: Secret::new(url),
        pool_max: 10,
        acquire_timeout_ms: 10_000,
    };
    Ledger::connect(&settings).await.expect("ledger")
}
