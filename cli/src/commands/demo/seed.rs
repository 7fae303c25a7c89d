//! What the demo sells, and the admin who sells it.

use std::time::Duration;

use anyhow::Context;
use chrono::{TimeDelta, Utc};
use sale::{
    gate::Gate,
    install::install,
    ledger::{Ledger, NewProduct, NewSale, NewUser, User},
    model::{Role, SaleId},
    money::{Currency, Money},
    passwords,
};
use tokio::task::spawn_blocking;

/// How the admin logs in.
const ADMIN_EMAIL: &str = "admin@example.com";

/// What a unit costs, in hundredths.
const PRICE_CENTS: i64 = 14_900;

/// How long the sale goes on.
const SALE_HOURS: i64 = 1;

/// How long loading the sale into the gate may take. There is nothing to drain.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What was made.
pub(super) struct Seed {
    pub(super) admin: User,
    pub(super) password: String,
    pub(super) sale: SaleId,
}

/// Makes an admin, a product, and a sale that has started.
pub(super) async fn seed(gate: &Gate, ledger: &Ledger, units: u32) -> anyhow::Result<Seed> {
    let password = format!("{:032x}", rand::random::<u128>());
    let secret = password.clone();
    let hash = spawn_blocking(move || passwords::hash(&secret)).await??;
    let admin = NewUser {
        email: ADMIN_EMAIL.to_owned(),
        password_hash: Some(hash),
        role: Role::Admin,
    };
    let admin = ledger
        .create_user(admin)
        .await
        .context("no admin could be created")?;
    let product = NewProduct {
        name: "Midnight Runner, limited edition".to_owned(),
        description: Some("A running shoe, made once and not again.".to_owned()),
        price: Money::from_cents(PRICE_CENTS)?,
        currency: Currency::DEFAULT,
        image_url: None,
        quantity: units,
    };
    let product = ledger
        .create_product(product)
        .await
        .context("no product could be created")?;
    let start = Utc::now();
    let sale = NewSale {
        id: SaleId::random(),
        product: product.id,
        start,
        end: start + TimeDelta::hours(SALE_HOURS),
        units: Some(units),
    };
    let sale = ledger
        .create_sale(sale)
        .await
        .context("no sale could be created")?;
    install(gate, ledger, sale.id, INSTALL_TIMEOUT)
        .await
        .context("the sale could not be loaded into the gate")?;
    Ok(Seed {
        admin,
        password,
        sale: sale.id,
    })
}
