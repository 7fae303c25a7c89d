//! Many live sales beside one, over as many connections, and what a live sale costs that nobody buys in.

use anyhow::Context;
use process::output::note;
use sale::model::SaleId;
use tokio::time::{Instant, sleep};

use super::{
    Volume,
    figure::{Line, Rounds},
};
use crate::ground::{Costs, Ground, WARM_UP_PART};

const MANY: usize = 20;

/// Connections that the sales share.
const CONNECTIONS: usize = 2_048;

pub(super) async fn measure(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let (many, one) = (Live::open(MANY, size).await?, Live::open(1, size).await?);
    for round in 0..size.short_rounds {
        let (costs, limit) = (
            many.buy(size.purchases).await?,
            one.buy(size.purchases).await?,
        );
        note(&format!(
            "round {round}: {:.0}/s in {MANY} sales, {:.0}/s in one",
            costs.outcome.rate(),
            limit.outcome.rate()
        ));
        rounds.against(Line::SalesByOne, costs.api, limit.api);
        rounds.against(Line::RedisSalesByOne, costs.redis, limit.redis);
    }
    many.ground.close().await?;
    one.ground.close().await?;
    idle(size, rounds).await
}

/// Servers of their own, with so many live sales and no others.
struct Live {
    ground: Ground,
    sales: Vec<SaleId>,
}

impl Live {
    async fn open(count: usize, size: Volume) -> anyhow::Result<Self> {
        let ground = Ground::start().await?;
        let sales = ground.live(count, size.purchases * (size.short_rounds + 1));
        let live = Self {
            sales: sales.await?,
            ground,
        };
        live.buy(size.purchases / WARM_UP_PART).await?;
        Ok(live)
    }

    async fn buy(&self, count: usize) -> anyhow::Result<Costs> {
        let (ground, sales) = (&self.ground, &self.sales);
        ground.in_turn(sales, CONNECTIONS, count).await
    }
}

/// The commands that Redis runs for live sales in which nobody buys: all of them, also those for no sale.
async fn idle(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let mut ground = Ground::start().await?;
    ground.begin_posting()?;
    let live = ground.live(MANY, MANY).await?;
    // Every sale is known to the API.
    ground.in_turn(&live, 1, MANY).await?;
    sleep(size.timed).await;
    let (before, began) = (ground.redis_commands()?, Instant::now());
    sleep(size.timed).await;
    let commands = ground.redis_commands()?.checked_sub(before);
    let commands = commands.context("Redis has run fewer commands than before")?;
    let a_second = commands as f64 / began.elapsed().as_secs_f64();
    rounds.alone(Line::Idle, a_second / MANY as f64);
    ground.close().await
}
