//! What event streams showed of a sale: its units (invariant 5) and its state (invariant 9).
//!
//! A stream shows whole states, each after a look at the gate. Within one stream they come in the order of the looks.
//! Between streams, and between a stream and a request, only time orders them: what a stream shows is what was true at
//! most [`STALENESS_MAX`] before the API wrote it, and the first state of a stream at most that long before the stream
//! was asked for.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use sale::model::{BuyerId, OrderStatus};

use super::{Breach, Case, Findings};
use crate::history::{
    event::{Event, What},
    request::Ask,
    shown::{SaleShown, SaleStatus, Shown},
};

/// How old the state may be that a stream shows. The API looks at the gate several times a second.
pub const STALENESS_MAX: TimeDelta = TimeDelta::seconds(1);

/// One connection of one viewer.
pub(super) struct Stream<'a> {
    /// The event that asked for it.
    pub(super) asked: &'a Event,
    /// What it showed, in order.
    pub(super) shown: Vec<(&'a Event, &'a Shown)>,
}

impl<'a> Stream<'a> {
    /// The states of the sale that it showed.
    fn states(&self) -> impl Iterator<Item = (&'a Event, &'a SaleShown)> {
        let shown = self.shown.iter();
        shown.filter_map(|(event, shown)| Some((*event, shown.sale()?)))
    }
}

/// The streams of this sale, in the order in which they were asked for.
pub(super) fn streams<'a>(case: &Case<'a>) -> Vec<Stream<'a>> {
    let mut streams: Vec<Stream<'a>> = Vec::new();
    let mut places = HashMap::new();
    for event in case.events.iter().filter(|event| event.sale == case.sale()) {
        match &event.what {
            What::StreamAsked { stream } => {
                places.insert(*stream, streams.len());
                streams.push(Stream {
                    asked: event,
                    shown: Vec::new(),
                });
            }
            What::Shown { stream, shown } => {
                let place = places.get(stream).copied();
                if let Some(stream) = place.and_then(|place| streams.get_mut(place)) {
                    stream.shown.push((event, shown));
                }
            }
            What::Asked { .. }
            | What::Answered { .. }
            | What::Failed { .. }
            | What::Clock { .. } => {}
        }
    }
    streams
}

pub(super) fn check(case: &Case<'_>, streams: &[Stream<'_>], findings: &mut Findings) {
    if streams.is_empty() {
        return;
    }
    let purchases = Purchases::of(case);
    for stream in streams {
        documented(case, stream, findings);
        units(case, &purchases, stream, findings);
        rises(case, stream, findings);
        window(case, stream, findings);
    }
    taken_back(case, streams, findings);
}

fn documented(case: &Case<'_>, stream: &Stream<'_>, findings: &mut Findings) {
    for (event, shown) in &stream.shown {
        let fault = match shown {
            Shown::Sale(sale) if sale.sale_id != case.sale() => {
                format!("it showed the sale {}", sale.sale_id)
            }
            Shown::Purchase(_) if event.buyer.is_none() => {
                "it showed a purchase to a viewer without a token".to_owned()
            }
            Shown::Unreadable { why } => why.clone(),
            Shown::Sale(_) | Shown::Purchase(_) => continue,
        };
        findings.add_shown(
            Breach::UndocumentedAnswer,
            event.buyer,
            &[stream.asked.number, event.number],
            fault,
        );
    }
}

/// The bounds of what was sold at each moment.
struct Purchases {
    /// The number of each event by which a buyer first asked for a unit that the buyer then may have got, sorted.
    asked: Vec<u64>,
    /// When each buyer learned of an order, sorted.
    learned: Vec<DateTime<Utc>>,
    /// How many units may have come back.
    returned: usize,
}

impl Purchases {
    fn of(case: &Case<'_>) -> Self {
        let rejections = case.ledger.rejections.iter();
        let marked: HashSet<BuyerId> = rejections
            .filter_map(|rejection| rejection.buyer)
            .chain(case.order_of.keys().copied())
            .collect();
        let (mut asked, mut learned) = (Vec::new(), Vec::new());
        for (buyer, exchanges) in &case.buyers {
            let purchases = exchanges
                .iter()
                .filter(|e| matches!(e.ask, Ask::Purchase { .. }));
            let first = purchases.map(|e| e.asked).min();
            // A gate that lost marks may have counted a unit for anyone who asked.
            asked.extend(
                first.filter(|_| marked.contains(buyer) || case.circumstances.gate_was_lost),
            );
            let answers = exchanges.iter().filter(|e| e.order().is_some());
            let first = answers.filter_map(|e| e.ended).min();
            learned.extend(first.and_then(|number| case.time_of(number)));
        }
        asked.sort_unstable();
        learned.sort_unstable();
        Self {
            asked,
            learned,
            returned: returned(case),
        }
    }

    /// The most that can have been sold before this event.
    fn sold_at_most(&self, event: &Event) -> usize {
        self.asked.partition_point(|number| *number < event.number)
    }

    /// The least that must have been sold at this time.
    fn sold_at_least(&self, time: DateTime<Utc>) -> usize {
        let learned = self.learned.partition_point(|at| *at <= time);
        learned.saturating_sub(self.returned)
    }
}

/// Units that cancellations and rejections gave back. Restocked units are units of the sale.
fn returned(case: &Case<'_>) -> usize {
    let orders = case.ledger.orders.iter();
    let cancelled = orders
        .filter(|order| order.status == OrderStatus::Cancelled)
        .count();
    cancelled + case.ledger.rejections.len()
}

/// Units left, against what buyers had asked for and had learned by then.
fn units(case: &Case<'_>, purchases: &Purchases, stream: &Stream<'_>, findings: &mut Findings) {
    let circumstances = case.circumstances;
    for (place, (event, sale)) in stream.states().enumerate() {
        let mut wrong = |breach, explanation| {
            let events = [stream.asked.number, event.number];
            findings.add_shown(breach, event.buyer, &events, explanation);
        };
        let (total, left, sold) = (
            sale.total_quantity,
            sale.available_quantity,
            sale.sold_quantity,
        );
        if left + sold != total {
            wrong(
                Breach::ShownSumWrong,
                format!("{left} units left and {sold} sold are not {total} units"),
            );
            continue;
        }
        let most = purchases.sold_at_most(event) + circumstances.forged.len();
        if sold > most as u64 && !circumstances.others_bought {
            wrong(
                Breach::ShownTooFewLeft,
                format!("{left} of {total} units were left, and at most {most} can have been sold"),
            );
        }
        let known = if place == 0 {
            stream.asked.at.max(sale.server_time)
        } else {
            sale.server_time
        };
        let least = purchases.sold_at_least(known - STALENESS_MAX);
        if sold < least as u64 && !circumstances.gate_was_lost {
            wrong(
                Breach::ShownTooManyLeft,
                format!("{left} of {total} units were left, and at least {least} had been sold"),
            );
        }
    }
}

/// Within one stream, units come back only where something gives them back.
fn rises(case: &Case<'_>, stream: &Stream<'_>, findings: &mut Findings) {
    if case.circumstances.gate_was_lost {
        return;
    }
    let back = returned(case) as u64;
    let mut most_sold: Option<(&Event, u64)> = None;
    for (event, sale) in stream.states() {
        let sold = sale.sold_quantity;
        match most_sold {
            Some((earlier, most)) if sold + back < most => findings.add_shown(
                Breach::ShownLeftRose,
                event.buyer,
                &[earlier.number, event.number],
                format!("{most} units were sold, later {sold}, and only {back} came back"),
            ),
            Some((_, most)) if sold <= most => {}
            Some(_) | None => most_sold = Some((event, sold)),
        }
    }
}

/// The state, against the window of the sale.
fn window(case: &Case<'_>, stream: &Stream<'_>, findings: &mut Findings) {
    let circumstances = case.circumstances;
    if circumstances.window_moved {
        return;
    }
    let (start, end) = (case.ledger.sale.start, case.ledger.sale.end);
    for (event, sale) in stream.states() {
        let now = sale.server_time;
        let is_wrong = match sale.status {
            SaleStatus::Upcoming => now >= start + STALENESS_MAX,
            SaleStatus::Active | SaleStatus::Paused => {
                now < start - STALENESS_MAX || now >= end + STALENESS_MAX
            }
            SaleStatus::Ended => now < end - STALENESS_MAX,
        };
        if is_wrong {
            findings.add_shown(
                Breach::ShownOutsideWindow,
                event.buyer,
                &[stream.asked.number, event.number],
                format!(
                    "it showed {:?} at {now}; the sale is from {start} to {end}",
                    sale.status
                ),
            );
        }
    }
}

/// A sale that was shown as over, or as started, stays so: within each stream, and for each stream that was asked for
/// long enough afterwards.
fn taken_back(case: &Case<'_>, streams: &[Stream<'_>], findings: &mut Findings) {
    if case.circumstances.window_moved {
        return;
    }
    let is_over = |status| status == SaleStatus::Ended;
    let is_started = |status| status != SaleStatus::Upcoming;
    let once = [
        (Breach::ShownEndTakenBack, is_over as fn(SaleStatus) -> bool),
        (Breach::ShownStartTakenBack, is_started),
    ];
    for (breach, holds) in once {
        let states = streams.iter().flat_map(Stream::states);
        let first_of_all = states
            .filter(|(_, sale)| holds(sale.status))
            .map(|(event, _)| event)
            .min_by_key(|event| event.number);
        let Some(first_of_all) = first_of_all else {
            continue;
        };
        for stream in streams {
            let is_later = stream.asked.at >= first_of_all.at + STALENESS_MAX;
            let mut held = is_later.then_some(first_of_all);
            for (event, sale) in stream.states() {
                if holds(sale.status) {
                    held = held.or(Some(event));
                } else if let Some(earlier) = held {
                    findings.add_shown(
                        breach,
                        event.buyer,
                        &[earlier.number, event.number],
                        format!("it showed {:?} afterwards", sale.status),
                    );
                    break;
                }
            }
        }
    }
}
