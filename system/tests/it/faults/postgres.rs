//! A Postgres that dies, refuses, or is cut off while a sale sells. Admission goes on; admitted purchases wait in the
//! journal, and are posted once when Postgres is back.

use sale::{
    journal::{Content, Entry, Journal},
    model::SaleId,
};
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use system::{
    deployment::Deployment,
    rush::{Plan, rush},
    stage::{Ground, Setting, Stage},
};

use super::{
    NARROW, Selling,
    proxy::{Proxy, Way},
    setting, until,
};

fn quick_to_claim() -> Setting {
    Setting {
        reconciler: vec![setting("CLAIM_IDLE_MS", 200)],
        ..Setting::default()
    }
}

fn own_postgres() -> Setting {
    Setting {
        own_postgres: true,
        ..Setting::default()
    }
}

/// The limits of one posting call, as in `reconciler/src/poster.rs`: entries and winners.
const READ_ENTRIES_MAX: usize = 128;
const POST_WINNERS_MAX: usize = 8_192;
/// More winners than that.
const WINNERS: usize = 9_000;
/// So much concurrency that a few entries hold all winners, unless the machine is busy with other work.
const CROWD: Plan = Plan {
    concurrency: 512,
    ..NARROW
};

/// A session of another user in the stage's database.
async fn session(deployment: &Deployment) -> PgConnection {
    PgConnection::connect(deployment.database_url.expose_secret())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_does_not_stop_the_selling_and_everything_is_posted_once() {
    let mut stage = Stage::open(own_postgres()).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 200).await;
    tokio::task::block_in_place(|| stage.postgres().unwrap().kill()).unwrap();
    selling.until_sold(&stage, sale.id, 200).await;
    tokio::task::block_in_place(|| stage.postgres().unwrap().start_again()).unwrap();
    selling.until_sold(&stage, sale.id, 200).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posting_whose_answer_is_lost_is_made_again_and_counts_once() {
    let mut ground = Ground::prepare(Setting::default()).await.unwrap();
    let proxy = Proxy::start(ground.deployment.postgres_address().unwrap()).await;
    ground.processes = ground.deployment.with_postgres_at(proxy.address());
    let mut stage = Stage::open_on(ground).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();

    // A lock on the sale delays the call after it was sent and before it is answered.
    let mut other = session(&stage.deployment).await;
    let mut lock = other.begin().await.unwrap();
    sqlx::query("SELECT FROM flash_sales WHERE id = $1 FOR UPDATE")
        .bind(sale.id)
        .execute(&mut *lock)
        .await
        .unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    until_posting_waits(&stage.deployment).await;
    proxy.stall(Way::Answers).await;
    lock.rollback().await.unwrap();
    until("it is posted", async || {
        (posted(&stage, sale.id).await > 0).then_some(())
    })
    .await;
    let backlog = stage.gate.look(sale.id).await.unwrap().backlog();
    assert!(backlog.pending > 0, "it is not forgotten: {backlog:?}");
    proxy.cut().await;
    proxy.flow(Way::Answers).await;

    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_became_read_only_delays_posting_and_nothing_else() {
    let mut stage = Stage::open(own_postgres()).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;

    let mut other = session(&stage.deployment).await;
    run(
        &mut other,
        "ALTER SYSTEM SET default_transaction_read_only = on",
    )
    .await;
    run(&mut other, "SELECT pg_reload_conf()").await;
    until_logged(&stage, "read-only transaction").await;
    let before = posted(&stage, sale.id).await;
    selling.until_sold(&stage, sale.id, 200).await;
    assert_eq!(posted(&stage, sale.id).await, before, "nothing is posted");
    run(
        &mut other,
        "ALTER SYSTEM RESET default_transaction_read_only",
    )
    .await;
    run(&mut other, "SELECT pg_reload_conf()").await;

    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_whose_connections_others_have_taken_is_waited_for() {
    let impatient = Setting {
        reconciler: vec![setting("DATABASE_ACQUIRE_TIMEOUT_MS", 500)],
        ..own_postgres()
    };
    let ground = Ground::prepare(impatient).await.unwrap();
    let postgres = ground.postgres().unwrap();
    let mut other = session(&ground.deployment).await;
    run(&mut other, "ALTER SYSTEM SET max_connections = 25").await;
    drop(other);
    tokio::task::block_in_place(|| postgres.stop().and_then(|()| postgres.start_again())).unwrap();
    let mut stage = Stage::open_on(ground).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;

    let mut others = vec![session(&stage.deployment).await];
    until("others have all connections", async || {
        // Each of our sessions that ends leaves its place to the quickest client.
        run(
            &mut others[0],
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name LIKE 'mincommerce%'",
        )
        .await;
        while let Ok(one) =
            PgConnection::connect(stage.deployment.database_url.expose_secret()).await
        {
            others.push(one);
        }
        let ours: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'mincommerce%'",
        )
        .fetch_one(&mut others[0])
        .await
        .unwrap();
        (ours == 0).then_some(())
    })
    .await;
    selling.until_sold(&stage, sale.id, 200).await;
    // The pool does not pass Postgres' own error on.
    until_logged(&stage, "pool timed out").await;
    drop(others);

    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

/// How long a session of the stage waits before it checks for a deadlock: long enough for the other session to have
/// closed the cycle by then.
const DEADLOCK_TIMEOUT_MS: u32 = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_posting_that_is_the_victim_of_a_deadlock_is_made_again() {
    let ground = Ground::prepare(Setting::default()).await.unwrap();
    let mut other = session(&ground.deployment).await;
    let database: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut other)
        .await
        .unwrap();
    let change = format!("ALTER DATABASE {database} SET deadlock_timeout = {DEADLOCK_TIMEOUT_MS}");
    run(&mut other, &change).await;
    let mut stage = Stage::open_on(ground).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();

    // The other session holds the buyer's row. It requests the sale's row once posting holds that and waits for the
    // buyer's. Its own deadlock check comes last.
    run(&mut other, "SET deadlock_timeout = 60000").await;
    let buyer = stage.buyers(1).unwrap().remove(0);
    let mut lock = other.begin().await.unwrap();
    sqlx::query("INSERT INTO users (id) VALUES ($1)")
        .bind(buyer.id)
        .execute(&mut *lock)
        .await
        .unwrap();
    let client = stage.client().unwrap();
    let reply = client.purchase(&buyer, sale.id, None).await;
    assert!(reply.meaning.order().is_some(), "{:?}", reply.meaning);
    let selling = Selling::start(&stage, sale.id, NARROW);
    until_posting_waits(&stage.deployment).await;
    sqlx::query("SELECT FROM flash_sales WHERE id = $1 FOR UPDATE")
        .bind(sale.id)
        .execute(&mut *lock)
        .await
        .expect("posting was the victim");
    until_logged(&stage, "deadlock detected").await;
    lock.rollback().await.unwrap();

    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await + 1;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won);
}

/// The journal holds more winners than one call posts, and the reconciler's first call waits for the lock. Returns how
/// many winners that call has.
async fn first_call_waits(stage: &mut Stage, sale: SaleId, lock: &mut PgConnection) -> usize {
    stage.reconciler().kill().unwrap();
    let buyers = stage.buyers(WINNERS).unwrap();
    let report = rush(&stage.client().unwrap(), sale, buyers, CROWD, |_| ()).await;
    assert_eq!((report.won(), report.unknown()), (WINNERS, 0));
    sqlx::query("SELECT FROM flash_sales WHERE id = $1 FOR UPDATE")
        .bind(sale)
        .execute(lock)
        .await
        .unwrap();
    let journal = Journal::new(stage.gate.clone());
    let entries = journal.entries(sale).await.unwrap();
    stage.reconciler().start_again().unwrap();
    until_posting_waits(&stage.deployment).await;
    let sums = entries.iter().take(READ_ENTRIES_MAX).scan(0, |sum, entry| {
        *sum += winners(entry);
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= POST_WINNERS_MAX)
        .last()
        .unwrap()
}

fn winners(entry: &Entry) -> usize {
    match &entry.content {
        Content::Winners { winners, .. } => winners.len(),
        Content::Unreadable { .. } => panic!("{entry:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciler_that_is_killed_within_a_call_has_posted_all_of_it_or_nothing() {
    let mut stage = Stage::open(quick_to_claim()).await.unwrap();
    let sale = stage.open_sale(12_000).await.unwrap();
    let mut other = session(&stage.deployment).await;
    let mut lock = other.begin().await.unwrap();
    let call = first_call_waits(&mut stage, sale.id, &mut lock).await;
    stage.reconciler().kill().unwrap();
    // Postgres completes a call even if no client waits for the answer.
    lock.rollback().await.unwrap();
    until_nobody_posts(&stage.deployment).await;
    let count = posted(&stage, sale.id).await as usize;
    assert!([0, call].contains(&count), "{count} of {call}");

    stage.reconciler().start_again().unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won + WINNERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_within_a_call_has_posted_nothing_of_it() {
    let mut stage = Stage::open(own_postgres()).await.unwrap();
    let sale = stage.open_sale(12_000).await.unwrap();
    let mut other = session(&stage.deployment).await;
    let mut lock = other.begin().await.unwrap();
    first_call_waits(&mut stage, sale.id, &mut lock).await;
    stage.reconciler().pause().unwrap();
    tokio::task::block_in_place(|| stage.postgres().unwrap().kill()).unwrap();
    drop(lock);
    tokio::task::block_in_place(|| stage.postgres().unwrap().start_again()).unwrap();
    assert_eq!(posted(&stage, sale.id).await, 0);

    stage.reconciler().resume().unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, won + WINNERS);
}

/// Calls of the posting function that are running, and how many of them wait for a lock.
async fn posting(session: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE wait_event_type = 'Lock') FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'active'
           AND query LIKE '%post_orders%' AND pid <> pg_backend_pid()",
    )
    .fetch_one(session)
    .await
    .unwrap()
}

async fn until_posting_waits(deployment: &Deployment) {
    let mut other = session(deployment).await;
    until("posting waits for a lock", async || {
        let (_, waiting) = posting(&mut other).await;
        (waiting > 0).then_some(())
    })
    .await;
}

async fn until_nobody_posts(deployment: &Deployment) {
    let mut other = session(deployment).await;
    until("nobody posts", async || {
        let (calls, _) = posting(&mut other).await;
        (calls == 0).then_some(())
    })
    .await;
}

/// Until the first reconciler has logged something.
async fn until_logged(stage: &Stage, words: &str) {
    until(words, async || {
        let log = stage.reconciler_log(0).unwrap();
        log.contains(words).then_some(())
    })
    .await;
}

async fn posted(stage: &Stage, sale: SaleId) -> u32 {
    stage.ledger.sale(sale).await.unwrap().unwrap().posted
}

/// Runs a statement that has no parameters.
async fn run(connection: &mut PgConnection, statement: &str) {
    connection
        .execute(AssertSqlSafe(statement.to_owned()))
        .await
        .unwrap();
}
