//! `mincommerce product`: products and their stocks.

use anyhow::Context;
use api::views::ProductReply;
use clap::{Args, Subcommand};
use sale::{
    ledger::{self, Ledger, NewProduct, ProductChange},
    model::ProductId,
    money::{Currency, Money},
};

use crate::{
    connections::{Idempotency, LedgerServer, missing, with_ledger},
    instant::shown,
    output::{Output, Row, Shown, or_dash, table_of_fields},
    paging::{Listing, Paging},
    wrong_use::WrongUse,
};

/// Settings of `product`.
#[derive(Debug, Args)]
pub struct Product {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where the ledger is.
    #[command(flatten)]
    pub server: LedgerServer,
}

/// What to do with products.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Creates a product with its stock
    Create(Create),
    /// Shows all products, the newest first
    List(Paging),
    /// Shows a product
    Show {
        /// Its id
        product: ProductId,
    },
    /// Changes a product. Sales keep the price that they were created with
    Update(Update),
}

/// Settings of `product create`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: mincommerce product create --name Lamp --price 19.90 --quantity 10"
)]
pub struct Create {
    /// What it is called, at most 200 characters
    #[arg(long)]
    pub name: String,

    /// What it is, at most 10,000 characters
    #[arg(long)]
    pub description: Option<String>,

    /// What one unit costs, such as 19.90
    #[arg(long)]
    pub price: Money,

    /// The currency of the price, of those with two decimals
    #[arg(long, default_value_t = Currency::DEFAULT)]
    pub currency: Currency,

    /// Where a picture of it is: https://, http:// or a path that begins with /
    #[arg(long, value_name = "URL")]
    pub image_url: Option<String>,

    /// Units in stock
    #[arg(long)]
    pub quantity: u32,

    /// Doing it once.
    #[command(flatten)]
    pub idempotency: Idempotency,
}

/// Settings of `product update`.
#[derive(Debug, Args)]
pub struct Update {
    /// Its id
    pub product: ProductId,

    /// What is to be changed.
    #[command(flatten)]
    pub change: Change,
}

/// What is to be changed of a product; what is not named stays.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Change {
    /// What it is called, at most 200 characters
    #[arg(long)]
    pub name: Option<String>,

    /// What it is, at most 10,000 characters
    #[arg(long)]
    pub description: Option<String>,

    /// What one unit costs, such as 19.90
    #[arg(long)]
    pub price: Option<Money>,

    /// Where a picture of it is: https://, http:// or a path that begins with /
    #[arg(long, value_name = "URL")]
    pub image_url: Option<String>,

    /// Units in stock that are in no sale
    #[arg(long)]
    pub quantity: Option<u32>,
}

impl Shown for ProductReply {
    fn text(&self) -> String {
        table_of_fields([
            ("product", self.product_id.to_string()),
            ("name", self.name.clone()),
            ("description", or_dash(self.description.as_deref())),
            ("price", price(self)),
            ("picture", or_dash(self.image_url.as_deref())),
            ("in stock", self.quantity.to_string()),
            ("created", shown(self.created_at)),
            ("changed", shown(self.updated_at)),
        ])
    }
}

impl Row for ProductReply {
    const HEADER: &'static [&'static str] = &["product", "name", "price", "in stock", "created"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.product_id.to_string(),
            self.name.clone(),
            price(self),
            self.quantity.to_string(),
            shown(self.created_at),
        ]
    }
}

fn price(product: &ProductReply) -> String {
    format!("{} {}", product.price.0, product.currency)
}

/// Does what was asked for.
///
/// # Errors
/// A value is wrong, there is no such product, or Postgres can not be reached.
pub async fn run(product: Product, output: Output) -> anyhow::Result<()> {
    let postgres = &product.server.postgres;
    match product.command {
        Command::Create(create) => {
            let (new, key) = new_product(create);
            new.check().map_err(WrongUse::from)?;
            with_ledger(postgres, key, async |ledger| {
                let created = ledger.create_product(new).await;
                let created = created.context("the product could not be created")?;
                output.show(&ProductReply::from(created))
            })
            .await
        }
        Command::List(paging) => {
            with_ledger(postgres, None, async |ledger| {
                list(ledger, paging, output).await
            })
            .await
        }
        Command::Show { product } => {
            with_ledger(postgres, None, async |ledger| {
                let found = ledger.product(product).await?;
                let found = found.ok_or_else(|| missing("product", product))?;
                output.show(&ProductReply::from(found))
            })
            .await
        }
        Command::Update(Update { product, change }) => {
            let change = ProductChange::from(change);
            change.check().map_err(WrongUse::from)?;
            with_ledger(postgres, None, async |ledger| {
                let changed = ledger.update_product(product, change).await;
                let changed = changed.context("the product could not be changed")?;
                output.show(&ProductReply::from(changed))
            })
            .await
        }
    }
}

impl From<Change> for ProductChange {
    fn from(change: Change) -> Self {
        Self {
            name: change.name,
            description: change.description,
            price: change.price,
            image_url: change.image_url,
            quantity: change.quantity,
        }
    }
}

fn new_product(create: Create) -> (NewProduct, Option<String>) {
    let new = NewProduct {
        name: create.name,
        description: create.description,
        price: create.price,
        currency: create.currency,
        image_url: create.image_url,
        quantity: create.quantity,
    };
    (new, create.idempotency.key)
}

async fn list(ledger: &Ledger, paging: Paging, output: Output) -> anyhow::Result<()> {
    let asked = paging.asked();
    let mut products = ledger.products(asked.and_one()).await?;
    let next = asked.cut(&mut products, ledger::Product::place);
    let products: Vec<_> = products.into_iter().map(ProductReply::from).collect();
    output.show(&Listing::new(products, next))
}
