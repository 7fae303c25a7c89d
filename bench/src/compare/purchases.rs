//! An API at full load and below, and Redis' cost meanwhile. No reconciler runs, so that only the decision is compared.
//!
//! Noise of the machine comes in waves that are longer than a run. So the API and its limits take turns, and the round
//! whose ratio is the median of all rounds counts.

use process::output::note;
use sale::model::SaleId;

use super::{
    Volume,
    figure::{Figure, Goal, median, middle},
    limits::{self, Service, Stock},
};
use crate::{
    cpu::micros,
    floor::Kind,
    ground::{CONNECTIONS, Costs, Ground, plain},
    load::{Pace, answers::Expected},
};

/// The share of the full rate at which latencies are measured.
const PACED_SHARE: f64 = 0.5;

/// The percentile of the latencies.
const PERCENTILE: f64 = 99.0;

pub(super) async fn api(size: Volume) -> anyhow::Result<Vec<Figure>> {
    let ground = Ground::start().await?;
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let bare = Service::start(&ground, Kind::Bare, size).await?;
    let openapi = Service::start(&ground, Kind::Openapi, size).await?;
    let mut rounds = Vec::new();
    for round in 0..size.short_rounds {
        let winner = winners(&ground, 0, size).await?;
        let sold_out = sold_out(&ground, size).await?;
        let requests = ground.buyers(SaleId::random(), size.purchases)?;
        let round_costs = [
            winner.api,
            sold_out.api,
            bare.cost(&requests).await?,
            openapi.cost(&requests).await?,
        ];
        tell(round, "winner", &winner);
        tell(round, "sold out", &sold_out);
        rounds.push(round_costs);
    }
    bare.stop()?;
    openapi.stop()?;
    ground.close().await?;
    let figure = |name, place: usize, limit: usize, goal| {
        let pairs = rounds
            .iter()
            .map(|round| (micros(round[place]), micros(round[limit])));
        Figure::against(name, "us", middle(pairs), Goal::AtMost(goal))
    };
    Ok(vec![
        figure(
            "API CPU a purchase, sold out; limit: a bare POST",
            1,
            2,
            1.6,
        )?,
        figure("API CPU a purchase, winner; limit: a bare POST", 0, 2, 1.7)?,
        figure(
            "API CPU a purchase, winner; limit: a poem-openapi POST",
            0,
            3,
            1.2,
        )?,
    ])
}

pub(super) async fn gate(size: Volume) -> anyhow::Result<Vec<Figure>> {
    let mut ground = Ground::start().await?;
    let rounds = gate_rounds(&mut ground, size).await?;
    ground.close().await?;
    gate_figures(rounds)
}

/// The measurements of the gate: a pair is a figure and its limit, of one round.
#[derive(Default)]
struct GateRounds {
    /// CPU time of Redis, microseconds.
    redis_winner: Vec<(f64, f64)>,
    redis_sold_out: Vec<(f64, f64)>,
    /// Purchases a second.
    batched: Vec<(f64, f64)>,
    alone: Vec<(f64, f64)>,
    /// The percentile of each run at a rate, milliseconds.
    paced: Vec<f64>,
}

async fn gate_rounds(ground: &mut Ground, size: Volume) -> anyhow::Result<GateRounds> {
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let single = ground.stage.start_api(&[
        ("PURCHASE_BATCH_MAX".to_owned(), "1".to_owned()),
        ("METRICS_ADDRESS".to_owned(), "off".to_owned()),
    ]);
    let single = single.map_err(plain)?;
    ground
        .warm_up(&ground.stage.apis()[single], size.purchases)
        .await?;
    let mut rounds = GateRounds::default();
    for round in 0..size.short_rounds {
        let winner = winners(ground, 0, size).await?;
        let sold_out = sold_out(ground, size).await?;
        let singles = winners(ground, single, size).await?;
        let one_winner = limits::one_call(ground, size, Stock::Plenty).await?;
        let one_sold_out = limits::one_call(ground, size, Stock::None).await?;
        tell(round, "winner", &winner);
        tell(round, "sold out", &sold_out);
        let rate = winner.outcome.rate();
        let redis = (micros(winner.redis), micros(one_winner));
        rounds.redis_winner.push(redis);
        let redis = (micros(sold_out.redis), micros(one_sold_out));
        rounds.redis_sold_out.push(redis);
        rounds.batched.push((rate, singles.outcome.rate()));
        if round < size.rounds {
            let postgres = limits::postgres_alone(ground, size).await?;
            note(&format!("round {round}, Postgres alone: {postgres:.0}/s"));
            rounds.alone.push((rate, postgres));
        }
    }
    let full = median(rounds.batched.iter().map(|(rate, _)| *rate));
    for round in 0..size.rounds {
        let millis = paced(ground, round, full * PACED_SHARE, size).await?;
        rounds.paced.push(millis);
    }
    Ok(rounds)
}

fn gate_figures(rounds: GateRounds) -> anyhow::Result<Vec<Figure>> {
    let redis = |name, pairs: Vec<(f64, f64)>, goal| {
        Figure::against(name, "us", middle(pairs), Goal::AtMost(goal))
    };
    let rates = |name, rates, goal| Figure::against(name, "1/s", rates, Goal::AtLeast(goal));
    Ok(vec![
        redis(
            "Redis CPU a winner; limit: one call each",
            rounds.redis_winner,
            0.28,
        )?,
        redis(
            "Redis CPU a sold-out answer; limit: one call each",
            rounds.redis_sold_out,
            0.18,
        )?,
        rates(
            "purchases at full load; limit: batches of 1",
            middle(rounds.batched),
            1.4,
        )?,
        rates(
            "winners at full load; limit: Postgres alone",
            middle(rounds.alone),
            15.0,
        )?,
        Figure::alone(
            "p99 of a purchase at half of the full rate, from the intended start",
            "ms",
            median(rounds.paced),
            Goal::AtMost(10.0),
        )?,
    ])
}

async fn winners(ground: &Ground, api: usize, size: Volume) -> anyhow::Result<Costs> {
    let api = &ground.stage.apis()[api];
    ground.winners(CONNECTIONS, api, size.purchases).await
}

async fn sold_out(ground: &Ground, size: Volume) -> anyhow::Result<Costs> {
    let sale = ground.sale(1).await?;
    let first = ground.buyers(sale.id, 1)?;
    let costs = ground.run(ground.stage.api(), &first, Pace::Full).await?;
    costs.all(Expected::Accepted)?;
    let buyers = ground.buyers(sale.id, size.purchases)?;
    let costs = ground.run(ground.stage.api(), &buyers, Pace::Full).await?;
    costs.all(Expected::SoldOut)
}

/// Purchases at a rate: the percentile of their latencies, milliseconds. Redis rewrites its file before. Otherwise the
/// group's sales would cause a rewrite in some rounds and not in others, on a processor that the purchases need.
async fn paced(ground: &Ground, round: usize, rate: f64, size: Volume) -> anyhow::Result<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
    let count = (rate * size.paced.as_secs_f64()) as usize;
    let sale = ground.sale(u32::try_from(count)?).await?;
    let buyers = ground.buyers(sale.id, count)?;
    ground.file_rewritten().await?;
    let costs = ground
        .run(ground.stage.api(), &buyers, Pace::Rate(rate))
        .await?;
    let costs = costs.all(Expected::Accepted)?;
    tell(round, &format!("paced at {rate:.0}/s"), &costs);
    let latency = costs.outcome.latencies.percentile(PERCENTILE);
    Ok(latency.as_secs_f64() * 1e3)
}

fn tell(round: usize, name: &str, costs: &Costs) {
    note(&format!(
        "round {round}, {name}: {:.0}/s; CPU a request: API {:.1} us, Redis {:.2} us, generator {:.1} us",
        costs.outcome.rate(),
        micros(costs.api),
        micros(costs.redis),
        micros(costs.generator)
    ));
}
