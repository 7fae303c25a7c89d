//! An API at full load and below, and Redis' cost meanwhile. No reconciler runs, so that only the decision is compared.
//!
//! Noise of the machine comes in waves that are longer than a run. So the API and its limits take turns, and the round
//! whose ratio is the median of all rounds counts.

use process::output::note;
use sale::model::SaleId;

use super::{
    Volume,
    figure::{Line, Rounds, median_by},
    limits::{self, Service},
};
use crate::{
    floor::Kind,
    ground::{CONNECTIONS, Costs, Ground},
    load::{Pace, answers::Expected},
};

/// The share of the full rate at which latencies are measured.
const PACED_SHARE: f64 = 0.5;

/// The percentile of the latencies.
const PERCENTILE: f64 = 99.0;

pub(super) async fn api(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let ground = Ground::start().await?;
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let requests = ground.buyers(SaleId::random(), size.purchases)?;
    let bare = Service::start(&ground, Kind::Bare, None, &requests).await?;
    let openapi = Service::start(&ground, Kind::Openapi, None, &requests).await?;
    for round in 0..size.short_rounds {
        let [winner, sold_out] = full_load(&ground, round, size).await?;
        let by_bare = bare.cost(&requests).await?;
        rounds.against(Line::SoldOutByBare, sold_out.api, by_bare);
        rounds.against(Line::WinnerByBare, winner.api, by_bare);
        let by_openapi = openapi.cost(&requests).await?;
        rounds.against(Line::WinnerByOpenapi, winner.api, by_openapi);
    }
    bare.stop()?;
    openapi.stop()?;
    ground.close().await
}

pub(super) async fn gate(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let mut ground = Ground::start().await?;
    let single = ground.start_api("PURCHASE_BATCH_MAX", 1)?;
    for api in ground.stage.apis() {
        ground.warm_up(api, size.purchases).await?;
    }
    let single = &ground.stage.apis()[single];
    let count = size.purchases;
    let mut rates = Vec::new();
    for round in 0..size.short_rounds {
        let [winner, sold_out] = full_load(&ground, round, size).await?;
        let rate = winner.outcome.rate();
        rates.push(rate);
        let singles = ground.winners(single, CONNECTIONS, count).await?;
        rounds.against(Line::Batches, rate, singles.outcome.rate());
        let plenty = ground.filled(0, count).await?;
        let one_call = limits::one_call(&ground, &plenty, count).await?;
        rounds.against(Line::RedisWinner, winner.redis, one_call);
        let full = ground.filled(1, 0).await?;
        let one_call = limits::one_call(&ground, &full, count).await?;
        rounds.against(Line::RedisSoldOut, sold_out.redis, one_call);
        if round < size.rounds {
            let postgres = limits::postgres_alone(&ground, size).await?;
            note(&format!("round {round}, Postgres alone: {postgres:.0}/s"));
            rounds.against(Line::PostgresAlone, rate, postgres);
        }
    }
    let rate = PACED_SHARE * median_by(rates, |rate| *rate);
    for round in 0..size.rounds {
        let millis = paced(&ground, round, rate, size).await?;
        rounds.alone(Line::Paced, millis);
    }
    ground.close().await
}

/// Winners, and buyers who come too late.
async fn full_load(ground: &Ground, round: usize, size: Volume) -> anyhow::Result<[Costs; 2]> {
    let (api, count) = (ground.stage.api(), size.purchases);
    let winner = ground.winners(api, CONNECTIONS, count).await?;
    tell(round, "winner", &winner);
    let buyers = ground.buyers(ground.filled(1, 0).await?.id, count)?;
    let sold_out = ground.run(&buyers, Expected::SoldOut).await?;
    tell(round, "sold out", &sold_out);
    Ok([winner, sold_out])
}

/// Purchases at a rate: the percentile of their latencies, milliseconds. Redis rewrites its file before. Otherwise the
/// group's sales would cause a rewrite in some rounds and not in others, on a processor that the purchases need.
async fn paced(ground: &Ground, round: usize, rate: f64, size: Volume) -> anyhow::Result<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
    let count = (rate * size.timed.as_secs_f64()) as usize;
    let buyers = ground.buyers(ground.filled(0, count).await?.id, count)?;
    ground.file_rewritten().await?;
    let (api, pace) = (ground.stage.api(), Pace::Rate(rate));
    let costs = ground.run_over(api, CONNECTIONS, &buyers, pace).await?;
    let costs = costs.all(Expected::Accepted)?;
    tell(round, &format!("paced at {rate:.0}/s"), &costs);
    Ok(costs.outcome.millis(PERCENTILE))
}

fn tell(round: usize, name: &str, costs: &Costs) {
    note(&format!(
        "round {round}, {name}: {:.0}/s; CPU a request: API {:.1} us, Redis {:.2} us, generator {:.1} us",
        costs.outcome.rate(),
        costs.api,
        costs.redis,
        costs.generator
    ));
}
