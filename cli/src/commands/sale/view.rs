//! How people see a sale. Programs get the view of the HTTP API.

use api::views::{AdminSale, SaleStatus, StateWord};

use crate::{
    instant::shown,
    output::{Row, Shown, or_dash, table_of_fields},
};

/// The phase, followed by the state that people set, where it adds something.
fn status(sale: &AdminSale) -> String {
    match (sale.status, sale.state) {
        (SaleStatus::Ended, StateWord::Settled) => "ended, settled".to_owned(),
        (SaleStatus::Upcoming, StateWord::Paused) => "upcoming, paused".to_owned(),
        (status, _) => status.to_string(),
    }
}

fn warm(sale: &AdminSale) -> String {
    if sale.warm { "yes" } else { "no" }.to_owned()
}

impl Shown for AdminSale {
    fn text(&self) -> String {
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
            ("status", status(self)),
            ("units", self.total_quantity.to_string()),
            ("available", self.available_quantity.to_string()),
            ("sold", self.sold_quantity.to_string()),
            ("warm", warm(self)),
            ("created", shown(self.created_at)),
            ("changed", shown(self.updated_at)),
        ])
    }
}

impl Row for AdminSale {
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
            status(self),
            self.total_quantity.to_string(),
            self.available_quantity.to_string(),
            self.sold_quantity.to_string(),
            warm(self),
        ]
    }
}
