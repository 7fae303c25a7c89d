//! A rejection: an admitted purchase that became no order.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sale::ledger::{Bar, KeptRejection};
use serde::Serialize;
use uuid::Uuid;

use super::OrderWord;

/// The order that a buyer has.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct BuyersOrder {
    /// Its id.
    pub order_id: Uuid,
    /// What has become of it.
    pub status: OrderWord,
}

/// Whether a replay would make an order.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct ReplayProspect {
    /// Whether it would.
    pub possible: bool,
    /// Why not, for programs: `already`, `unknown_sale`, `no_buyer`, `no_units` or `no_stock`.
    pub obstacle: Option<String>,
    /// What to do.
    pub advice: String,
}

/// An admitted purchase that became no order.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Rejection", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct RejectionReply {
    /// Its id.
    pub rejection_id: Uuid,
    /// The sale.
    pub sale_id: Uuid,
    /// The buyer, where it is known.
    pub user_id: Option<Uuid>,
    /// The order, where it is known.
    pub order_id: Option<Uuid>,
    /// The address of the buyer, where it is known.
    pub email: Option<String>,
    /// Why, for programs. A newer version may have written a word that is not documented yet.
    pub reason: String,
    /// What the reason means, and what to do.
    pub explanation: String,
    /// What the buyer reads.
    pub buyer_message: String,
    /// Whether the buyer counts as posted by it, and so cannot buy again.
    pub counted: bool,
    /// Where the purchase came from: an entry of the journal, or `gate`.
    pub entry: String,
    /// The number of the install of the gate that admitted it.
    pub epoch: u64,
    /// When it was rejected.
    pub created_at: DateTime<Utc>,
    /// The order that the buyer has in the sale by now.
    pub buyers_order: Option<BuyersOrder>,
    /// Whether a replay would make an order of it.
    pub replay: ReplayProspect,
}

impl RejectionReply {
    /// A rejection, with the address of its buyer from `addresses`. One with words of a newer version is shown without
    /// what they say, and the others of its list stay as they are.
    pub fn of(kept: KeptRejection, addresses: &HashMap<Uuid, String>) -> Self {
        let (bar, order) = (kept.bar(), kept.buyers_order().ok().flatten());
        let rejection = &kept.rejection;
        let user_id = rejection.buyer.map(|buyer| buyer.uuid());
        Self {
            rejection_id: rejection.id,
            sale_id: rejection.sale.uuid(),
            user_id,
            order_id: rejection.order.map(|order| order.uuid()),
            email: user_id.and_then(|user| addresses.get(&user).cloned()),
            explanation: rejection.for_operator().to_owned(),
            buyer_message: rejection.for_buyer().to_owned(),
            counted: rejection.counted,
            epoch: kept.epoch.0,
            created_at: rejection.at,
            buyers_order: order.map(|(order, status)| BuyersOrder {
                order_id: order.uuid(),
                status: status.into(),
            }),
            replay: bar.map_or_else(|_| of_newer_version(), prospect),
            reason: kept.rejection.reason,
            entry: kept.entry,
        }
    }
}

fn of_newer_version() -> ReplayProspect {
    ReplayProspect {
        possible: false,
        obstacle: None,
        advice: "A newer version of the reconciler wrote it: replay it with that version."
            .to_owned(),
    }
}

fn prospect(bar: Option<Bar>) -> ReplayProspect {
    let advice = match bar {
        None => {
            "A replay makes an order of it. The sale answers its buyers with 503 for a moment, unless it is settled."
                .to_owned()
        }
        Some(bar @ Bar::Already(..)) => format!("Not needed: {}.", bar.for_operator()),
        Some(bar @ Bar::Obstacle(_)) => format!("Not possible now: {}.", bar.for_operator()),
    };
    ReplayProspect {
        possible: bar.is_none(),
        obstacle: bar.map(|bar| bar.word().to_owned()),
        advice,
    }
}
