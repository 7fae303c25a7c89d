//! What event streams showed buyers of their purchases: invariants 2, 6 and 7.
//!
//! What a buyer learned before a stream was asked for holds for all that this stream shows; and within a stream, what
//! it showed earlier for what it shows later. Streams and requests of one buyer that run at the same time may show
//! either order.

use sale::model::{BuyerId, OrderId};

use super::{
    Breach, Case, Findings, answers::is_true, order_of_events::may_become, streams::Stream,
};
use crate::history::meaning::{Meaning, PurchaseStatus};

/// Something that a buyer learned of the purchase.
struct Learned {
    /// The number of the event by which the buyer learned it.
    number: u64,
    order: OrderId,
    /// The status, where it was stated.
    status: Option<PurchaseStatus>,
}

pub(super) fn check(case: &Case<'_>, streams: &[Stream<'_>], findings: &mut Findings) {
    for stream in streams {
        let Some(buyer) = stream.asked.buyer else {
            continue;
        };
        let mut learned = before(case, streams, buyer, stream.asked.number);
        for (event, shown) in &stream.shown {
            let Some(meaning) = shown.purchase() else {
                continue;
            };
            let seen = [stream.asked.number, event.number];
            if let Some((status, order)) = meaning.status() {
                if !is_true(case, buyer, status, order) {
                    findings.add_shown(
                        Breach::StatusUntrue,
                        Some(buyer),
                        &seen,
                        format!("it showed {order} as {status:?}, and the ledger contradicts it"),
                    );
                }
                goes_on(buyer, &learned, status, order, event.number, findings);
                learned.push(Learned {
                    number: event.number,
                    order,
                    status: Some(status),
                });
            } else if meaning == Meaning::NotPurchased {
                vanished(case, buyer, &learned, event.number, findings);
            } else {
                findings.add_shown(
                    Breach::UndocumentedAnswer,
                    Some(buyer),
                    &seen,
                    format!("it showed {meaning:?}"),
                );
            }
        }
    }
}

/// What a buyer had learned, from requests and from other streams, when a stream was asked for.
fn before(case: &Case<'_>, streams: &[Stream<'_>], buyer: BuyerId, asked: u64) -> Vec<Learned> {
    let exchanges = case.buyers.get(&buyer).into_iter().flatten();
    let answers = exchanges.filter_map(|exchange| {
        let status = exchange.meaning.status();
        Some(Learned {
            number: exchange.ended?,
            order: exchange.order().or(status.map(|(_, order)| order))?,
            status: status.map(|(status, _)| status),
        })
    });
    let own = streams
        .iter()
        .filter(|stream| stream.asked.buyer == Some(buyer));
    let shown = own.flat_map(|stream| &stream.shown);
    let shown = shown.filter_map(|(event, shown)| {
        let (status, order) = shown.purchase()?.status()?;
        Some(Learned {
            number: event.number,
            order,
            status: Some(status),
        })
    });
    let learned = answers.chain(shown);
    learned.filter(|learned| learned.number < asked).collect()
}

/// A status only moves forward.
fn goes_on(
    buyer: BuyerId,
    learned: &[Learned],
    status: PurchaseStatus,
    order: OrderId,
    number: u64,
    findings: &mut Findings,
) {
    let earlier = learned.iter().find(|earlier| {
        let from = earlier.status.filter(|_| earlier.order == order);
        from.is_some_and(|from| !may_become(from, status))
    });
    if let Some(earlier) = earlier {
        findings.add_shown(
            Breach::StatusWentBack,
            Some(buyer),
            &[earlier.number, number],
            format!(
                "order {order} was {:?}, and later {status:?}",
                earlier.status
            ),
        );
    }
}

/// A buyer who knew of an order is never shown that there is none.
fn vanished(
    case: &Case<'_>,
    buyer: BuyerId,
    learned: &[Learned],
    number: u64,
    findings: &mut Findings,
) {
    let known = learned.iter().find(|earlier| {
        let stands = earlier.status != Some(PurchaseStatus::Failed);
        stands && !case.excused.contains(&earlier.order)
    });
    if let Some(known) = known {
        findings.add_shown(
            Breach::ShownOrderVanished,
            Some(buyer),
            &[known.number, number],
            format!("the buyer knew of order {}", known.order),
        );
    }
}
