//! An API at full load and below, and what Redis spends meanwhile. No reconciler is at work: what is
//! compared is the decision.

use anyhow::ensure;
use sale::ledger::Sale;
use system::processes::ApiProcess;

use super::{Figure, Goal, Size, limits, micros};
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

pub(super) async fn measure(size: Size) -> anyhow::Result<Vec<Figure>> {
    let mut ground = Ground::start().await?;
    let figures = figures(&mut ground, size).await?;
    ground.close().await?;
    Ok(figures)
}

async fn figures(ground: &mut Ground, size: Size) -> anyhow::Result<Vec<Figure>> {
    warm_up(ground, size).await?;
    let winner = winners(ground, 0, size).await?;
    let sold_out = sold_out(ground, size).await?;
    let bare = limits::service(ground, Kind::Bare, size).await?;
    let openapi = limits::service(ground, Kind::Openapi, size).await?;
    let one_winner = limits::one_call(ground, size, limits::Stock::Plenty).await?;
    let one_sold_out = limits::one_call(ground, size, limits::Stock::None).await?;
    let single = ground.stage.start_api(&[
        ("PURCHASE_BATCH_MAX".to_owned(), "1".to_owned()),
        ("METRICS_ADDRESS".to_owned(), "off".to_owned()),
    ]);
    let single = winners(ground, single.map_err(plain)?, size).await?;
    let postgres = limits::postgres_alone(ground, size).await?;
    let paced = paced(ground, winner.outcome.rate() * PACED_SHARE, size).await?;
    tell("winner", &winner);
    tell("sold out", &sold_out);

    let api = |name, costs: &Costs, limit, goal| Figure {
        name,
        unit: "us",
        value: micros(costs.api),
        limit: Some(micros(limit)),
        goal: Goal::AtMost(goal),
    };
    let redis = |name, costs: &Costs, limit, goal| Figure {
        name,
        unit: "us",
        value: micros(costs.redis),
        limit: Some(micros(limit)),
        goal: Goal::AtMost(goal),
    };
    let rate = |name, limit, goal| Figure {
        name,
        unit: "1/s",
        value: winner.outcome.rate(),
        limit: Some(limit),
        goal: Goal::AtLeast(goal),
    };
    Ok(vec![
        api(
            "API CPU a purchase, sold out; limit: a bare POST",
            &sold_out,
            bare,
            1.6,
        ),
        api(
            "API CPU a purchase, winner; limit: a bare POST",
            &winner,
            bare,
            1.7,
        ),
        api(
            "API CPU a purchase, winner; limit: a poem-openapi POST",
            &winner,
            openapi,
            1.2,
        ),
        redis(
            "Redis CPU a winner; limit: one call each",
            &winner,
            one_winner,
            0.28,
        ),
        redis(
            "Redis CPU a sold-out answer; limit: one call each",
            &sold_out,
            one_sold_out,
            0.18,
        ),
        rate(
            "purchases at full load; limit: batches of 1",
            single.outcome.rate(),
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

fn tell(name: &str, costs: &Costs) {
    eprintln!(
        "{name}: {:.0}/s; CPU a request: API {:.1} us, Redis {:.2} us, generator {:.1} us",
        costs.outcome.rate(),
        micros(costs.api),
        micros(costs.redis),
        micros(costs.generator),
    );
}
