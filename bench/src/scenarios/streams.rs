//! `streams`: pages hold event streams of a sale while buyers buy. First the streams open, for the memory of each. Then
//! purchases come one by one, each when all streams show the one before, for the CPU time of an event. Then visitors
//! come at half of the full rate, which a run before has found, for the time that an answer takes beside the streams.
//! In the end every stream must show what is left.

use std::num::NonZeroU32;

use anyhow::{Context, ensure};
use process::output::note;
use sale::model::SaleId;

use super::{
    Volume,
    command::Run,
    crowd::purchase,
    memory::resident_bytes,
    outcome::Outcome,
    place::Place,
    plan::Scenario,
    record::{Record, conclusions},
    visit::{gather, units, visit},
};
use crate::{
    figure::Line,
    ground::{CONNECTIONS, Ground},
    load::{
        connection::{ANSWER_DEADLINE, connect},
        connections_max,
        streams::Streams,
    },
};

/// The share of the full rate at which visitors come.
const PACED_SHARE: f64 = 0.5;

pub(super) async fn watch(
    place: &mut Place,
    mut run: Run,
    volume: Volume,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    let plan = Scenario::Streams.plan();
    // An API gives half of its connections to streams, and the system may allow it fewer than it wants.
    let count = u64::from(volume.streams()).min(connections_max()? / 2);
    let count = usize::try_from(count)?;
    paced(place, &mut run, volume, outcome).await?;
    let units = units(&plan, &run)? + volume.changes();
    let (crowd, mut records) = gather(place, &plan, &run, units).await?;
    let (sale, meter) = (crowd.sale, place.meter()?);
    let (address, host) = place.address()?;
    let resident = || meter.api.map(resident_bytes).transpose();
    let before = resident()?;
    let left = u64::from(units);
    let streams = Streams::open(address, &host, sale, (count, left)).await?;
    if let Some((before, after)) = before.zip(resident()?) {
        outcome.figure(Line::StreamMemory, (after - before) / count as f64 / 1024.0);
    }

    let mut connection = connect(address, ANSWER_DEADLINE).await?;
    let (events, cpu) = (streams.events(), meter.read()?);
    for change in 1..=u64::from(volume.changes()) {
        records.push(purchase(&mut connection, &crowd).await?.1);
        streams.until_all_see(left - change).await?;
    }
    let events = streams.events() - events;
    if let Some((before, after)) = cpu.api.zip(meter.read()?.api) {
        let micros = (after - before).as_secs_f64() * 1e6;
        outcome.figure(Line::Event, micros / events as f64);
    }

    records.append(&mut visit(place, &plan, run, crowd, outcome).await?);
    if let Some(latency) = outcome.timing.latency_ms {
        outcome.figure(Line::StreamsPaced, latency.p99);
    }
    let sold = u64::try_from(conclusions(&records).acknowledged.len())?;
    let shown = streams.until_all_see(left - sold).await;
    if outcome.check(shown).is_some() {
        let events = streams.events();
        note(&format!(
            "{count} streams got {events} events, and show what is left"
        ));
    }
    Ok((sale, records))
}

/// Sets the rate of the visitors, unless it is given or nobody knows what the API there can do.
pub(super) async fn paced(
    place: &Place,
    run: &mut Run,
    volume: Volume,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    if let (None, Place::Own(ground)) = (run.rate, place) {
        run.rate = Some(rate(ground, volume).await?);
        outcome.rate_wanted = run.rate;
    }
    Ok(())
}

/// The rate of the visitors: a share of what an API answers at full load without streams.
async fn rate(ground: &Ground, volume: Volume) -> anyhow::Result<NonZeroU32> {
    let (api, count) = (ground.stage.api(), volume.purchases());
    ground.warm_up(api, count).await?;
    let full = ground.winners(api, CONNECTIONS, count).await?;
    let rate = full.outcome.rate() * PACED_SHARE;
    ensure!(rate < f64::from(u32::MAX), "{rate} a second");
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
    let rate = NonZeroU32::new(rate as u32);
    rate.context("it answers fewer than two a second")
}
