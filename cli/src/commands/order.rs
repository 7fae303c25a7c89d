//! `mincommerce order`: orders. [`export`] writes all of a sale.

mod export;

use anyhow::{Context, bail};
use api::views::OrderReply;
use clap::{Args, Subcommand};
use sale::{
    ledger::{Ledger, ListedOrder, OrderFilter, PurchaseOutcome},
    model::{BuyerId, OrderId, OrderStatus, SaleId},
};

use self::export::Export;
use crate::{
    connections::{Servers, missing, with_both, with_ledger},
    instant::shown,
    output::{Output, Row, Shown, table_of_fields},
    paging::{Listing, Paging},
};

/// Settings of `order`.
#[derive(Debug, Args)]
pub struct Order {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where the servers are.
    #[command(flatten)]
    pub servers: Servers,
}

/// What to do with orders.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows orders, the newest first
    List(List),
    /// Shows an order
    Show {
        /// Its id
        order: OrderId,
    },
    /// Cancels an order: its unit returns to the sale, or to the product once the sale is settled
    Cancel {
        /// Its id
        order: OrderId,
    },
    /// Writes all orders of a sale as CSV
    Export(Export),
}

/// Settings of `order list`.
#[derive(Debug, Args)]
pub struct List {
    /// Those of this sale
    #[arg(long)]
    pub sale: Option<SaleId>,

    /// Those of this user
    #[arg(long)]
    pub user: Option<BuyerId>,

    /// Those that stand, or those that were cancelled: confirmed or cancelled
    #[arg(long)]
    pub status: Option<OrderStatus>,

    /// Which part of them.
    #[command(flatten)]
    pub paging: Paging,
}

impl Shown for OrderReply {
    fn text(&self) -> String {
        table_of_fields([
            ("order", self.order_id.to_string()),
            ("user", self.user_id.to_string()),
            ("sale", self.sale_id.to_string()),
            ("product", self.product_id.to_string()),
            ("units", self.quantity.to_string()),
            ("price", price(self)),
            ("status", self.status.to_string()),
            ("created", shown(self.created_at)),
            ("changed", shown(self.updated_at)),
        ])
    }
}

impl Row for OrderReply {
    const HEADER: &'static [&'static str] =
        &["order", "user", "sale", "price", "status", "created"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.order_id.to_string(),
            self.user_id.to_string(),
            self.sale_id.to_string(),
            price(self),
            self.status.to_string(),
            shown(self.created_at),
        ]
    }
}

fn price(order: &OrderReply) -> String {
    format!("{} {}", order.price.0, order.currency)
}

/// Runs the subcommand.
///
/// # Errors
/// There is no such order, or a server cannot be reached.
pub async fn run(order: Order, output: Output) -> anyhow::Result<()> {
    let postgres = &order.servers.postgres;
    match order.command {
        Command::List(settings) => {
            with_ledger(postgres, None, async |ledger| {
                list(ledger, &settings, output).await
            })
            .await
        }
        Command::Show { order } => {
            with_ledger(postgres, None, async |ledger| {
                show(ledger, order, output).await
            })
            .await
        }
        Command::Export(settings) => {
            with_ledger(postgres, None, async |ledger| {
                export::run(ledger, settings).await
            })
            .await
        }
        Command::Cancel { order: id } => {
            with_both(&order.servers, None, async |connections| {
                let cancelled = connections.lifecycle().cancel(id).await;
                let cancelled = cancelled.context("the order could not be cancelled")?;
                output.show(&OrderReply::from(cancelled))
            })
            .await
        }
    }
}

async fn list(ledger: &Ledger, settings: &List, output: Output) -> anyhow::Result<()> {
    let asked = settings.paging.asked();
    let page = asked.and_one();
    let filter = OrderFilter {
        sale: settings.sale,
        buyers: settings.user.map(|buyer| vec![buyer]),
        status: settings.status,
    };
    let mut orders = ledger.listed_orders(&filter, page).await?;
    let next = asked.cut(&mut orders, ListedOrder::place);
    let orders = orders.into_iter().map(|listed| listed.order);
    let orders: Vec<_> = orders.map(OrderReply::from).collect();
    output.show(&Listing::new(orders, next))
}

async fn show(ledger: &Ledger, id: OrderId, output: Output) -> anyhow::Result<()> {
    match ledger.outcome(id).await? {
        Some(PurchaseOutcome::Order(order)) => output.show(&OrderReply::from(order)),
        Some(PurchaseOutcome::Rejected(rejection)) => bail!(
            "the purchase was rejected ({}), so there is no order: {}",
            rejection.reason,
            rejection.for_operator()
        ),
        None => Err(missing("order", id)),
    }
}
