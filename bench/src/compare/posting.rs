//! From the journal to the ledger.

use std::time::Duration;

use anyhow::{Context, ensure};
use sale::model::SaleId;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Size,
    figure::{Figure, Goal},
};
use crate::{
    ground::{Ground, POSTED_DEADLINE, plain},
    load::{Pace, answers::Expected},
};

/// How often the journal, or the ledger, is looked at.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

pub(super) async fn measure(size: Size) -> anyhow::Result<Vec<Figure>> {
    let mut ground = Ground::start().await?;
    let posted = posted_a_second(&mut ground, size).await?;
    let inserted = inserted_a_second(&ground, size).await?;
    let lag = lag(&ground, size).await?;
    ground.close().await?;
    Ok(vec![
        Figure::against(
            "orders posted; limit: INSERT ... SELECT by Postgres alone",
            "1/s",
            (posted, inserted),
            Goal::AtLeast(0.6),
        )?,
        Figure::alone(
            "from the last 202 to the last order in Postgres",
            "s",
            lag.as_secs_f64(),
            Goal::AtMost(2.0),
        )?,
    ])
}

/// A journal is filled, and then a reconciler starts: from its first read to its last forget.
async fn posted_a_second(ground: &mut Ground, size: Size) -> anyhow::Result<f64> {
    let sale = ground.sale(u32::try_from(size.journal)?).await?.id;
    ground.fill(sale, size.journal).await?;
    ground.stage.start_reconciler(&[]).map_err(plain)?;
    let started = until(ground, sale, |pending, forgotten, _| {
        pending > 0 || forgotten > 0
    })
    .await?;
    let ended = until(ground, sale, |_, _, entries| entries == 0).await?;
    let standing = ground
        .stage
        .ledger
        .standing(sale)
        .await?
        .context("no such sale")?;
    ensure!(
        standing.posted as usize == size.journal,
        "{} posted",
        standing.posted
    );
    Ok(size.journal as f64 / (ended - started).as_secs_f64())
}

/// Waits until the gate's pending entries, forgotten winners and entries are as wanted.
pub(crate) async fn until(
    ground: &Ground,
    sale: SaleId,
    is_so: impl Fn(u64, u64, u64) -> bool,
) -> anyhow::Result<Instant> {
    let looking = async {
        loop {
            let gate = ground.gate().snapshot(sale).await?.context("no gate")?;
            if is_so(gate.backlog.pending, gate.forgotten, gate.backlog.entries) {
                return anyhow::Ok(Instant::now());
            }
            sleep(LOOK_PAUSE).await;
        }
    };
    timeout(POSTED_DEADLINE, looking)
        .await
        .context("the journal was not posted in time")?
}

/// The same rows into the same tables, with their triggers and keys, by Postgres alone.
async fn inserted_a_second(ground: &Ground, size: Size) -> anyhow::Result<f64> {
    let sale = ground.sale(u32::try_from(size.journal)?).await?;
    let pool = sqlx::PgPool::connect(ground.stage.deployment.database_url.expose()).await?;
    // The rows that were posted, with other ids whose order is the same.
    sqlx::raw_sql(
        "CREATE TABLE wanted AS
         SELECT overlay(id::text placing 'f' from 1)::uuid AS id,
                overlay(buyer_id::text placing 'f' from 1)::uuid AS buyer_id, created_at
         FROM orders ORDER BY created_at, id",
    )
    .execute(&pool)
    .await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM wanted")
        .fetch_one(&pool)
        .await?;
    ensure!(usize::try_from(rows)? == size.journal, "{rows} orders");
    let started = Instant::now();
    let mut transaction = pool.begin().await?;
    sqlx::query("INSERT INTO users (id) SELECT buyer_id FROM wanted")
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
         SELECT w.id, s.id, w.buyer_id, s.price, s.currency, w.created_at
         FROM wanted w CROSS JOIN flash_sales s WHERE s.id = $1",
    )
    .bind(sale.id)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let took = started.elapsed();
    pool.close().await;
    Ok(size.journal as f64 / took.as_secs_f64())
}

/// A rush with a reconciler at work: from the last 202 until every winner has an order.
async fn lag(ground: &Ground, size: Size) -> anyhow::Result<Duration> {
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
