//! The Redis memory of a buyer, and the cost of a decision as a sale grows.

use anyhow::Context;
use process::output::note;
use sale::ledger::Sale;
use system::rest::at_rest;

use super::{
    Volume,
    figure::{Figure, Goal, middle},
};
use crate::{
    cpu::micros,
    ground::{Ground, POSTED_DEADLINE},
    load::{Pace, answers::Expected},
    report::text::short,
};

/// Buyers in a small sale.
const SMALL: usize = 1_000;

pub(super) async fn measure(size: Volume) -> anyhow::Result<Vec<Figure>> {
    let ground = Ground::start().await?;
    let (winner, sold_out) = costs(&ground, size).await?;
    ground.close().await?;
    let bytes = bytes_a_buyer(size).await?;
    let (large, small) = (short(size.large as f64), short(SMALL as f64));
    let growth = |name: &str, costs| Figure::against(name, "us", costs, Goal::AtMost(1.2));
    let sold_out_name = format!("Redis CPU a sold-out answer, {large} buyers; limit: {small}");
    let winner_name =
        format!("Redis CPU a winner, from {large} to twice as many buyers; limit: from {small}");
    Ok(vec![
        Figure::alone(
            "Redis memory a buyer once posted",
            "bytes",
            bytes,
            Goal::AtMost(120.0),
        )?,
        growth(&winner_name, winner)?,
        growth(&sold_out_name, sold_out)?,
    ])
}

/// The cost in Redis of a winner, and of a buyer who comes too late, in a large sale and in small ones.
///
/// Redis grows a hash of buyers whenever it is full, and then moves a part of it with each purchase until all is moved.
/// So the cost of winners is measured while the sale doubles, as the small ones do. Buyers who come too late meet a
/// hash at rest.
async fn costs(ground: &Ground, size: Volume) -> anyhow::Result<((f64, f64), (f64, f64))> {
    let count = size.purchases;
    ground.warm_up(ground.stage.api(), count).await?;
    let large = ground.filled(size.large, size.large).await?;
    let large_end = ground.filled(size.large, 0).await?;
    let small_end = ground.filled(SMALL, 0).await?;
    ground.file_rewritten().await?;
    // A turn of small sales is half as long: an API handles at most a thousand sales at a time.
    let turns = size.large / (2 * count);
    let mut winner = (0.0, 0.0);
    for turn in 0..turns {
        let crowd = ground.crowd(SMALL, count).await?;
        let small = ground.run(ground.stage.api(), &crowd, Pace::Full).await?;
        let small = micros(small.all(Expected::Accepted)?.redis);
        let large = cost(ground, &large, 2 * count, Expected::Accepted).await?;
        note(&format!(
            "turn {turn}, winner: Redis {large:.2} us in a large sale, {small:.2} us in small ones"
        ));
        winner = (
            winner.0 + large / turns as f64,
            winner.1 + small / turns as f64,
        );
    }
    let mut sold_out = Vec::new();
    for _ in 0..size.rounds {
        let small = cost(ground, &small_end, count, Expected::SoldOut).await?;
        sold_out.push((
            cost(ground, &large_end, count, Expected::SoldOut).await?,
            small,
        ));
    }
    Ok((winner, middle(sold_out)))
}

/// CPU time of Redis for each purchase at full load, microseconds.
async fn cost(
    ground: &Ground,
    sale: &Sale,
    count: usize,
    expected: Expected,
) -> anyhow::Result<f64> {
    let buyers = ground.buyers(sale.id, count)?;
    let costs = ground.run(ground.stage.api(), &buyers, Pace::Full).await?;
    Ok(micros(costs.all(expected)?.redis))
}

/// The additional memory of Redis for each buyer, once a sale's buyers are posted.
async fn bytes_a_buyer(size: Volume) -> anyhow::Result<f64> {
    let mut ground = Ground::start().await?;
    let sale = ground.sale(u32::try_from(size.journal)?).await?.id;
    let before = ground.redis_memory()?;
    ground.fill(sale, size.journal).await?;
    ground.begin_posting()?;
    at_rest(ground.gate(), &ground.stage.ledger, sale, POSTED_DEADLINE).await?;
    let more = ground.redis_memory()?.checked_sub(before);
    let more = more.context("Redis has less memory in use than before")?;
    ground.close().await?;
    Ok(more as f64 / size.journal as f64)
}
