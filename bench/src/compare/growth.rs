//! The Redis memory of a buyer, and the cost of a decision in a large sale.

use process::output::note;
use sale::model::Verdict;
use system::rest::at_rest;

use super::{
    Volume,
    figure::{Line, Rounds, SMALL},
    hmget::Reader,
};
use crate::{
    cpu::micros_each,
    ground::{Ground, POSTED_DEADLINE, sales::strangers},
    load::answers::Expected,
};

pub(super) async fn measure(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let ground = Ground::start().await?;
    winners(&ground, size, rounds).await?;
    sold_out(&ground, size, rounds).await?;
    ground.close().await?;
    memory(size, rounds).await
}

/// The cost in Redis of a winner, in a large sale and in small ones.
///
/// Redis grows a hash of buyers whenever it is full, and then moves a part of it with each purchase until all is moved.
/// So the cost is measured while the sale doubles, as the small ones do.
async fn winners(ground: &Ground, size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let count = size.purchases;
    ground.warm_up(ground.stage.api(), count).await?;
    let large_sale = ground.filled(size.large, size.large).await?.id;
    ground.file_rewritten().await?;
    // A turn of small sales is half as long: an API handles at most a thousand sales at a time.
    let turns = size.large / (2 * count);
    let mut mean = (0.0, 0.0);
    for turn in 0..turns {
        let crowd = ground.crowd(SMALL, count).await?;
        let small = ground.run(&crowd, Expected::Accepted).await?.redis;
        let buyers = ground.buyers(large_sale, 2 * count)?;
        let large = ground.run(&buyers, Expected::Accepted).await?.redis;
        note(&format!(
            "turn {turn}, winner: Redis {large:.2} us in a large sale, {small:.2} us in small ones"
        ));
        mean.0 += large / turns as f64;
        mean.1 += small / turns as f64;
    }
    rounds.against(Line::WinnerGrowth, mean.0, mean.1);
    Ok(())
}

/// The cost in Redis of a buyer who comes too late to a large sale. One call of the gate decides for as many buyers as
/// one `HMGET` of its limit looks up.
async fn sold_out(ground: &Ground, size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let sale = ground.filled(size.large, 0).await?.id;
    let mut reader = Reader::connect(ground, sale).await?;
    ground.file_rewritten().await?;
    for _ in 0..size.short_rounds {
        let late = strangers(size.purchases);
        let (redis, count) = (ground.redis_pid()?, late.len());
        let deciding = ground.decide(sale, &late, Verdict::SoldOut);
        let ((), [cost]) = micros_each([redis], count, deciding).await?;
        let looking_up = reader.look_up(&late);
        let ((), [limit]) = micros_each([redis], count, looking_up).await?;
        rounds.against(Line::SoldOutByHmget, cost, limit);
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
