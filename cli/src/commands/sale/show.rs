//! `mincommerce sale show` and `sale stats`: a sale in full with its latest changes, and its orders in numbers.

use api::views::{AdminSale, SaleStatistics};
use chrono::{DateTime, Utc};
use sale::{ledger::Action, model::SaleId};
use serde::Serialize;
use serde_json::Value;

use super::known;
use crate::{
    connections::{Connections, Views},
    instant::shown,
    output::{Output, Row, Shown, table_of, table_of_fields},
};

/// How many of a sale's latest changes are shown.
const ACTIONS_SHOWN: u32 = 20;

/// A sale and its changes.
#[derive(Debug, Serialize)]
struct Story {
    #[serde(flatten)]
    sale: AdminSale,
    actions: Vec<ActionView>,
}

impl Shown for Story {
    fn text(&self) -> String {
        format!("{}\n{}", self.sale.text(), table_of(&self.actions))
    }
}

/// One change by a person.
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
        // The ledger's statements write objects; other values have no names to show.
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

/// Shows a sale and its latest changes.
pub(super) async fn show(views: &Views, id: SaleId, output: Output) -> anyhow::Result<()> {
    let sale = known(&views.ledger, id).await?;
    let actions = views.ledger.actions(id.uuid(), ACTIONS_SHOWN).await?;
    output.show(&Story {
        sale: views.of(sale).await,
        actions: actions.into_iter().map(ActionView::from).collect(),
    })
}

impl Shown for SaleStatistics {
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
    known(&connections.ledger, id).await?;
    let (sale, counts) = connections.lifecycle().statistics(id).await?;
    let view = connections.view(&sale).await;
    output.show(&SaleStatistics::new(&sale, &view, counts))
}
