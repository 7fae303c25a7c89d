//! An API at full load and below, and what Redis spends meanwhile. No reconciler is at work: what is
//! compared is the decision.
//!
//! Noise of the machine comes in waves that are longer than a run. So the API and what it is compared with
//! take turns, each on the same requests' number, and the median of the rounds counts.

use std::time::Duration;

use anyhow::ensure;
use sale::{ledger::Sale, model::SaleId};
use system::processes::ApiProcess;

use super::{
    Figure, Goal, Size,
    limits::{self, Service},
    median, micros,
};
use crate::{
    floor::Kind,
    ground::{Costs, Ground, plain},
    load::Pace,
};

const ACCEPTED: u16 = 202;
const REFUSED: u16 = 409;

/// The share of the full rate at which answers are timed.
const PACED_SHARE: f64 = 0.5;

/// The percentile of the times.
const PERCENTILE: f64 = 99.0;

/// CPU time of an API, and of services that decide nothing.
pub(super) async fn api(size: Size) -> anyhow::Result<Vec<Figure>> {
    let ground = Ground::start().await?;
    warm_up(&ground, size).await?;
    let bare = Service::start(&ground, Kind::Bare).await?;
    let openapi = Service::start(&ground, Kind::Openapi).await?;
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
    let middle = |place: usize| micros(median(rounds.iter().map(|round| round[place])));
    let figure = |name, place, limit, goal| Figure {
        name,
        unit: "us",
        value: middle(place),
        limit: Some(middle(limit)),
        goal: Goal::AtMost(goal),
    };
    Ok(vec![
        figure(
            "API CPU a purchase, sold out; limit: a bare POST",
            1,
            2,
            1.6,
        ),
        figure("API CPU a purchase, winner; limit: a bare POST", 0, 2, 1.7),
        figure(
            "API CPU a purchase, winner; limit: a poem-openapi POST",
            0,
            3,
            1.2,
        ),
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
    warm_up(ground, size).await?;
    let single = ground.stage.start_api(&[
        ("PURCHASE_BATCH_MAX".to_owned(), "1".to_owned()),
        ("METRICS_ADDRESS".to_owned(), "off".to_owned()),
    ]);
    let single = single.map_err(plain)?;
    let (mut winner, mut sold, mut singles) = (vec![], vec![], vec![]);
    for round in 0..size.rounds {
        winner.push(winners(ground, 0, size).await?);
        sold.push(sold_out(ground, size).await?);
        singles.push(winners(ground, single, size).await?.outcome.rate());
        tell(round, "winner", &winner[round]);
        tell(round, "sold out", &sold[round]);
    }
    let one_winner = limits::one_call(ground, size, limits::Stock::Plenty).await?;
    let one_sold_out = limits::one_call(ground, size, limits::Stock::None).await?;
    let postgres = limits::postgres_alone(ground, size).await?;
    let full = median(winner.iter().map(|costs| costs.outcome.rate()));
    let paced = paced(ground, full * PACED_SHARE, size).await?;

    let redis = |name, rounds: &[Costs], limit: Duration, goal| Figure {
        name,
        unit: "us",
        value: micros(median(rounds.iter().map(|costs| costs.redis))),
        limit: Some(micros(limit)),
        goal: Goal::AtMost(goal),
    };
    let rate = |name, limit, goal| Figure {
        name,
        unit: "1/s",
        value: full,
        limit: Some(limit),
        goal: Goal::AtLeast(goal),
    };
    Ok(vec![
        redis(
            "Redis CPU a winner; limit: one call each",
            &winner,
            one_winner,
            0.28,
        ),
        redis(
            "Redis CPU a sold-out answer; limit: one call each",
            &sold,
            one_sold_out,
            0.18,
        ),
        rate(
            "purchases at full load; limit: batches of 1",
            median(singles),
            1.4,
        ),
        rate(
            "winners at full load; limit: Postgres alone",
            postgres,
            15.0,
        ),
        Figure {
            name: "p99 of a purchase at half of the full rate, from the intended start",
            unit: "ms",
            value: paced.outcome.latencies.percentile(PERCENTILE).as_secs_f64() * 1e3,
            limit: None,
            goal: Goal::AtMost(10.0),
        },
    ])
}

/// Everything is connected, and every page touched, before anything is measured.
async fn warm_up(ground: &Ground, size: Size) -> anyhow::Result<()> {
    let sale = ground.sale(u32::try_from(size.purchases / 10)?).await?;
    let buyers = ground.buyers(sale.id, size.purchases / 10)?;
    ground.run(ground.stage.api(), &buyers, Pace::Full).await?;
    Ok(())
}

/// A sale with a unit for everyone.
async fn winners(ground: &Ground, api: usize, size: Size) -> anyhow::Result<Costs> {
    let sale = ground.sale(u32::try_from(size.purchases)?).await?;
    let costs = everyone(ground, &ground.stage.apis()[api], &sale, size).await?;
    let won = costs.outcome.with(ACCEPTED);
    ensure!(won == size.purchases, "{:?}", costs.outcome.statuses);
    Ok(costs)
}

/// A sale with nothing left.
async fn sold_out(ground: &Ground, size: Size) -> anyhow::Result<Costs> {
    let sale = ground.sale(1).await?;
    let first = ground.buyers(sale.id, 1)?;
    ground.run(ground.stage.api(), &first, Pace::Full).await?;
    let costs = everyone(ground, ground.stage.api(), &sale, size).await?;
    let refused = costs.outcome.with(REFUSED);
    ensure!(refused == size.purchases, "{:?}", costs.outcome.statuses);
    Ok(costs)
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
    ensure!(
        costs.outcome.with(ACCEPTED) == count,
        "{:?}",
        costs.outcome.statuses
    );
    Ok(costs)
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
