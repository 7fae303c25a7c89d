//! The contents of ledger and gate for one sale, in the checker's form.

use std::collections::HashMap;

use sale::{
    gate::{Gate, GateError, snapshot::Snapshot},
    ledger::{Ledger, LedgerError, Order, Rejection, Sale},
    model::{BuyerId, OrderId, SaleId},
};

/// The ledger's side.
#[derive(Debug, Clone)]
pub struct LedgerState {
    /// The sale's row.
    pub sale: Sale,
    /// All its orders, cancelled ones included.
    pub orders: Vec<Order>,
    /// All its rejections.
    pub rejections: Vec<Rejection>,
}

/// The gate's side.
#[derive(Debug, Clone)]
pub struct GateState {
    /// Its terms and counts.
    pub snapshot: Snapshot,
    /// The marked buyers, each with its order.
    pub buyers: HashMap<BuyerId, OrderId>,
}

impl LedgerState {
    /// Reads a sale; `None` if there is no such sale. Three statements: consistent only while nothing changes.
    pub async fn read(ledger: &Ledger, sale: SaleId) -> Result<Option<Self>, LedgerError> {
        let Some(row) = ledger.sale(sale).await? else {
            return Ok(None);
        };
        let orders = ledger.orders_of_sale(sale).await?;
        let rejections = ledger.rejections_of_sale(sale).await?;
        Ok(Some(Self {
            sale: row,
            orders,
            rejections,
        }))
    }
}

impl GateState {
    /// Reads a gate; `None` if there is none. Two calls: consistent only while nothing changes.
    pub async fn read(gate: &Gate, sale: SaleId) -> Result<Option<Self>, GateError> {
        let Some(snapshot) = gate.snapshot(sale).await? else {
            return Ok(None);
        };
        let buyers = gate.buyers(sale).await?;
        Ok(Some(Self { snapshot, buyers }))
    }
}
