//! An API at full load and below, and what Redis spends meanwhile. No reconciler is at work: what is
//! compared is the decision.
//!
//! Noise of the machine comes in waves that are longer than a run. So the API and what it is compared with
//! take turns, and the round whose ratio is the median of all rounds counts.

use sale::{ledger::Sale, model::SaleId};
use system::processes::ApiProcess;

use super::{
    Size,
    figure::{Figure, Goal, median, middle},
    limits::{self, Service, Stock},
    micros,
};
use crate::{
    floor::Kind,
    ground::{Costs, Ground, plain},
    load::{Pace, answers::Expected},
};

/// The share of the full rate at which answers are timed.
const PACED_SHARE: f64 = 0.5;

/// The percentile of the times.
const PERCENTILE: f64 = 99.0;

/// CPU time of an API, and of services that decide nothing.
pub(super) async fn api(size: Size) -> anyhow::Result<Vec<Figure>> {
    let ground = Ground::start().await?;
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let bare = Service::start(&ground, Kind::Bare, size).await?;
    let openapi = Service::start(&ground, Kind::Openapi, size).await?;
    let mut rounds = Vec::new();
    for round in 0..size.rounds {
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

/// CPU time of Redis, and how many purchases there are a second, for which time.
pub(super) async fn gate(size: Size) -> anyhow::Result<Vec<Figure>> {
    let mut ground = Ground::start().await?;
    let figures = gate_figures(&mut ground, size).await?;
    ground.close().await?;
    Ok(figures)
}

async fn gate_figures(ground: &mut Ground, size: Size) -> anyhow::Result<Vec<Figure>> {
    ground.warm_up(ground.stage.api(), size.purchases).await?;
    let single = ground.stage.start_api(&[
        ("PURCHASE_BATCH_MAX".to_owned(), "1".to_owned()),
        ("METRICS_ADDRESS".to_owned(), "off".to_owned()),
    ]);
    let single = single.map_err(plain)?;
    ground
        .warm_up(&ground.stage.apis()[single], size.purchases)
        .await?;
    let (mut redis_winner, mut redis_sold_out, mut batched) = (vec![], vec![], vec![]);
    for round in 0..size.rounds {
        let winner = winners(ground, 0, size).await?;
        let sold_out = sold_out(ground, size).await?;
        let singles = winners(ground, single, size).await?;
        let one_winner = limits::one_call(ground, size, Stock::Plenty).await?;
        let one_sold_out = limits::one_call(ground, size, Stock::None).await?;
        tell(round, "winner", &winner);
        tell(round, "sold out", &sold_out);
        redis_winner.push((micros(winner.redis), micros(one_winner)));
        redis_sold_out.push((micros(sold_out.redis), micros(one_sold_out)));
        batched.push((winner.outcome.rate(), singles.outcome.rate()));
    }
    let postgres = limits::postgres_alone(ground, size).await?;
    let rate = median(batched.iter().map(|(rate, _)| *rate));
    let paced = paced(ground, rate * PACED_SHARE, size).await?;

    let redis = |name, rounds: Vec<(f64, f64)>, goal| {
        Figure::against(name, "us", middle(rounds), Goal::AtMost(goal))
    };
    let rates = |name, rates, goal| Figure::against(name, "1/s", rates, Goal::AtLeast(goal));
    Ok(vec![
        redis(
            "Redis CPU a winner; limit: one call each",
            redis_winner,
            0.28,
        )?,
        redis(
            "Redis CPU a sold-out answer; limit: one call each",
            redis_sold_out,
            0.18,
        )?,
        rates(
            "purchases at full load; limit: batches of 1",
            middle(batched),
            1.4,
        )?,
        rates(
            "winners at full load; limit: Postgres alone",
            (rate, postgres),
            15.0,
        )?,
        Figure::alone(
            "p99 of a purchase at half of the full rate, from the intended start",
            "ms",
            paced.outcome.latencies.percentile(PERCENTILE).as_secs_f64() * 1e3,
            Goal::AtMost(10.0),
        )?,
    ])
}

/// A sale with a unit for everyone.
async fn winners(ground: &Ground, api: usize, size: Size) -> anyhow::Result<Costs> {
    let sale = ground.sale(u32::try_from(size.purchases)?).await?;
    let costs = everyone(ground, &ground.stage.apis()[api], &sale, size).await?;
    costs.all(Expected::Accepted)
}

/// A sale with nothing left.
async fn sold_out(ground: &Ground, size: Size) -> anyhow::Result<Costs> {
    let sale = ground.sale(1).await?;
    let first = ground.buyers(sale.id, 1)?;
    let costs = ground.run(ground.stage.api(), &first, Pace::Full).await?;
    costs.all(Expected::Accepted)?;
    let costs = everyone(ground, ground.stage.api(), &sale, size).await?;
    costs.all(Expected::SoldOut)
}

async fn everyone(
    ground: &Ground,
    api: &ApiProcess,
    sale: &Sale,
    size: Size,
) -> anyhow::Result<Costs> {
    let buyers = ground.buyers(sale.id, size.purchases)?;
    ground.run(api, &buyers, Pace::Full).await
}

/// Purchases at a rate.
async fn paced(ground: &Ground, rate: f64, size: Size) -> anyhow::Result<Costs> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
    let count = (rate * size.paced.as_secs_f64()) as usize;
    let sale = ground.sale(u32::try_from(count)?).await?;
    let buyers = ground.buyers(sale.id, count)?;
    let costs = ground
        .run(ground.stage.api(), &buyers, Pace::Rate(rate))
        .await?;
    costs.all(Expected::Accepted)
}

fn tell(round: usize, name: &str, costs: &Costs) {
    eprintln!(
        "round {round}, {name}: {:.0}/s; CPU a request: API {:.1} us, Redis {:.2} us, generator {:.1} us",
        costs.outcome.rate(),
        micros(costs.api),
        micros(costs.redis),
        micros(costs.generator),
    );
}
