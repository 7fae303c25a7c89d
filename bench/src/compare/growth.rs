//! What a buyer takes of Redis, and what a decision costs as a sale grows.

use std::time::Duration;

use anyhow::{Context, ensure};
use sale::{
    gate::{
        Gate,
        admission::{BATCH_MAX, Known},
    },
    model::{BuyerId, OrderId, Purchase, SaleId, Verdict},
};
use system::rest::at_rest;

use super::{Figure, Goal, Size, micros};
use crate::{
    cpu,
    ground::{Ground, POSTED_DEADLINE, plain},
};

/// Buyers in a small sale.
const SMALL: usize = 1_000;

pub(super) async fn measure(size: Size) -> anyhow::Result<Vec<Figure>> {
    let ground = Ground::start().await?;
    let small = refusal(&ground, SMALL, size).await?;
    let large = refusal(&ground, size.large, size).await?;
    ground.close().await?;
    let bytes = bytes_a_buyer(size).await?;
    Ok(vec![
        Figure {
            name: "Redis memory a buyer once posted",
            unit: "bytes",
            value: bytes,
            limit: None,
            goal: Goal::AtMost(120.0),
        },
        Figure {
            name: "Redis CPU an admission, large sale; limit: 1,000 buyers",
            unit: "us",
            value: micros(large),
            limit: Some(micros(small)),
            goal: Goal::AtMost(1.2),
        },
    ])
}

/// CPU time of Redis for each decision in a sale that so many buyers have emptied: whoever comes is a
/// stranger to it.
async fn refusal(ground: &Ground, buyers: usize, size: Size) -> anyhow::Result<Duration> {
    let sale = ground.sale(u32::try_from(buyers)?).await?.id;
    fill(ground.gate(), sale, buyers).await?;
    let crowd: Vec<Purchase> = (0..size.purchases).map(|_| stranger()).collect();
    let pid = ground.redis_pid()?;
    let before = cpu::used(pid)?;
    for batch in crowd.chunks(BATCH_MAX) {
        let decision = ground.gate().admit(sale, &Known::default(), batch).await?;
        let refused = decision.verdicts.iter().all(|it| *it == Verdict::SoldOut);
        ensure!(refused, "somebody was not refused");
    }
    Ok((cpu::used(pid)? - before) / u32::try_from(size.purchases)?)
}

/// What Redis has more once a sale's buyers are posted.
async fn bytes_a_buyer(size: Size) -> anyhow::Result<f64> {
    let mut ground = Ground::start().await?;
    let sale = ground.sale(u32::try_from(size.journal)?).await?.id;
    let before = used_memory(&ground)?;
    fill(ground.gate(), sale, size.journal).await?;
    ground.stage.start_reconciler(&[]).map_err(plain)?;
    at_rest(ground.gate(), &ground.stage.ledger, sale, POSTED_DEADLINE).await?;
    let more = used_memory(&ground)?.saturating_sub(before);
    ground.close().await?;
    Ok(more as f64 / size.journal as f64)
}

fn used_memory(ground: &Ground) -> anyhow::Result<u64> {
    let redis = ground.stage.redis().context("redis does not run")?;
    let info = redis.command(&["INFO", "memory"])?;
    let used = info
        .lines()
        .find_map(|line| line.trim().strip_prefix("used_memory:"))
        .context("redis does not say its memory")?;
    Ok(used.parse()?)
}

/// Sells to so many new buyers.
pub(crate) async fn fill(gate: &Gate, sale: SaleId, buyers: usize) -> anyhow::Result<()> {
    let mut left = buyers;
    while left > 0 {
        let count = left.min(BATCH_MAX);
        let batch: Vec<Purchase> = (0..count).map(|_| stranger()).collect();
        let decision = gate.admit(sale, &Known::default(), &batch).await?;
        let won = decision.verdicts.iter().all(|it| *it == Verdict::Admitted);
        ensure!(won, "somebody was not admitted");
        left -= count;
    }
    Ok(())
}

fn stranger() -> Purchase {
    Purchase {
        buyer: BuyerId::random(),
        order: OrderId::random(),
    }
}
