//! What an event stream showed, as far as the checks need it.

use chrono::{DateTime, Utc};
use sale::model::{OrderId, SaleId};
use serde::{Deserialize, Serialize};

use super::{
    meaning::{self, Meaning},
    request::{Answer, Ask},
};

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Shown {
    /// `event: sale`.
    Sale(SaleShown),
    /// `event: purchase`: the same fields as those of the answer to `GET /api/purchase/status`.
    Purchase(Answer),
    /// An event that breaks the contract.
    Unreadable {
        /// The fault in it.
        why: String,
    },
}

/// A sale at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleShown {
    /// The sale.
    pub sale_id: SaleId,
    /// Whether it sells.
    pub status: SaleStatus,
    /// Its start.
    pub start_time: DateTime<Utc>,
    /// Its end.
    pub end_time: DateTime<Utc>,
    /// Its units.
    pub total_quantity: u64,
    /// Units left.
    pub available_quantity: u64,
    /// Units sold.
    pub sold_quantity: u64,
    /// The API's clock when it wrote this.
    pub server_time: DateTime<Utc>,
}

/// Whether a sale sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SaleStatus {
    /// It has not started.
    Upcoming,
    /// It sells, or is sold out.
    Active,
    /// People paused it.
    Paused,
    /// It is over.
    Ended,
}

/// The parts of a purchase status that the checks need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PurchaseData {
    status: String,
    order_id: Option<OrderId>,
    sale_id: Option<SaleId>,
    reason: Option<String>,
}

impl Shown {
    /// Interprets an event by its name and its data.
    pub fn of(name: &str, data: &str) -> Self {
        let read = match name {
            "sale" => serde_json::from_str(data).map(Self::Sale),
            "purchase" => serde_json::from_str(data).map(|read: PurchaseData| {
                Self::Purchase(Answer {
                    status: 200,
                    reason: read.reason,
                    order: read.order_id,
                    sale: read.sale_id,
                    purchase: Some(read.status),
                    ..Answer::default()
                })
            }),
            other => {
                let why = format!("there is no event {other:?}");
                return Self::Unreadable { why };
            }
        };
        read.unwrap_or_else(|error| Self::Unreadable {
            why: format!("event {name:?}: {error}"),
        })
    }

    /// What it shows of the sale.
    pub const fn sale(&self) -> Option<&SaleShown> {
        match self {
            Self::Sale(sale) => Some(sale),
            Self::Purchase(_) | Self::Unreadable { .. } => None,
        }
    }

    /// What it shows of the viewer's purchase.
    pub fn purchase(&self) -> Option<Meaning> {
        match self {
            Self::Purchase(answer) => Some(meaning::of_answer(&Ask::Status, answer)),
            Self::Sale(_) | Self::Unreadable { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Meaning, SaleStatus, Shown};

    #[test]
    fn an_event_of_a_sale_is_read_and_may_have_more_fields() {
        let data = r#"{"saleId":"0190a0b0-0000-7000-8000-000000000001","status":"paused",
            "startTime":"2026-01-01T00:00:00Z","endTime":"2026-01-02T00:00:00Z","totalQuantity":5,
            "availableQuantity":3,"soldQuantity":2,"timeUntilStart":0,"timeUntilEnd":1,
            "serverTime":"2026-01-01T12:00:00.5Z"}"#;
        let shown = Shown::of("sale", data);
        let sale = shown.sale().map(|sale| (sale.status, sale.sold_quantity));
        assert_eq!(sale, Some((SaleStatus::Paused, 2)));
    }

    #[test]
    fn a_purchase_is_read_as_the_answer_for_its_status_is() {
        let shown = Shown::of("purchase", r#"{"status":"not_purchased","orderId":null}"#);
        assert_eq!(shown.purchase(), Some(Meaning::NotPurchased));
    }

    #[test]
    fn what_the_contract_does_not_have_is_unreadable() {
        for (name, data) in [("sale", "{}"), ("purchase", "x"), ("message", "{}")] {
            let shown = Shown::of(name, data);
            assert!(matches!(shown, Shown::Unreadable { .. }), "{shown:?}");
        }
    }
}
