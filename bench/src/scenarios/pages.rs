//! `pages`: visitors have the pages of a sale open while other buyers come. First those buyers come alone, for the time
//! that their answers take. Then pages open, and buyers come again at the same rate. In the end every page must show
//! what is left, and what has become of its own purchase.
//!
//! [`page`] does what a browser does with one page.

mod page;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use process::output::note;
use rand::RngExt as _;
use sale::model::SaleId;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::page::{Deeds, Page};
use super::{
    Volume,
    command::Run,
    crowd::Crowd,
    outcome::Outcome,
    place::Place,
    plan::Scenario,
    record::{Record, conclusions},
    streams::paced,
    visit::{gather, units, visit},
};
use crate::{
    figure::Line,
    load::{connection::ANSWER_DEADLINE, connections_max},
};

/// Over how long visitors open their pages.
const ARRIVAL: Duration = Duration::from_secs(5);

/// Within which time after that pages do what they do besides watching.
const BUSY: Duration = Duration::from_secs(4);

/// One page of so many buys.
const BUYING_EVERY: usize = 5;

/// One page of so many loses its stream, and connects again.
const CUT_EVERY: usize = 10;

/// Connections of a page: its requests', and its stream's.
pub(super) const CONNECTIONS_A_PAGE: u32 = 2;

pub(super) async fn browse(
    place: &mut Place,
    mut run: Run,
    volume: Volume,
    outcome: &mut Outcome,
) -> anyhow::Result<(SaleId, Vec<Record>)> {
    let plan = Scenario::Pages.plan();
    let others = u64::from(run.bench.concurrency.get());
    let room = connections_max()?.saturating_sub(others) / u64::from(CONNECTIONS_A_PAGE);
    let count = u64::from(volume.pages()).min(room);
    let count = usize::try_from(count)?;
    paced(place, &mut run, volume, outcome).await?;
    let units = units(&plan, &run)? + u32::try_from(count)?;

    let mut alone = Outcome::blank(Scenario::Pages);
    let (crowd, mut before) = gather(place, &plan, &run, units).await?;
    let sale_before = crowd.sale;
    before.append(&mut visit(place, &plan, run.clone(), crowd, &mut alone).await?);
    let without = alone.timing.latency_ms.context("nothing was answered")?;

    let (crowd, mut records) = gather(place, &plan, &run, units).await?;
    let (address, host) = place.address()?;
    let visitors = Crowd::strangers(place.tokens()?, &host, crowd.sale, count)?;
    let pages = Pages::open(address, &Arc::new(visitors), count).await?;
    let sale = crowd.sale;
    let pages = pages.live();
    records.append(&mut visit(place, &plan, run, crowd, outcome).await?);
    if let Some(latency) = outcome.timing.latency_ms {
        outcome.figure(Line::PagesPaced, latency.p99);
        note(&format!("p99 without pages: {:.2} ms", without.p99));
    }
    let sold = conclusions(&records).acknowledged.len() + count.div_ceil(BUYING_EVERY);
    let left = u64::from(units) - u64::try_from(sold)?;
    if let Place::Own(ground) = &mut *place {
        ground.begin_posting()?;
    }
    let shown = pages.end(left).await;
    if let Some((mut bought, events)) = outcome.check(shown) {
        note(&format!(
            "{count} pages got {events} events, bought {}, and show what is left",
            bought.len()
        ));
        records.append(&mut bought);
    }
    let proof = place.prove(sale_before, &before).await;
    outcome.check(proof);
    Ok((sale, records))
}

struct Pages(Vec<Page>);

impl Pages {
    /// Visitors open so many pages, at random instants, and each gets the first event of its stream.
    async fn open(address: SocketAddr, crowd: &Arc<Crowd>, count: usize) -> anyhow::Result<Self> {
        let mut opening = JoinSet::new();
        for number in 0..count {
            let after = rand::rng().random_range(Duration::ZERO..ARRIVAL);
            let deeds = Deeds {
                buys: number.is_multiple_of(BUYING_EVERY),
                is_cut: number.is_multiple_of(CUT_EVERY),
            };
            let crowd = Arc::clone(crowd);
            opening.spawn(async move {
                sleep(after).await;
                Page::open(address, crowd, deeds).await
            });
        }
        let mut pages = Vec::with_capacity(count);
        while let Some(page) = opening.join_next().await {
            pages.push(page?.context("a page did not open")?);
        }
        Ok(Self(pages))
    }

    /// From now on the pages do what they do.
    fn live(self) -> Living {
        let (left, last) = watch::channel(None);
        let mut pages = JoinSet::new();
        for page in self.0 {
            pages.spawn(page.live(BUSY, last.clone()));
        }
        Living { pages, left }
    }
}

struct Living {
    pages: JoinSet<anyhow::Result<(Option<Record>, u64)>>,
    left: watch::Sender<Option<u64>>,
}

impl Living {
    /// Waits until each page has done all, and shows that so many units are left. Returns the purchases of the pages,
    /// and the number of events that they got.
    async fn end(mut self, left: u64) -> anyhow::Result<(Vec<Record>, u64)> {
        self.left.send_replace(Some(left));
        let deadline = Instant::now() + ANSWER_DEADLINE;
        let (mut bought, mut events) = (Vec::new(), 0);
        loop {
            let ended = tokio::time::timeout_at(deadline, self.pages.join_next()).await;
            let waiting = self.pages.len();
            let ended = ended.with_context(|| {
                format!("{waiting} pages do not show that {left} units are left, or their purchase")
            })?;
            let Some(page) = ended else {
                break;
            };
            let (record, more) = page?.context("a page")?;
            bought.extend(record);
            events += more;
        }
        ensure!(events > 0, "no page got an event");
        Ok((bought, events))
    }
}
