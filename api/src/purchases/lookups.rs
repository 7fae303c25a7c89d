//! Look-ups of purchases that a crowd of buyers shares: marks in the gates, outcomes in the ledger.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sale::{
    gate::{Gate, GateError},
    ledger::{Ledger, LedgerError, PurchaseOutcome, within},
    model::{BuyerId, OrderId, SaleId},
};

use super::gather::{Call, Gather};
use crate::sales::SharedError;

/// How long the ledger may take to answer a call: the next questions wait for it.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(3);

/// Why the outcome of a purchase is not known.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unknown {
    /// The ledger knows nothing, and a gate cannot be asked.
    #[error("a gate is away or cold, and the ledger knows of no purchase")]
    Gate(#[source] Option<Arc<GateError>>),
    /// The ledger cannot be asked.
    #[error(transparent)]
    Ledger(SharedError),
    /// Too many searches wait already.
    #[error("too many searches are waiting")]
    Busy,
}

impl From<SharedError> for Unknown {
    fn from(error: SharedError) -> Self {
        Self::Ledger(error)
    }
}

impl From<LedgerError> for Unknown {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error.into())
    }
}

/// The look-ups of a thread that answers. Clones share them.
#[derive(Clone)]
pub struct Lookups {
    marks: Gather<Marks>,
    outcomes: Gather<Outcomes>,
    outcomes_of_buyers: Gather<OutcomesOfBuyers>,
}

impl Lookups {
    /// Looks purchases up in this gate and this ledger.
    pub fn new(gate: Gate, ledger: Ledger) -> Self {
        Self {
            marks: Gather::new(Marks(gate)),
            outcomes: Gather::new(Outcomes(ledger.clone())),
            outcomes_of_buyers: Gather::new(OutcomesOfBuyers(ledger)),
        }
    }

    /// The order that a buyer holds by the gate. `None` is certain. (A settled sale has everything in the ledger, and
    /// may have no gate.)
    pub async fn mark(
        &self,
        sale: SaleId,
        is_settled: bool,
        buyer: BuyerId,
    ) -> Result<Option<OrderId>, Unknown> {
        let answer = self.marks.ask((sale, is_settled), buyer).await;
        answer.unwrap_or(Err(Unknown::Busy))
    }

    /// [`Ledger::outcome`].
    pub async fn outcome(&self, order: OrderId) -> Result<Option<PurchaseOutcome>, Unknown> {
        let answer = self.outcomes.ask((), order).await;
        answer.unwrap_or(Err(Unknown::Busy))
    }

    /// [`Ledger::outcome_of`].
    pub async fn outcome_of(
        &self,
        sale: SaleId,
        buyer: BuyerId,
    ) -> Result<Option<PurchaseOutcome>, Unknown> {
        let answer = self.outcomes_of_buyers.ask(sale, buyer).await;
        answer.unwrap_or(Err(Unknown::Busy))
    }
}

struct Marks(Gate);

impl Marks {
    /// Whether a gate is sound. Then it had not lost a mark before.
    async fn certain(&self, sale: SaleId) -> Result<(), Unknown> {
        match self.0.snapshot(sale).await {
            Ok(Some(gate)) if gate.is_open() => Ok(()),
            Ok(_) => Err(Unknown::Gate(None)),
            Err(error) => Err(away(error)),
        }
    }
}

impl Call for Marks {
    /// A sale, and whether it is settled.
    type Group = (SaleId, bool);
    type Question = BuyerId;
    type Answer = Result<Option<OrderId>, Unknown>;

    async fn answers(
        &self,
        (sale, is_settled): Self::Group,
        buyers: Vec<BuyerId>,
    ) -> Vec<Self::Answer> {
        let marks = match self.0.orders_of(sale, &buyers).await {
            Ok(marks) => marks,
            Err(error) => return vec![Err(away(error)); buyers.len()],
        };
        let is_without = |mark: &Result<Option<OrderId>, GateError>| matches!(mark, Ok(None));
        // This check comes after the marks.
        let certain = if !is_settled && marks.iter().any(is_without) {
            self.certain(sale).await
        } else {
            Ok(())
        };
        let answers = marks.into_iter().map(|mark| match mark {
            Ok(Some(order)) => Ok(Some(order)),
            Ok(None) => certain.clone().map(|()| None),
            Err(error) => Err(away(error)),
        });
        answers.collect()
    }
}

fn away(error: GateError) -> Unknown {
    Unknown::Gate(Some(Arc::new(error)))
}

struct Outcomes(Ledger);

impl Call for Outcomes {
    type Group = ();
    type Question = OrderId;
    type Answer = Result<Option<PurchaseOutcome>, Unknown>;

    async fn answers(&self, (): (), orders: Vec<OrderId>) -> Vec<Self::Answer> {
        let outcomes = match within(LEDGER_TIMEOUT, self.0.outcomes(&orders)).await {
            Ok(outcomes) => outcomes,
            Err(error) => return vec![Err(error.into()); orders.len()],
        };
        let by_id = outcomes.into_iter().map(|outcome| (outcome.id(), outcome));
        let by_id: HashMap<OrderId, PurchaseOutcome> = by_id.collect();
        let answers = orders.iter().map(|order| Ok(by_id.get(order).cloned()));
        answers.collect()
    }
}

struct OutcomesOfBuyers(Ledger);

impl Call for OutcomesOfBuyers {
    type Group = SaleId;
    type Question = BuyerId;
    type Answer = Result<Option<PurchaseOutcome>, Unknown>;

    async fn answers(&self, sale: SaleId, buyers: Vec<BuyerId>) -> Vec<Self::Answer> {
        let outcomes = match within(LEDGER_TIMEOUT, self.0.outcomes_of(sale, &buyers)).await {
            Ok(outcomes) => outcomes,
            Err(error) => return vec![Err(error.into()); buyers.len()],
        };
        let by_buyer = outcomes
            .into_iter()
            .filter_map(|outcome| Some((outcome.buyer()?, outcome)));
        let by_buyer: HashMap<BuyerId, PurchaseOutcome> = by_buyer.collect();
        let answers = buyers.iter().map(|buyer| Ok(by_buyer.get(buyer).cloned()));
        answers.collect()
    }
}
