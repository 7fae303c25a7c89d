//! From the journal to the ledger. Its limit: `INSERT ... SELECT` of the same rows into the same tables, users and
//! orders with their triggers and keys, by Postgres alone.
//!
//! The two take turns, and take turns in being first. Each uses servers of its own that have just written the data that
//! they had to write. So neither meets tables, indexes and caches that the other has filled, and nothing else runs.
//! Both sides use new, growing ids: every index is filled at its right end. That is the best case for both.

use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use process::output::note;
use sale::{
    gate::{admission::BATCH_MAX, snapshot::Snapshot},
    model::{BuyerId, OrderId},
};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{
    Volume,
    figure::{Figure, Goal, median, middle},
};
use crate::{
    ground::{Ground, POSTED_DEADLINE},
    load::{Pace, answers::Expected},
};

/// The pause between two looks at the ledger.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

pub(super) async fn measure(size: Volume) -> anyhow::Result<Vec<Figure>> {
    let (mut rates, mut lags) = (vec![], vec![]);
    for round in 0..size.rounds {
        let before = if round % 2 == 1 {
            Some(inserted_a_second(size).await?)
        } else {
            None
        };
        let (posted, lag) = posted_a_second(size).await?;
        let inserted = match before {
            Some(inserted) => inserted,
            None => inserted_a_second(size).await?,
        };
        note(&format!(
            "round {round}: {posted:.0} orders/s posted, {inserted:.0}/s by INSERT, {lag:?} behind"
        ));
        rates.push((posted, inserted));
        lags.push(lag.as_secs_f64());
    }
    Ok(vec![
        Figure::against(
            "orders posted; limit: INSERT ... SELECT by Postgres alone",
            "1/s",
            middle(rates),
            Goal::AtLeast(0.6),
        )?,
        Figure::alone(
            "from the last 202 to the last order in Postgres",
            "s",
            median(lags),
            Goal::AtMost(2.0),
        )?,
    ])
}

/// Fills a journal, and then starts a reconciler: the rate from its first read to its last forget. Also returns its lag
/// behind a rush afterwards.
async fn posted_a_second(size: Volume) -> anyhow::Result<(f64, Duration)> {
    let mut ground = Ground::start().await?;
    let sale = ground.sale(u32::try_from(size.journal)?).await?.id;
    ground.fill(sale, size.journal).await?;
    let pool = PgPool::connect(ground.stage.deployment.database_url.expose_secret()).await?;
    checkpoint(&pool).await?;
    pool.close().await;
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
    let sale = ground.sale(u32::try_from(size.journal)?).await?.id;
    let pool = PgPool::connect(ground.stage.deployment.database_url.expose_secret()).await?;
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
    let mut left = count;
    while left > 0 {
        let entry = left.min(BATCH_MAX);
        let orders: Vec<Uuid> = (0..entry).map(|_| OrderId::random().uuid()).collect();
        let buyers: Vec<Uuid> = (0..entry).map(|_| BuyerId::random().uuid()).collect();
        let at: DateTime<Utc> = Utc::now();
        sqlx::query("INSERT INTO wanted SELECT o, b, $3 FROM unnest($1, $2) AS entry (o, b)")
            .bind(orders)
            .bind(buyers)
            .bind(at)
            .execute(pool)
            .await?;
        left -= entry;
    }
    Ok(())
}

/// Makes Postgres write its memory to the disk now, and not during a measurement.
async fn checkpoint(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::query("CHECKPOINT").execute(pool).await?;
    Ok(())
}

/// A rush with a running reconciler: the time from the last 202 until every winner has an order.
async fn lag(ground: &Ground, size: Volume) -> anyhow::Result<Duration> {
    let sale = ground.sale(u32::try_from(size.winners)?).await?;
    let buyers = ground.buyers(sale.id, size.winners)?;
    let costs = ground.run(ground.stage.api(), &buyers, Pace::Full).await?;
    let answered = Instant::now();
    costs.all(Expected::Accepted)?;
    let posted = async {
        loop {
            let standing = ground.stage.ledger.standing(sale.id).await?;
            if standing.context("no such sale")?.posted as usize == size.winners {
                return anyhow::Ok(answered.elapsed());
            }
            sleep(LOOK_PAUSE).await;
        }
    };
    timeout(POSTED_DEADLINE, posted)
        .await
        .context("not posted in time")?
}
