//! Requests with their answers, assembled from single events.

use std::collections::HashMap;

use sale::model::{BuyerId, OrderId, SaleId};

use crate::history::{
    event::{Event, RequestId, What},
    meaning::{self, Meaning},
    request::Ask,
};

/// One request and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// The number of the event that asked.
    pub(crate) asked: u64,
    /// The number of the event that ended it; `None` while it is open.
    pub(crate) ended: Option<u64>,
    /// The request.
    pub(crate) ask: Ask,
    /// What a client may conclude.
    pub(crate) meaning: Meaning,
    /// The sale that the answer names.
    pub(crate) answered_sale: Option<SaleId>,
}

impl Exchange {
    /// Whether this ended before the other was asked.
    pub(crate) fn precedes(&self, other: &Self) -> bool {
        self.ended.is_some_and(|ended| ended < other.asked)
    }

    /// The numbers of its events.
    pub(crate) fn events(&self) -> impl Iterator<Item = u64> + use<> {
        std::iter::once(self.asked).chain(self.ended)
    }

    /// The idempotency key of a purchase.
    pub(crate) fn key(&self) -> Option<&str> {
        match &self.ask {
            Ask::Purchase { key, .. } => key.as_deref(),
            Ask::Status | Ask::Job { .. } => None,
        }
    }

    /// Whether it was a purchase that waited for the ledger's answer.
    pub(crate) fn waited(&self) -> bool {
        matches!(
            &self.ask,
            Ask::Purchase {
                wait_seconds: Some(_),
                ..
            }
        )
    }

    /// The buyer's order that this purchase's answer named.
    pub(crate) fn order(&self) -> Option<OrderId> {
        self.meaning.order()
    }

    /// The order that this purchase made, or made before with the same key.
    pub(crate) fn admitted(&self) -> Option<OrderId> {
        if matches!(self.meaning, Meaning::Held(_)) {
            None
        } else {
            self.order()
        }
    }

    /// Whether it was a purchase that may have been made without its buyer learning of it. A purchase that waited for
    /// the ledger may get a refusal although it was admitted.
    pub(crate) fn may_have_bought(&self) -> bool {
        let purchase = matches!(self.ask, Ask::Purchase { .. });
        match self.meaning {
            Meaning::Unknown | Meaning::Undocumented(_) => purchase,
            Meaning::SoldOut | Meaning::NotActive(_) => self.waited(),
            Meaning::Admitted(_)
            | Meaning::Completed(_)
            | Meaning::Held(_)
            | Meaning::Refused
            | Meaning::Limited
            | Meaning::Status(..)
            | Meaning::NotPurchased
            | Meaning::NoSuchJob
            | Meaning::NotSent => false,
        }
    }

    /// Whether the gate refused a purchase.
    pub(crate) fn was_refused(&self) -> bool {
        matches!(self.meaning, Meaning::SoldOut | Meaning::NotActive(_))
    }
}

/// The requests of each buyer in one sale, in the order in which they were asked.
pub(crate) fn exchanges_by_buyer(
    events: &[Event],
    sale: SaleId,
) -> HashMap<BuyerId, Vec<Exchange>> {
    let mut buyers: HashMap<BuyerId, Vec<Exchange>> = HashMap::new();
    let mut places: HashMap<RequestId, (BuyerId, usize)> = HashMap::new();
    for event in events.iter().filter(|event| event.sale == sale) {
        let Some(buyer) = event.buyer else { continue };
        match &event.what {
            What::Asked { request, ask } => {
                let exchanges = buyers.entry(buyer).or_default();
                places.insert(*request, (buyer, exchanges.len()));
                exchanges.push(Exchange {
                    asked: event.number,
                    ended: None,
                    ask: ask.clone(),
                    meaning: Meaning::Unknown,
                    answered_sale: None,
                });
            }
            What::Answered { request, answer } => {
                if let Some(exchange) = find(&mut buyers, &places, *request) {
                    exchange.ended = Some(event.number);
                    exchange.meaning = meaning::of_answer(&exchange.ask, answer);
                    exchange.answered_sale = answer.sale;
                }
            }
            What::Failed { request, failure } => {
                if let Some(exchange) = find(&mut buyers, &places, *request) {
                    exchange.ended = Some(event.number);
                    exchange.meaning = meaning::of_failure(failure);
                }
            }
            What::StreamAsked { .. } | What::Shown { .. } | What::Clock { .. } => {}
        }
    }
    buyers
}

fn find<'a>(
    buyers: &'a mut HashMap<BuyerId, Vec<Exchange>>,
    places: &HashMap<RequestId, (BuyerId, usize)>,
    request: RequestId,
) -> Option<&'a mut Exchange> {
    let (buyer, place) = places.get(&request)?;
    buyers.get_mut(buyer)?.get_mut(*place)
}
