//! From the journal to the ledger. Its limit: `INSERT ... SELECT` of the same rows into the same tables, users and
//! orders with their triggers and keys, by Postgres alone.
//!
//! The two take turns, and take turns in being first. Each uses servers of its own that have just written the data that
//! they had to write. So neither meets tables, indexes and caches that the other has filled, and nothing else runs.
//! Both sides use new, growing ids: every index is filled at its right end. That is the best case for both.

use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use process::output::note;
use sale::{
    gate::{admission::BATCH_MAX, snapshot::Snapshot},
    model::{BuyerId, OrderId, SaleId},
};
use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Volume,
    figure::{Line, Rounds},
};
use crate::{
    ground::{Ground, POSTED_DEADLINE, found},
    load::answers::Expected,
};

pub(super) async fn measure(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    for round in 0..size.rounds {
        let ((posted, lag), inserted) = if round % 2 == 0 {
            let posted = posted_a_second(size).await?;
            (posted, inserted_a_second(size).await?)
        } else {
            let inserted = inserted_a_second(size).await?;
            (posted_a_second(size).await?, inserted)
        };
        note(&format!(
            "round {round}: {posted:.0} orders/s posted, {inserted:.0}/s by INSERT, {lag:?} behind"
        ));
        rounds.against(Line::Posted, posted, inserted);
        rounds.alone(Line::Lag, lag.as_secs_f64());
    }
    Ok(())
}

/// Fills a journal, and then starts a reconciler: the rate from its first read to its last forget. Also returns its lag
/// behind a rush afterwards.
async fn posted_a_second(size: Volume) -> anyhow::Result<(f64, Duration)> {
    let mut ground = Ground::start().await?;
    let sale = ground.filled(size.journal, 0).await?.id;
    checkpoint(&ground.postgres().await?).await?;
    ground.begin_posting()?;
    let deadline = Instant::now() + POSTED_DEADLINE;
    let started = ground.until_posting(sale, deadline).await?;
    let empty = |gate: &Snapshot| gate.backlog.entries == 0;
    let ended = ground.until(sale, deadline, empty).await?;
    let standing = ground.stage.ledger.standing(sale).await?;
    let posted = standing.context("no such sale")?.posted;
    ensure!(posted as usize == size.journal, "{posted} posted");
    let lag = lag(&ground, size).await?;
    ground.close().await?;
    Ok((size.journal as f64 / (ended - started).as_secs_f64(), lag))
}

async fn inserted_a_second(size: Volume) -> anyhow::Result<f64> {
    let ground = Ground::start().await?;
    let sale = ground.filled(0, size.journal).await?.id;
    let pool = ground.postgres().await?;
    write_rows(&pool, size.journal).await?;
    checkpoint(&pool).await?;
    let started = Instant::now();
    let mut transaction = pool.begin().await?;
    sqlx::query("INSERT INTO users (id) SELECT buyer_id FROM wanted")
        .execute(&mut *transaction)
        .await?;
    let orders = sqlx::query(
        "INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
         SELECT w.id, s.id, w.buyer_id, s.price, s.currency, w.created_at
         FROM wanted w CROSS JOIN flash_sales s WHERE s.id = $1",
    )
    .bind(sale)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let took = started.elapsed();
    let rows = orders.rows_affected();
    ensure!(rows as usize == size.journal, "{rows} orders");
    pool.close().await;
    ground.close().await?;
    Ok(size.journal as f64 / took.as_secs_f64())
}

/// Writes orders in the form of a journal: new ids, and one time for each entry.
async fn write_rows(pool: &PgPool, count: usize) -> anyhow::Result<()> {
    sqlx::raw_sql("CREATE TABLE wanted (id uuid, buyer_id uuid, created_at timestamptz)")
        .execute(pool)
        .await?;
    let orders: Vec<Uuid> = (0..count).map(|_| OrderId::random().uuid()).collect();
    let buyers: Vec<Uuid> = (0..count).map(|_| BuyerId::random().uuid()).collect();
    let now = Utc::now();
    let times = (0..count).map(|order| now + TimeDelta::milliseconds((order / BATCH_MAX) as i64));
    let times: Vec<DateTime<Utc>> = times.collect();
    sqlx::query("INSERT INTO wanted SELECT * FROM unnest($1, $2, $3)")
        .bind(orders)
        .bind(buyers)
        .bind(times)
        .execute(pool)
        .await?;
    Ok(())
}

/// Makes Postgres write its memory to the disk now, and not during a measurement.
async fn checkpoint(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::query("CHECKPOINT").execute(pool).await?;
    Ok(())
}

/// A rush with a running reconciler: the time from the last 202 until every winner has an order.
///
/// A reconciler finds a new sale within a second, and a sale is older than that when its rush begins. So one buyer comes
/// before the others: once that order is posted, the reconciler reads this journal.
async fn lag(ground: &Ground, size: Volume) -> anyhow::Result<Duration> {
    const EARLY: usize = 1;
    let sale = ground.filled(EARLY, size.winners).await?.id;
    posted(ground, sale, EARLY).await?;
    let buyers = ground.buyers(sale, size.winners)?;
    ground.run(&buyers, Expected::Accepted).await?;
    let answered = Instant::now();
    let last = posted(ground, sale, EARLY + size.winners).await?;
    Ok(last - answered)
}

/// Waits until the ledger has posted this many buyers of a sale, and returns when it had.
async fn posted(ground: &Ground, sale: SaleId, count: usize) -> anyhow::Result<Instant> {
    let all = async || {
        let standing = ground.stage.ledger.standing(sale).await?;
        let posted = standing.context("no such sale")?.posted as usize;
        Ok((posted == count).then(Instant::now))
    };
    found("all is posted", Instant::now() + POSTED_DEADLINE, all).await
}
