//! `mincommerce product`: products and their stocks.

use anyhow::Context;
use api::views::ProductReply;
use clap::{Args, Subcommand, value_parser};
use sale::{
    connections::PostgresSettings,
    input,
    invalid::Invalid,
    ledger::{self, Ledger, NewProduct, ProductChange, ProductFilter, StockChange},
    model::{ProductId, UNITS_MAX},
    money::{Amount, Currency},
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
    /// Shows products, the newest first
    List(List),
    /// Shows a product
    Show {
        /// Its id
        product: ProductId,
    },
    /// Changes a product. Sales keep the price that they were created with
    Update(Update),
    /// Archives a product: it is not listed any more, and gets no new sale. Its sales go on
    Archive {
        /// Its id
        product: ProductId,
    },
    /// Takes a product out of the archive
    Unarchive {
        /// Its id
        product: ProductId,
    },
}

/// Settings of `product list`.
#[derive(Debug, Args)]
pub struct List {
    /// Those that are archived, instead of those that are not
    #[arg(long)]
    pub archived: bool,

    /// Those with this text in their name, in upper or lower case
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,

    /// Which part of them.
    #[command(flatten)]
    pub paging: Paging,
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

    /// What one unit costs, such as 19.90, with at most the decimals of its currency; 0 for what is free
    #[arg(long)]
    pub price: Amount,

    /// The currency of the price, by its ISO 4217 code in capitals
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
#[command(after_help = "\
Examples:
  Put twenty units more into the stock:
    mincommerce product update 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --add 20
  Set the stock to 120, unless it is no longer the 100 that you read:
    mincommerce product update 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --quantity 120 --expect 100")]
pub struct Update {
    /// Its id
    pub product: ProductId,

    /// What is to be changed.
    #[command(flatten)]
    pub change: Change,

    /// The units that you read: if there are others by now, nothing is changed
    #[arg(
        long,
        value_name = "UNITS",
        requires = "quantity",
        conflicts_with_all = ["add", "remove"],
        value_parser = units(0)
    )]
    pub expect: Option<u32>,

    /// Doing it once.
    #[command(flatten)]
    pub idempotency: Idempotency,
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

    /// What one unit costs, such as 19.90, with at most the decimals of its currency
    #[arg(long)]
    pub price: Option<Amount>,

    /// The currency of the price, by its ISO 4217 code in capitals
    #[arg(long)]
    pub currency: Option<Currency>,

    /// Where a picture of it is: https://, http:// or a path that begins with /
    #[arg(long, value_name = "URL")]
    pub image_url: Option<String>,

    /// Units in stock that are in no sale; needs --expect
    #[arg(
        long,
        value_name = "UNITS",
        requires = "expect",
        conflicts_with_all = ["add", "remove"],
        value_parser = units(0)
    )]
    pub quantity: Option<u32>,

    /// Units that come to those in stock
    #[arg(long, value_name = "UNITS", conflicts_with = "remove", value_parser = units(1))]
    pub add: Option<u32>,

    /// Units that leave those in stock
    #[arg(long, value_name = "UNITS", value_parser = units(1))]
    pub remove: Option<u32>,
}

/// Accepts `least` units or more, up to the ledger's maximum.
fn units(least: u32) -> clap::builder::RangedI64ValueParser<u32> {
    value_parser!(u32).range(i64::from(least)..=i64::from(UNITS_MAX))
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
            ("archived", or_dash(self.archived_at.map(shown).as_deref())),
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

/// Runs the subcommand.
///
/// # Errors
/// A value is wrong, there is no such product, or Postgres cannot be reached.
pub async fn run(product: Product, output: Output) -> anyhow::Result<()> {
    let postgres = &product.server.postgres;
    match product.command {
        Command::Create(create) => {
            let key = create.idempotency.key.clone();
            let new = new_product(create).map_err(WrongUse::from)?;
            with_ledger(postgres, key, async |ledger| {
                let created = ledger.create_product(new).await;
                let created = created.context("the product could not be created")?;
                output.show(&ProductReply::from(created))
            })
            .await
        }
        Command::List(settings) => {
            with_ledger(postgres, None, async |ledger| {
                list(ledger, settings, output).await
            })
            .await
        }
        Command::Archive { product } => archive(postgres, product, true, output).await,
        Command::Unarchive { product } => archive(postgres, product, false, output).await,
        Command::Show { product } => {
            with_ledger(postgres, None, async |ledger| {
                let found = ledger.product(product).await?;
                let found = found.ok_or_else(|| missing("product", product))?;
                output.show(&ProductReply::from(found))
            })
            .await
        }
        Command::Update(update) => {
            let (id, key) = (update.product, update.idempotency.key.clone());
            let change = ProductChange::from(update);
            change.check().map_err(WrongUse::from)?;
            with_ledger(postgres, key, async |ledger| {
                let changed = ledger.update_product(id, change).await;
                let changed = changed.context("the product could not be changed")?;
                output.show(&ProductReply::from(changed))
            })
            .await
        }
    }
}

impl From<Update> for ProductChange {
    fn from(update: Update) -> Self {
        let change = update.change;
        // clap accepts at most one of the three.
        let set = change.quantity.zip(update.expect);
        let stock = set
            .map(|(quantity, expected)| StockChange::Set { quantity, expected })
            .or(change.add.map(StockChange::Add))
            .or(change.remove.map(StockChange::Remove));
        Self {
            name: change.name,
            description: change.description.map(Some),
            price: change.price,
            currency: change.currency,
            image_url: change.image_url.map(Some),
            stock,
        }
    }
}

fn new_product(create: Create) -> Result<NewProduct, Invalid> {
    let new = NewProduct {
        name: create.name,
        description: create.description,
        price: input::price(create.price, create.currency)?,
        image_url: create.image_url,
        quantity: create.quantity,
    };
    new.check()?;
    Ok(new)
}

async fn archive(
    postgres: &PostgresSettings,
    product: ProductId,
    archived: bool,
    output: Output,
) -> anyhow::Result<()> {
    with_ledger(postgres, None, async |ledger| {
        let changed = ledger.archive_product(product, archived).await;
        let changed = changed.context("the product could not be changed")?;
        output.show(&ProductReply::from(changed))
    })
    .await
}

async fn list(ledger: &Ledger, settings: List, output: Output) -> anyhow::Result<()> {
    let asked = settings.paging.asked();
    let filter = ProductFilter {
        archived: settings.archived,
        search: settings.search,
    };
    let mut products = ledger.products(&filter, asked.and_one()).await?;
    let next = asked.cut(&mut products, ledger::Product::place);
    let products: Vec<_> = products.into_iter().map(ProductReply::from).collect();
    output.show(&Listing::new(products, next))
}
