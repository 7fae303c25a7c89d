//! A ledger that was restored from an older copy while its gate went on.
//!
//! The tests make the copy, and replace the newer ledger by it, as an operator would: they end all sessions and admit
//! none meanwhile.

use std::str::FromStr;

use sale::{lifecycle::Lifecycle, model::SaleId};
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, postgres::PgConnectOptions};
use system::{
    binaries::{Binaries, CargoOutput},
    deployment::Deployment,
    rush::rush,
    stage::{Setting, Stage},
};
use tokio::process::Command;

use super::{NARROW, Selling, setting, taken, until};

/// The databases of a stage: the one in use, and others that are kept under other names.
struct Databases {
    admin: PgConnection,
    live: String,
    /// How many databases were set aside.
    kept: u32,
}

impl Databases {
    async fn of(deployment: &Deployment) -> Self {
        let options = PgConnectOptions::from_str(deployment.database_url.expose_secret()).unwrap();
        let live = options.get_database().unwrap().to_owned();
        let admin = options.database("postgres").connect().await.unwrap();
        Self {
            admin,
            live,
            kept: 0,
        }
    }

    /// Copies the database in use. Returns the copy's name.
    async fn copy(&mut self) -> String {
        let (live, copy) = (self.live.clone(), format!("{}_copy", self.live));
        self.shut().await;
        self.run(format!("CREATE DATABASE {copy} TEMPLATE {live}"))
            .await;
        self.run(format!("ALTER DATABASE {live} ALLOW_CONNECTIONS true"))
            .await;
        copy
    }

    /// Replaces the database in use by another. Returns the new name of the replaced one.
    async fn restore(&mut self, other: &str) -> String {
        self.kept += 1;
        let (live, kept) = (self.live.clone(), format!("{}_{}", self.live, self.kept));
        self.shut().await;
        self.run(format!("ALTER DATABASE {live} RENAME TO {kept}"))
            .await;
        self.run(format!("ALTER DATABASE {other} RENAME TO {live}"))
            .await;
        self.run(format!("ALTER DATABASE {live} ALLOW_CONNECTIONS true"))
            .await;
        kept
    }

    /// Rejects new sessions, and ends the existing ones.
    async fn shut(&mut self) {
        let live = self.live.clone();
        self.run(format!("ALTER DATABASE {live} ALLOW_CONNECTIONS false"))
            .await;
        until("all sessions have ended", async || {
            let ended: Vec<bool> = sqlx::query_scalar(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
            )
            .bind(&live)
            .fetch_all(&mut self.admin)
            .await
            .unwrap();
            ended.is_empty().then_some(())
        })
        .await;
    }

    async fn run(&mut self, statement: String) {
        self.admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_restored_from_a_copy_of_this_install_is_made_whole_from_the_gate() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(10_000).await.unwrap();
    let mut databases = Databases::of(&stage.deployment).await;
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;
    let copy = databases.copy().await;
    selling.until_sold(&stage, sale.id, 200).await;
    databases.restore(&copy).await;

    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_a_restored_copy_does_not_have_is_undone_and_nothing_is_oversold() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let mut databases = Databases::of(&stage.deployment).await;
    let client = stage.client().unwrap();
    let first = stage.buyers(100).unwrap();
    let report = rush(&client, sale.id, first, NARROW, |_| ()).await;
    assert_eq!(report.won(), 100);
    stage.at_rest(sale.id).await.unwrap();
    let copy = databases.copy().await;

    let administration = Lifecycle::new(stage.gate.clone(), stage.ledger.clone());
    let orders = stage.gate.buyers(sale.id).await.unwrap().into_values();
    for order in orders.take(20) {
        administration.cancel(order).await.unwrap();
    }
    stage.at_rest(sale.id).await.unwrap();
    let second = stage.buyers(20).unwrap();
    let report = rush(&client, sale.id, second, NARROW, |_| ()).await;
    assert_eq!(report.won(), 20, "what was cancelled is sold again");
    stage.at_rest(sale.id).await.unwrap();
    databases.restore(&copy).await;

    // The units belong to their first buyers again, so that none is left for the second ones.
    stage.circumstances(sale.id).gate_was_lost = true;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(
        (proof.confirmed, proof.cancelled, proof.rejected),
        (100, 0, 20)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_does_not_keep_the_limit_of_a_restock_that_a_restored_copy_does_not_have() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let mut databases = Databases::of(&stage.deployment).await;
    let administration = Lifecycle::new(stage.gate.clone(), stage.ledger.clone());
    let copy = databases.copy().await;
    until("restocked", async || {
        administration.restock(sale.id, 50).await.ok()
    })
    .await;
    stage.at_rest(sale.id).await.unwrap();
    // Otherwise it would see the newer version before the ledger has reached that version again.
    stage.reconciler().pause().unwrap();
    databases.restore(&copy).await;

    // Another change with the same version. The gate still has its limit of 150 from the first one.
    until("restocked", async || {
        administration.restock(sale.id, 10).await.ok()
    })
    .await;
    let now = stage.ledger.sale(sale.id).await.unwrap().unwrap();
    let gate = stage.gate.snapshot(sale.id).await.unwrap().unwrap();
    assert_eq!(
        (gate.version, gate.limit, now.limit()),
        (now.version, 150, 110)
    );
    stage.reconciler().resume().unwrap();
    until("the gate has the ledger's limit", async || {
        let gate = stage.gate.snapshot(sale.id).await.ok()??;
        (gate.is_open() && gate.limit == 110).then_some(())
    })
    .await;
    let log = stage.reconciler_log(0).unwrap();
    assert!(log.contains("ALARM: the gate has terms"), "{log}");
    let buyers = stage.buyers(150).unwrap();
    let client = stage.client().unwrap();
    let report = rush(&client, sale.id, buyers, NARROW, |_| ()).await;
    assert_eq!(report.won(), 110);
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (110, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_older_than_the_install_stops_the_sale_until_the_newer_one_is_back() {
    let (stage, sale, selling, mut databases, newer) = set_back_beyond_the_install().await;
    databases.restore(&newer).await;
    goes_on(stage, sale, selling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_older_than_the_install_is_made_whole_once_a_person_has_vouched_for_the_gate() {
    let (stage, sale, selling, _, _) = set_back_beyond_the_install().await;
    let program = &Binaries::get(CargoOutput::Hidden).unwrap().reconciler;
    let rebuilt = Command::new(program)
        .args(["rebuild", "--accept-ledger", &sale.to_string()])
        .env_clear()
        .envs(stage.deployment.environment())
        .output()
        .await
        .unwrap();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    goes_on(stage, sale, selling).await;
}

/// A sale that sells, was rebuilt, and whose ledger was then restored from a copy from before the rebuild: it is
/// closed, and the alarm is logged. Also returns the name of the newer ledger.
async fn set_back_beyond_the_install() -> (Stage, SaleId, Selling, Databases, String) {
    let quick_to_claim = Setting {
        reconciler: vec![setting("CLAIM_IDLE_MS", 200)],
        ..Setting::default()
    };
    let mut stage = Stage::open(quick_to_claim).await.unwrap();
    let sale = stage.open_sale(10_000).await.unwrap().id;
    let mut databases = Databases::of(&stage.deployment).await;
    let selling = Selling::start(&stage, sale, NARROW);
    selling.until_sold(&stage, sale, 100).await;
    let copy = databases.copy().await;
    stage.gate.close(sale).await.unwrap();
    selling.until_sold(&stage, sale, 200).await;
    let newer = databases.restore(&copy).await;

    until("the gate is closed", async || {
        let gate = stage.gate.snapshot(sale).await.unwrap()?;
        gate.lost.then_some(())
    })
    .await;
    let stopped_at = taken(&stage, sale).await;
    until("the alarm is there", async || {
        let log = stage.reconciler_log(0).unwrap();
        log.contains("ALARM: the gate is newer").then_some(())
    })
    .await;
    let kinds = differences(&stage, sale).await;
    assert!(kinds.contains(&"ledger_behind".to_owned()), "{kinds:?}");
    assert_eq!(taken(&stage, sale).await, stopped_at, "it sells nothing");
    (stage, sale, selling, databases, newer)
}

/// The sale sells again, and nothing is lost.
async fn goes_on(stage: Stage, sale: SaleId, selling: Selling) {
    // A poster that has met entries unknown to the ledger retries after half a minute, or at once after a restart.
    let reconciler = stage.reconciler();
    tokio::task::block_in_place(|| {
        reconciler.kill()?;
        reconciler.start_again()
    })
    .unwrap();
    selling.until_sold(&stage, sale, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!(proof.confirmed, won);
}

/// The kinds of the differences that the audit finds.
async fn differences(stage: &Stage, sale: SaleId) -> Vec<String> {
    let row = stage.audit(sale).await.unwrap();
    assert!(!row.agrees, "{row:?}");
    let kinds = row
        .differences
        .iter()
        .filter_map(|one| one["kind"].as_str());
    kinds.map(str::to_owned).collect()
}
