//! What has become of a purchase. A reader asks the gate first and the ledger second: an order
//! leaves the gate's journal only after it is in the ledger, so it never vanishes in between.
//!
//! A gate that is away or cold, and a ledger that knows nothing, prove nothing. Then no buyer gets the answer that
//! there is no purchase.

mod searches;
mod shown;
mod without_sale;

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use sale::{
    gate::{Gate, GateError},
    journal::Journal,
    ledger::{Ledger, PurchaseOutcome},
    model::{BuyerId, OrderId, SaleId, SaleState},
};

use self::searches::Searches;
pub use self::shown::{ESTIMATED_WAIT_SECONDS, PurchaseStatus, Stage};
use super::lookups::{Lookups, Unknown};
use crate::{
    sales::{Sales, SharedError},
    threads,
};

/// Gates that one look-up asks at the same time.
const GATES_AT_ONCE: usize = 16;

/// A purchase that was made.
#[derive(Debug)]
pub struct Found {
    /// Its order.
    pub order: OrderId,
    /// Its sale.
    pub sale: SaleId,
    /// The outcome in the ledger, if there is one.
    pub outcome: Option<PurchaseOutcome>,
}

/// Looks purchases up in gates and ledger.
#[derive(Clone)]
pub struct Purchases {
    gate: Gate,
    ledger: Ledger,
    /// By the number of the thread that asks; never empty.
    lookups: Arc<[Lookups]>,
    journal: Journal,
    searches: Arc<Searches>,
}

impl Purchases {
    /// Looks purchases up in this gate and this ledger. For what a crowd asks, each thread that answers has one of
    /// `gates`, with connections that belong to this thread. There is at least one.
    pub fn new(gate: Gate, gates: Vec<Gate>, ledger: Ledger) -> Self {
        let lookups = |gate| Lookups::new(gate, ledger.clone());
        Self {
            lookups: gates.into_iter().map(lookups).collect(),
            journal: Journal::new(gate.clone()),
            searches: Arc::default(),
            gate,
            ledger,
        }
    }

    fn lookups(&self) -> &Lookups {
        &self.lookups[threads::number() % self.lookups.len()]
    }

    /// The purchase of a buyer in a sale.
    pub async fn of_buyer(
        &self,
        sale: SaleId,
        state: SaleState,
        buyer: BuyerId,
    ) -> Result<Option<Found>, Unknown> {
        let mark = self.mark(sale, state, buyer).await;
        self.of_mark(sale, buyer, mark).await
    }

    /// The purchase of a buyer in a sale. If the gate of an unsettled sale knows of none, the ledger is not asked.
    pub async fn of_buyer_briefly(
        &self,
        sale: SaleId,
        state: SaleState,
        buyer: BuyerId,
    ) -> Result<Option<Found>, Unknown> {
        let mark = self.mark(sale, state, buyer).await;
        if state != SaleState::Settled && matches!(mark, Ok(None)) {
            return Ok(None);
        }
        self.of_mark(sale, buyer, mark).await
    }

    /// The stage of an order that the gate holds.
    pub async fn stage(&self, order: OrderId) -> Result<Stage, Unknown> {
        Ok(Stage::of(self.lookups().outcome(order).await?.as_ref()))
    }

    /// A job, for the buyer who made it; `None` for any other buyer.
    pub async fn job_of_buyer(
        &self,
        sales: &Sales,
        job: OrderId,
        buyer: BuyerId,
    ) -> Result<Option<Found>, Unknown> {
        // An order in the ledger needs no gate. An order that is not there may be on its way: then ask the gates that
        // can have made it, and the ledger again.
        if let Some(outcome) = self.lookups().outcome(job).await? {
            return Ok((outcome.buyer() == Some(buyer)).then(|| found(outcome)));
        }
        let makers = makers(sales, job).await?;
        if makers.is_empty() {
            return Ok(None);
        }
        let marks: Vec<(SaleId, Result<Option<OrderId>, Unknown>)> = stream::iter(makers)
            .map(|(sale, state)| async move { (sale, self.mark(sale, state, buyer).await) })
            .buffer_unordered(GATES_AT_ONCE)
            .collect()
            .await;
        let held = marks
            .iter()
            .find(|(_, mark)| matches!(mark, Ok(Some(order)) if *order == job));
        if let Some((sale, _)) = held {
            let outcome = self.lookups().outcome(job).await?;
            return Ok(Some(Found {
                order: job,
                sale: *sale,
                outcome,
            }));
        }
        match self.lookups().outcome(job).await? {
            Some(outcome) if outcome.buyer() == Some(buyer) => Ok(Some(found(outcome))),
            Some(_) => Ok(None),
            // Only a gate that answers proves that there is no such job.
            None => match marks.into_iter().find_map(|(_, mark)| mark.err()) {
                Some(unknown) => Err(unknown),
                None => Ok(None),
            },
        }
    }

    /// A job, whichever buyer made it.
    pub async fn job(&self, sales: &Sales, job: OrderId) -> Result<Option<Found>, Unknown> {
        if let Some(outcome) = self.lookups().outcome(job).await? {
            return Ok(Some(found(outcome)));
        }
        let makers = makers(sales, job).await?;
        if makers.is_empty() {
            return Ok(None);
        }
        let _turn = self.searches.turn().await?;
        let looks: Vec<(SaleId, Result<bool, GateError>)> = stream::iter(makers)
            .map(|(sale, _)| async move {
                let winner = self.journal.find(sale, job).await;
                (sale, winner.map(|winner| winner.is_some()))
            })
            .buffer_unordered(GATES_AT_ONCE)
            .collect()
            .await;
        if let Some(outcome) = self.lookups().outcome(job).await? {
            return Ok(Some(found(outcome)));
        }
        if let Some((sale, _)) = looks.iter().find(|(_, found)| matches!(found, Ok(true))) {
            return Ok(Some(Found {
                order: job,
                sale: *sale,
                outcome: None,
            }));
        }
        match looks.into_iter().find_map(|(_, found)| found.err()) {
            Some(error) => Err(Unknown::Gate(Some(Arc::new(error)))),
            None => Ok(None),
        }
    }

    async fn of_mark(
        &self,
        sale: SaleId,
        buyer: BuyerId,
        mark: Result<Option<OrderId>, Unknown>,
    ) -> Result<Option<Found>, Unknown> {
        if let Ok(Some(order)) = mark {
            let outcome = match self.lookups().outcome(order).await? {
                // The order's id belongs to another purchase, and this purchase was rejected for that reason.
                Some(other) if (other.sale(), other.buyer()) != (sale, Some(buyer)) => {
                    self.lookups().outcome_of(sale, buyer).await?
                }
                outcome => outcome,
            };
            return Ok(Some(Found {
                order: outcome.as_ref().map_or(order, order_of),
                sale,
                outcome,
            }));
        }
        match self.lookups().outcome_of(sale, buyer).await? {
            Some(outcome) => Ok(Some(found(outcome))),
            None => mark.map(|_| None),
        }
    }

    /// The order that a buyer holds by the gate. `None` is certain.
    async fn mark(
        &self,
        sale: SaleId,
        state: SaleState,
        buyer: BuyerId,
    ) -> Result<Option<OrderId>, Unknown> {
        self.lookups()
            .mark(sale, state == SaleState::Settled, buyer)
            .await
    }
}

/// The live sales that can have made an order, by its id. They are few, however many sales are live. (Ids of an older
/// version do not name their sale; such an order is found once it is posted.)
async fn makers(sales: &Sales, job: OrderId) -> Result<Vec<(SaleId, SaleState)>, SharedError> {
    let live = sales.live().await?;
    let makers = live.iter().filter(|(sale, _)| job.may_be_in(*sale));
    Ok(makers.copied().collect())
}

fn found(outcome: PurchaseOutcome) -> Found {
    Found {
        order: order_of(&outcome),
        sale: outcome.sale(),
        outcome: Some(outcome),
    }
}

/// The order of a purchase, by the id in the answer that its buyer got.
pub fn order_of(outcome: &PurchaseOutcome) -> OrderId {
    match outcome {
        PurchaseOutcome::Order(order) => order.id,
        PurchaseOutcome::Rejected(rejection) => {
            rejection.order.unwrap_or(OrderId::from_uuid(rejection.id))
        }
    }
}
