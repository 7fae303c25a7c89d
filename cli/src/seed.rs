//! The first admin, product and sale of a new system. The sale has already started. For `seed` and for the demo.
//!
//! Safe to repeat. An existing admin stays unchanged. Product and sale are made under one idempotency key of the
//! ledger, which finds them again, whatever their units and times were.

use anyhow::Context;
use chrono::{SubsecRound, TimeDelta, Utc};
use sale::{
    email_address::EmailAddress,
    gate::Gate,
    install::InstallError,
    ledger::{
        By, CREATE_PRODUCT, CREATE_SALE, Ledger, LedgerError, NewProduct, NewSale, NewUser,
        Product, Sale, User,
    },
    lifecycle::{Lifecycle, LifecycleError, Stepped},
    model::{ProductId, Role, SaleId, SaleState},
    money::{Currency, Money},
};
use uuid::Uuid;

use crate::connections::missing;

/// How the admin logs in.
pub const ADMIN_EMAIL: &str = "admin@example.com";

/// The ledger's idempotency key of product and sale.
const KEY: &str = "seed";

/// The price of a unit, in hundredths.
const PRICE_CENTS: i64 = 14_900;

/// How long the sale goes on.
const SALE_HOURS: i64 = 1;

/// What to create.
#[derive(Debug)]
pub struct Wanted {
    /// How the admin logs in.
    pub admin_email: EmailAddress,
    /// The hash of the admin's password; without one the admin cannot log in.
    pub password_hash: Option<String>,
    /// Units in stock, all of which are in the sale.
    pub units: u32,
}

/// The result.
pub struct Seed {
    /// The admin.
    pub admin: User,
    /// Whether the admin existed before, and so keeps the old password.
    pub admin_existed: bool,
    /// The product.
    pub product: ProductId,
    /// The sale.
    pub sale: Stepped,
}

/// Creates what is missing.
///
/// # Errors
/// A server does not answer, or the address is that of a user who is no admin.
pub async fn seed(gate: &Gate, ledger: &Ledger, by: By, wanted: Wanted) -> anyhow::Result<Seed> {
    let ledger = ledger.on_behalf(By {
        key: Some(KEY.to_owned()),
        ..by
    });
    let units = wanted.units;
    let (admin, admin_existed) = admin(&ledger, wanted).await?;
    let product = product(&ledger, units)
        .await
        .context("no product could be created")?;
    let sale = sale(&ledger, product, units)
        .await
        .context("no sale could be created")?;
    let stepped = if sale.state == SaleState::Settled {
        Stepped { sale, warm: false }
    } else {
        match Lifecycle::new(gate.clone(), ledger).warm(sale.id).await {
            // Another seed or a reconciler is installing it.
            Err(LifecycleError::Install(InstallError::Busy)) => Stepped { sale, warm: false },
            warmed => warmed.context("the sale could not be loaded into the gate")?,
        }
    };
    Ok(Seed {
        admin,
        admin_existed,
        product,
        sale: stepped,
    })
}

/// The admin, and whether the admin existed before.
async fn admin(ledger: &Ledger, wanted: Wanted) -> anyhow::Result<(User, bool)> {
    let email = wanted.admin_email.clone();
    let new = NewUser {
        email: wanted.admin_email,
        password_hash: wanted.password_hash,
        role: Role::Admin,
    };
    match ledger.create_user(new).await {
        Ok(created) => Ok((created, false)),
        Err(LedgerError::Exists) => {
            let known = ledger.user_by_email(email.as_str()).await?;
            let known = known.ok_or_else(|| missing("user", &email))?;
            anyhow::ensure!(known.role == Role::Admin, "the user {email} is no admin");
            Ok((known, true))
        }
        Err(error) => Err(error).context("no admin could be created"),
    }
}

async fn product(ledger: &Ledger, units: u32) -> anyhow::Result<ProductId> {
    let new = NewProduct {
        name: "Midnight Runner, limited edition".to_owned(),
        description: Some("A running shoe, made once and not again.".to_owned()),
        price: Money::of_minor_units(PRICE_CENTS, Currency::DEFAULT)?,
        image_url: None,
        quantity: units,
    };
    let create = async {
        let created: Product = ledger.create_product(new).await?;
        Ok(created.id.uuid())
    };
    let id = once(ledger, CREATE_PRODUCT, create).await?;
    Ok(ProductId::from_uuid(id))
}

async fn sale(ledger: &Ledger, product: ProductId, units: u32) -> anyhow::Result<Sale> {
    // Whole seconds read better, and the sale has started by any clock.
    let start = Utc::now().trunc_subsecs(0);
    let new = NewSale {
        id: SaleId::random(),
        product,
        start,
        end: start + TimeDelta::hours(SALE_HOURS),
        units: Some(units),
    };
    let create = async { Ok(ledger.create_sale(new).await?.id.uuid()) };
    let id = SaleId::from_uuid(once(ledger, CREATE_SALE, create).await?);
    ledger.sale(id).await?.ok_or_else(|| missing("sale", id))
}

/// The id that was created before, or is created now. Details may differ, such as the time.
async fn once(
    ledger: &Ledger,
    action: &str,
    create: impl Future<Output = Result<Uuid, LedgerError>>,
) -> Result<Uuid, LedgerError> {
    if let Some(made) = ledger.made_before(action).await? {
        return Ok(made);
    }
    match create.await {
        // Another caller was quicker.
        Err(LedgerError::KeyReused) => {
            let made = ledger.made_before(action).await?;
            made.ok_or(LedgerError::KeyReused)
        }
        created => created,
    }
}
