//! A Postgres that dies, refuses, or is cut off while a sale sells. Admission goes on; what is admitted
//! waits in the journal, and is posted once when Postgres is back.

use sqlx::{Connection, PgConnection};
use system::{
    deployment::Deployment,
    stage::{Ground, Setting, Stage},
};

use super::{
    NARROW, Selling,
    proxy::{Proxy, Way},
    until,
};

fn own_postgres() -> Setting {
    Setting {
        own_postgres: true,
        ..Setting::default()
    }
}

/// A session of somebody else in the stage's database.
async fn session(deployment: &Deployment) -> PgConnection {
    PgConnection::connect(deployment.database_url.expose())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_does_not_stop_the_selling_and_everything_is_posted_once() {
    let mut stage = Stage::open(own_postgres()).await.unwrap();
    let sale = stage.open_sale(2_000).await.unwrap();
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
    let sale = stage.open_sale(500).await.unwrap();

    // A lock on the sale holds the call back where it has been sent and not answered.
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
        let sale = stage.ledger.sale(sale.id).await.unwrap().unwrap();
        (sale.posted > 0).then_some(())
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

/// Until a call of the posting function waits for a lock.
async fn until_posting_waits(deployment: &Deployment) {
    let mut other = session(deployment).await;
    until("posting waits for a lock", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'
               AND query LIKE '%post_orders%' AND pid <> pg_backend_pid()",
        )
        .fetch_one(&mut other)
        .await
        .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
}
