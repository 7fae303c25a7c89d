//! A rejection for display: as a row of a list, and as JSON.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use sale::{
    ledger::KeptRejection,
    model::{BuyerId, Epoch, OrderId, OrderStatus, SaleId},
};
use serde::Serialize;
use uuid::Uuid;

/// A rejection without its bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Its id, which `show` and `replay` take.
    pub id: Uuid,
    /// The sale.
    pub sale_id: SaleId,
    /// The buyer, if the ledger could read one.
    pub buyer_id: Option<BuyerId>,
    /// The order, if the ledger could read one.
    pub order_id: Option<OrderId>,
    /// The word of its reason.
    pub reason: String,
    /// Whether the rejection counts its buyer as posted.
    pub counted: bool,
    /// Its source: a journal entry's id, or `gate`.
    pub entry: String,
    /// The epoch of the gate that admitted it.
    pub epoch: Epoch,
    /// When it was rejected.
    pub created_at: DateTime<Utc>,
    /// The order that its buyer now has in the sale.
    pub buyers_order: Option<BuyersOrder>,
}

/// The order that a buyer has.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuyersOrder {
    /// Its id.
    pub order_id: OrderId,
    /// Confirmed or cancelled.
    pub status: OrderStatus,
}

impl View {
    /// The view of this rejection. Fails if the status of the buyer's order is a word of a newer version.
    pub fn of(kept: &KeptRejection) -> anyhow::Result<Self> {
        let rejection = &kept.rejection;
        let order = kept.buyers_order()?;
        Ok(Self {
            id: rejection.id,
            sale_id: rejection.sale,
            buyer_id: rejection.buyer,
            order_id: rejection.order,
            reason: rejection.reason.clone(),
            counted: rejection.counted,
            entry: kept.entry.clone(),
            epoch: kept.epoch,
            created_at: rejection.at,
            buyers_order: order.map(|(order_id, status)| BuyersOrder { order_id, status }),
        })
    }

    /// Whether the rejection counts its buyer as posted, for people.
    pub const fn counted(&self) -> &'static str {
        if self.counted { "yes" } else { "no" }
    }
}

/// The value, or a dash.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A time for display.
pub fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
