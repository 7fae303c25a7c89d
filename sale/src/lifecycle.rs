//! The life of a sale: created, warmed, moved, paused, resumed, restocked, ended, settled. API and command line share
//! this code.
//!
//! Each step changes the ledger first, in one statement that logs itself, and brings the change to the gate second.
//! Each step may be repeated. After a crash in between, or while the gate is away, the gate is behind its ledger. The
//! reconciler sees and repairs that within a second of both being there.
//!
//! | step | the ledger | the gate |
//! | --- | --- | --- |
//! | create | units leave the product's stock | install |
//! | warm | an install is numbered | install, or sync if it is sound |
//! | move, pause, resume, end | terms, with a newer version | sync |
//! | restock | more units leave the stock | sync: a higher limit |
//! | cancel an order | its unit returns to the sale, or to the stock | sync: a higher limit |
//! | settle | see [`crate::settle`] | the reconciler lets it expire |

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    crash::{Point, point},
    gate::{Gate, snapshot::Sight},
    install::{self, Condition, InstallError},
    journal::Journal,
    ledger::{By, Ledger, LedgerError, NewSale, Order, PurchaseOutcome, Sale},
    model::{OrderId, SaleId, SaleState},
    settle::{self, SettleError},
    store::StoreError,
};

/// How long emptying a journal may take before a gate is warmed or a sale settled. A person is waiting.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A sale after a step.
#[derive(Debug, Clone)]
pub struct Stepped {
    /// The sale by the ledger.
    pub sale: Sale,
    /// Whether its gate decides by exactly these terms. If not, it will within a second or so.
    pub warm: bool,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The order is admitted, and on its way to the ledger.
    #[error("the order is still being posted: try again in a moment")]
    OrderPending,
    /// The purchase was rejected: there is no order.
    #[error("the purchase was rejected, so there is no order")]
    OrderRejected,
    /// The gate could not be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The sale could not be settled. It has ended.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// Redis or Postgres did not answer, or refused.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for LifecycleError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Counts of a sale's orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Orders that stand.
    pub confirmed: u64,
    /// Orders that were cancelled.
    pub cancelled: u64,
    /// Purchases that were admitted and are not in the ledger yet.
    pub pending: u64,
    /// Purchases that were admitted and could not become an order.
    pub rejected: u64,
}

/// Performs the steps of sales.
#[derive(Clone)]
pub struct Lifecycle {
    gate: Gate,
    ledger: Ledger,
}

impl Lifecycle {
    /// Acts on this gate and this ledger.
    pub const fn new(gate: Gate, ledger: Ledger) -> Self {
        Self { gate, ledger }
    }

    /// The same, with another author for its changes.
    #[must_use]
    pub fn on_behalf(&self, by: By) -> Self {
        Self {
            gate: self.gate.clone(),
            ledger: self.ledger.on_behalf(by),
        }
    }

    /// Creates a sale, and warms its gate.
    ///
    /// # Errors
    /// As [`Ledger::create_sale`].
    pub async fn create(&self, new: NewSale) -> Result<Stepped, LifecycleError> {
        let sale = self.ledger.create_sale(new).await?;
        point(Point::CreateRecorded);
        // With a key that was used before, it may be a sale that was settled long ago.
        if sale.state != SaleState::Settled
            && let Err(error) = self.install(sale.id).await
        {
            tracing::warn!(sale = %sale.id, %error, "a new sale could not be warmed");
        }
        Ok(self.stepped(sale).await)
    }

    /// Installs a sale whose gate does not decide, and syncs one whose gate does.
    ///
    /// # Errors
    /// [`LedgerError::UnknownSale`], [`LedgerError::WrongState`] if it is settled, and as [`install::install`].
    pub async fn warm(&self, id: SaleId) -> Result<Stepped, LifecycleError> {
        let sale = self.known_sale(id).await?;
        if sale.state == SaleState::Settled {
            return Err(LedgerError::WrongState.into());
        }
        self.install(id).await?;
        // The install has changed its epoch.
        let sale = self.known_sale(id).await?;
        self.gate.sync(&sale).await?;
        Ok(self.stepped(sale).await)
    }

    /// Moves the window of a sale that has not ended.
    ///
    /// # Errors
    /// As [`Ledger::move_sale`].
    pub async fn move_window(
        &self,
        id: SaleId,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Stepped, LifecycleError> {
        let sale = self.ledger.move_sale(id, start, end).await?;
        point(Point::TermsRecorded);
        Ok(self.synced(sale).await)
    }

    /// Stops a sale for now.
    ///
    /// # Errors
    /// As [`Ledger::set_state`].
    pub async fn pause(&self, id: SaleId) -> Result<Stepped, LifecycleError> {
        self.set_state(id, SaleState::Paused).await
    }

    /// Lets a paused sale go on.
    ///
    /// # Errors
    /// As [`Ledger::set_state`].
    pub async fn resume(&self, id: SaleId) -> Result<Stepped, LifecycleError> {
        self.set_state(id, SaleState::Open).await
    }

    /// Ends a sale before its time: its end becomes this instant. It does not sell again.
    ///
    /// # Errors
    /// As [`Ledger::set_state`].
    pub async fn end(&self, id: SaleId) -> Result<Stepped, LifecycleError> {
        self.set_state(id, SaleState::Ended).await
    }

    /// Moves more units from the product's stock into a sale.
    ///
    /// # Errors
    /// As [`Ledger::restock`].
    pub async fn restock(&self, id: SaleId, units: u32) -> Result<Stepped, LifecycleError> {
        let sale = self.ledger.restock(id, units).await?;
        point(Point::RestockRecorded);
        Ok(self.synced(sale).await)
    }

    /// Ends a sale and settles it: unsold units go back to the product.
    ///
    /// # Errors
    /// As [`settle::settle`].
    pub async fn settle(&self, id: SaleId) -> Result<Stepped, LifecycleError> {
        let sale = settle::settle(&self.gate, &self.ledger, id, DRAIN_TIMEOUT).await?;
        Ok(Stepped { sale, warm: false })
    }

    /// Cancels an order. Its unit returns to the sale, or to the product once the sale is settled.
    ///
    /// # Errors
    /// [`LedgerError::UnknownOrder`], [`LifecycleError::OrderPending`],
    /// [`LifecycleError::OrderRejected`].
    pub async fn cancel(&self, order: OrderId) -> Result<Order, LifecycleError> {
        let cancelled = match self.ledger.cancel(order).await {
            Err(LedgerError::UnknownOrder) => return Err(self.why_unknown(order).await?),
            cancelled => cancelled?,
        };
        point(Point::CancelRecorded);
        let sale = self.known_sale(cancelled.sale).await?;
        if sale.state != SaleState::Settled {
            self.synced(sale).await;
        }
        Ok(cancelled)
    }

    /// How many orders of each kind a sale has.
    ///
    /// # Errors
    /// [`LedgerError::UnknownSale`]; [`StoreError::Gate`] if its gate does not say how many purchases are
    /// pending.
    pub async fn statistics(&self, id: SaleId) -> Result<(Sale, Statistics), LifecycleError> {
        let sale = self.known_sale(id).await?;
        let tally = self.ledger.tally(Some(id)).await?;
        // Read after the ledger: a purchase that is posted in between still counts as pending, once. The gate of a
        // settled sale holds only purchases that the ledger has.
        let taken = if sale.state == SaleState::Settled {
            0
        } else {
            self.gate.snapshot(id).await?.map_or(0, |gate| gate.taken)
        };
        let statistics = Statistics {
            confirmed: tally.confirmed,
            cancelled: tally.cancelled,
            pending: taken.saturating_sub(tally.posted),
            rejected: tally.rejections,
        };
        Ok((sale, statistics))
    }

    /// Whether the gate of a sale decides by the ledger's present terms. The gate of a settled sale no longer decides
    /// anything.
    pub async fn is_warm(&self, sale: &Sale) -> bool {
        if sale.state == SaleState::Settled {
            return false;
        }
        match self.gate.look(sale.id).await {
            Ok(found) => {
                let is_current =
                    matches!(&found, Sight::Gate(gate) if gate.version >= sale.version);
                is_current && Condition::of(sale, &found) == Condition::Sound
            }
            Err(error) => {
                tracing::warn!(sale = %sale.id, %error, "a gate could not be looked at");
                false
            }
        }
    }

    async fn set_state(&self, id: SaleId, state: SaleState) -> Result<Stepped, LifecycleError> {
        let sale = self.ledger.set_state(id, state).await?;
        point(Point::TermsRecorded);
        Ok(self.synced(sale).await)
    }

    async fn install(&self, id: SaleId) -> Result<(), InstallError> {
        install::install(&self.gate, &self.ledger, id, DRAIN_TIMEOUT)
            .await
            .map(drop)
    }

    /// Brings a change to the gate. If that fails, the reconciler does it.
    async fn synced(&self, sale: Sale) -> Stepped {
        if let Err(error) = self.gate.sync(&sale).await {
            tracing::warn!(sale = %sale.id, %error, "a changed sale could not be synced");
        }
        self.stepped(sale).await
    }

    async fn stepped(&self, sale: Sale) -> Stepped {
        // An install raises the epoch, and posting raises the counts: judge by the present ledger.
        let now = self.ledger.sale(sale.id).await;
        let sale = now.ok().flatten().unwrap_or(sale);
        Stepped {
            warm: self.is_warm(&sale).await,
            sale,
        }
    }

    async fn known_sale(&self, id: SaleId) -> Result<Sale, LedgerError> {
        self.ledger.sale(id).await?.ok_or(LedgerError::UnknownSale)
    }

    /// Why the ledger has no such order: it may be on its way, or rejected.
    async fn why_unknown(&self, order: OrderId) -> Result<LifecycleError, LifecycleError> {
        // The journals first: an order leaves one only once it is in the ledger.
        let journal = Journal::new(self.gate.clone());
        let mut silent = None;
        for sale in self.ledger.live_sales(Duration::ZERO).await? {
            match journal.find(sale.id, order).await {
                Ok(Some(_)) => return Ok(LifecycleError::OrderPending),
                Ok(None) => {}
                // The order may be in another journal.
                Err(error) => silent = Some(error),
            }
        }
        Ok(match self.ledger.outcome(order).await? {
            Some(PurchaseOutcome::Order(_)) => LifecycleError::OrderPending,
            Some(PurchaseOutcome::Rejected(_)) => LifecycleError::OrderRejected,
            None => silent.map_or(LedgerError::UnknownOrder.into(), Into::into),
        })
    }
}
