//! How a sale is shown: with the names and the counts of the HTTP API, which is where the counts come
//! from (by the gate, and by the ledger where the gate is away or gone).

use api::{
    price::Price,
    sales::{Sales, View},
};
use chrono::{DateTime, Utc};
use sale::{
    ledger,
    lifecycle::Lifecycle,
    model::{Phase, ProductId, SaleId, SaleState},
};
use serde::Serialize;

use crate::{
    connections::Connections,
    instant::shown,
    output::{Row, Shown, or_dash, table_of_fields},
};

/// Looks at sales.
pub struct Views {
    sales: Sales,
    lifecycle: Lifecycle,
}

impl Views {
    /// Through these connections.
    pub fn new(connections: &Connections) -> Self {
        let Connections { gate, ledger } = connections;
        Self {
            sales: Sales::new(gate.clone(), ledger.clone()),
            lifecycle: connections.lifecycle(),
        }
    }

    /// Whether its gate decides by what the ledger says.
    pub async fn is_warm(&self, sale: &ledger::Sale) -> bool {
        sale.state != SaleState::Settled && self.lifecycle.is_warm(sale).await
    }

    /// The counts of a sale.
    pub async fn counts(&self, sale: &ledger::Sale) -> View {
        self.sales.view(sale).await
    }

    /// The sale as it is shown.
    pub async fn of(&self, sale: &ledger::Sale, warm: bool) -> SaleView {
        SaleView::new(sale, &self.counts(sale).await, warm)
    }
}

/// A sale, as the HTTP API shows it to admins.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleView {
    /// Its id.
    pub sale_id: SaleId,
    /// What it offers.
    pub product_id: ProductId,
    product_name: String,
    product_description: Option<String>,
    product_price: Price,
    currency: String,
    image_url: Option<String>,
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
    status: Phase,
    state: SaleState,
    total_quantity: u64,
    available_quantity: u64,
    sold_quantity: u64,
    warm: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl SaleView {
    fn new(sale: &ledger::Sale, view: &View, warm: bool) -> Self {
        Self {
            sale_id: sale.id,
            product_id: sale.product_id,
            product_name: sale.product_name.clone(),
            product_description: sale.product_description.clone(),
            product_price: Price(sale.price),
            currency: sale.currency.to_string(),
            image_url: sale.image_url.clone(),
            start_time: view.start,
            end_time: view.end,
            status: view.phase,
            state: sale.state,
            total_quantity: view.total,
            available_quantity: view.available,
            sold_quantity: view.sold(),
            warm,
            created_at: sale.created_at,
            updated_at: sale.updated_at,
        }
    }

    /// The phase, and with it what people have decided, where that says more.
    fn status(&self) -> String {
        match (self.status, self.state) {
            (Phase::Ended, SaleState::Settled) => "ended, settled".to_owned(),
            (Phase::Upcoming, SaleState::Paused) => "upcoming, paused".to_owned(),
            (status, _) => status.to_string(),
        }
    }
}

impl Shown for SaleView {
    fn text(&self) -> String {
        let warm = if self.warm { "yes" } else { "no" };
        table_of_fields([
            ("sale", self.sale_id.to_string()),
            ("product", self.product_id.to_string()),
            ("name", self.product_name.clone()),
            ("description", or_dash(self.product_description.as_deref())),
            (
                "price",
                format!("{} {}", self.product_price.0, self.currency),
            ),
            ("starts", shown(self.start_time)),
            ("ends", shown(self.end_time)),
            ("status", self.status()),
            ("units", self.total_quantity.to_string()),
            ("available", self.available_quantity.to_string()),
            ("sold", self.sold_quantity.to_string()),
            ("warm", warm.to_owned()),
            ("created", shown(self.created_at)),
            ("changed", shown(self.updated_at)),
        ])
    }
}

impl Row for SaleView {
    const HEADER: &'static [&'static str] = &[
        "sale",
        "name",
        "starts",
        "ends",
        "status",
        "units",
        "available",
        "sold",
        "warm",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.sale_id.to_string(),
            self.product_name.clone(),
            shown(self.start_time),
            shown(self.end_time),
            self.status(),
            self.total_quantity.to_string(),
            self.available_quantity.to_string(),
            self.sold_quantity.to_string(),
            if self.warm { "yes" } else { "no" }.to_owned(),
        ]
    }
}
