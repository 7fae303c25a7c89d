//! `mincommerce seed`: an admin, a product, and a sale that has started.

use api::views::AdminSale;
use clap::Args;
use sale::{input, ledger::By};
use serde::Serialize;

use super::user::{UserView, address};
use crate::{
    connections::{Connections, Servers, with_both},
    output::{Output, Shown, note, table_of_fields},
    password::hash_of_stdin,
    seed::{ADMIN_EMAIL, Wanted, seed},
    wrong_use::WrongUse,
};

/// Settings of `seed`.
#[derive(Debug, Args)]
#[command(
    after_help = "Safe to repeat: an admin who exists stays as is, password included, and product \
                        and sale are made once by each user of a machine."
)]
pub struct Seed {
    /// Units in stock, all of which are in the sale
    #[arg(long, default_value_t = 500)]
    pub units: u32,

    /// How the admin logs in
    #[arg(long, default_value = ADMIN_EMAIL)]
    pub admin_email: String,

    /// Read the admin's password from standard input. Without one the admin cannot log in until
    /// `user set-password`
    #[arg(long)]
    pub password_stdin: bool,

    /// Where the servers are.
    #[command(flatten)]
    pub servers: Servers,
}

/// The result.
#[derive(Serialize)]
struct Seeded {
    admin: UserView,
    sale: AdminSale,
}

impl Shown for Seeded {
    fn text(&self) -> String {
        table_of_fields([
            ("admin", self.admin.email()),
            ("admin's id", self.admin.user_id.to_string()),
            ("product", self.sale.product_id.to_string()),
            ("sale", self.sale.sale_id.to_string()),
        ])
    }
}

/// Creates what is missing.
///
/// # Errors
/// A server cannot be reached, or the address is that of a user who is no admin.
pub async fn run(settings: Seed, output: Output) -> anyhow::Result<()> {
    input::units("units", settings.units, 1).map_err(WrongUse::from)?;
    let admin_email = address("adminEmail", &settings.admin_email)?;
    let password_hash = if settings.password_stdin {
        Some(hash_of_stdin().await?)
    } else {
        None
    };
    let wanted = Wanted {
        admin_email,
        password_hash,
        units: settings.units,
    };
    let seeded = with_both(&settings.servers, None, async |connections| {
        let Connections { gate, ledger } = connections;
        let made = seed(gate, ledger, By::person(None), wanted).await?;
        if made.admin_existed {
            note("the admin was there before, and is as before");
        } else if made.admin.password_hash.is_none() {
            note("the admin has no password yet: mincommerce user set-password");
        }
        Ok(Seeded {
            sale: connections.after(made.sale).await,
            admin: made.admin.into(),
        })
    });
    output.show(&seeded.await?)
}
