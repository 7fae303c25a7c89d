//! The Redis memory of a buyer, and the cost of a decision as a sale grows.

use process::output::note;
use sale::ledger::Sale;
use system::rest::at_rest;

use super::{
    Volume,
    figure::{Line, Rounds, SMALL},
};
use crate::{
    ground::{Ground, POSTED_DEADLINE},
    load::answers::Expected,
};

pub(super) async fn measure(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let ground = Ground::start().await?;
    costs(&ground, size, rounds).await?;
    ground.close().await?;
    memory(size, rounds).await
}

/// The cost in Redis of a winner, and of a buyer who comes too late, in a large sale and in small ones.
///
/// Redis grows a hash of buyers whenever it is full, and then moves a part of it with each purchase until all is moved.
/// So the cost of winners is measured while the sale doubles, as the small ones do. Buyers who come too late meet a
/// hash at rest.
async fn costs(ground: &Ground, size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let count = size.purchases;
    let redis = async |sale: &Sale, count, expected| {
        let buyers = ground.buyers(sale.id, count)?;
        anyhow::Ok(ground.run(&buyers, expected).await?.redis)
    };
    ground.warm_up(ground.stage.api(), count).await?;
    let large_sale = ground.filled(size.large, size.large).await?;
    let large_end = ground.filled(size.large, 0).await?;
    let small_end = ground.filled(SMALL, 0).await?;
    ground.file_rewritten().await?;
    // A turn of small sales is half as long: an API handles at most a thousand sales at a time.
    let turns = size.large / (2 * count);
    let mut mean = (0.0, 0.0);
    for turn in 0..turns {
        let crowd = ground.crowd(SMALL, count).await?;
        let small = ground.run(&crowd, Expected::Accepted).await?.redis;
        let large = redis(&large_sale, 2 * count, Expected::Accepted).await?;
        note(&format!(
            "turn {turn}, winner: Redis {large:.2} us in a large sale, {small:.2} us in small ones"
        ));
        mean.0 += large / turns as f64;
        mean.1 += small / turns as f64;
    }
    rounds.against(Line::WinnerGrowth, mean.0, mean.1);
    for _ in 0..size.rounds {
        let small = redis(&small_end, count, Expected::SoldOut).await?;
        let large = redis(&large_end, count, Expected::SoldOut).await?;
        rounds.against(Line::SoldOutGrowth, large, small);
    }
    Ok(())
}

/// The additional memory of Redis for each buyer, once a sale's buyers are posted.
async fn memory(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let mut ground = Ground::start().await?;
    let sale = ground.filled(0, size.journal).await?.id;
    let before = ground.redis_memory()?;
    ground.fill(sale, size.journal).await?;
    ground.begin_posting()?;
    at_rest(ground.gate(), &ground.stage.ledger, sale, POSTED_DEADLINE).await?;
    let bytes = ground.bytes_each(before, size.journal)?;
    rounds.alone(Line::Memory, bytes);
    ground.close().await
}
