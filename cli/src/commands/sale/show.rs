//! `mincommerce sale show` and `sale stats`: a sale in full, what was done to it, and its orders in
//! numbers.

use chrono::{DateTime, Utc};
use sale::{
    ledger::Action,
    lifecycle::Statistics,
    model::{Phase, SaleId, SaleState},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    known,
    view::{SaleView, Views},
};
use crate::{
    connections::Connections,
    instant::shown,
    output::{Output, Row, Shown, table_of, table_of_fields},
};

/// How many of the last things that were done to a sale are shown.
const ACTIONS_SHOWN: u32 = 20;

/// A sale, and what was done to it.
#[derive(Debug, Serialize)]
struct Story {
    #[serde(flatten)]
    sale: SaleView,
    actions: Vec<ActionView>,
}

impl Shown for Story {
    fn text(&self) -> String {
        format!("{}\n{}", self.sale.text(), table_of(&self.actions))
    }
}

/// One change that somebody made.
#[derive(Debug, Serialize)]
struct ActionView {
    at: DateTime<Utc>,
    actor: String,
    via: String,
    action: String,
    details: Value,
}

impl From<Action> for ActionView {
    fn from(action: Action) -> Self {
        Self {
            at: action.at,
            actor: action.actor,
            via: action.via,
            action: action.action,
            details: action.details,
        }
    }
}

impl Row for ActionView {
    const HEADER: &'static [&'static str] = &["at", "actor", "via", "action", "details"];

    fn cells(&self) -> Vec<String> {
        // Statements write objects; anything else would have no names to show.
        let details = self.details.as_object().into_iter().flatten();
        let details: Vec<String> = details
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| {
                let text = value.as_str().map(str::to_owned);
                format!("{name} {}", text.unwrap_or_else(|| value.to_string()))
            })
            .collect();
        vec![
            shown(self.at),
            self.actor.clone(),
            self.via.clone(),
            self.action.clone(),
            details.join("\n"),
        ]
    }
}

/// Shows a sale, and the last things that were done to it.
pub(super) async fn show(
    connections: &Connections,
    id: SaleId,
    output: Output,
) -> anyhow::Result<()> {
    let sale = known(connections, id).await?;
    let actions = connections.ledger.actions(id.uuid(), ACTIONS_SHOWN).await?;
    let views = Views::new(connections);
    let warm = views.is_warm(&sale).await;
    output.show(&Story {
        sale: views.of(&sale, warm).await,
        actions: actions.into_iter().map(ActionView::from).collect(),
    })
}

/// The orders of a sale in numbers, as the HTTP API counts them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatisticsView {
    sale_id: SaleId,
    status: Phase,
    state: SaleState,
    total_quantity: u64,
    available_quantity: u64,
    sold_quantity: u64,
    returned_quantity: u64,
    total_orders: u64,
    confirmed_orders: u64,
    pending_orders: u64,
    cancelled_orders: u64,
    rejected_orders: u64,
    timestamp: DateTime<Utc>,
}

impl Shown for StatisticsView {
    fn text(&self) -> String {
        table_of_fields([
            ("units", self.total_quantity.to_string()),
            ("available", self.available_quantity.to_string()),
            ("sold", self.sold_quantity.to_string()),
            ("returned", self.returned_quantity.to_string()),
            ("orders", self.total_orders.to_string()),
            ("confirmed", self.confirmed_orders.to_string()),
            ("pending", self.pending_orders.to_string()),
            ("cancelled", self.cancelled_orders.to_string()),
            ("rejected", self.rejected_orders.to_string()),
        ])
    }
}

/// Counts the orders of a sale.
pub(super) async fn statistics(
    connections: &Connections,
    id: SaleId,
    output: Output,
) -> anyhow::Result<()> {
    known(connections, id).await?;
    let (sale, counts) = connections.lifecycle().statistics(id).await?;
    let units = Views::new(connections).counts(&sale).await;
    let Statistics {
        confirmed,
        cancelled,
        pending,
        rejected,
    } = counts;
    output.show(&StatisticsView {
        sale_id: id,
        status: units.phase,
        state: sale.state,
        total_quantity: units.total,
        available_quantity: units.available,
        sold_quantity: units.sold(),
        returned_quantity: sale.returned.into(),
        total_orders: confirmed + cancelled + pending,
        confirmed_orders: confirmed,
        pending_orders: pending,
        cancelled_orders: cancelled,
        rejected_orders: rejected,
        timestamp: units.now,
    })
}
