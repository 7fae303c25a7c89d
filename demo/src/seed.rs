//! The sale of the demo, and the admin who owns it, with a password for this demo only.

use cli::{
    password,
    seed::{ADMIN_EMAIL, Wanted},
};
use sale::{
    gate::Gate,
    ledger::{By, Ledger, User},
    model::SaleId,
};

/// What the demo created.
pub(super) struct Seed {
    pub(super) admin: User,
    pub(super) password: String,
    pub(super) sale: SaleId,
}

/// Makes an admin, a product, and a sale that has started.
pub(super) async fn seed(gate: &Gate, ledger: &Ledger, units: u32) -> anyhow::Result<Seed> {
    let password = format!("{:032x}", rand::random::<u128>());
    let wanted = Wanted {
        admin_email: ADMIN_EMAIL.parse()?,
        password_hash: Some(password::hash(password.clone()).await?),
        units,
    };
    let made = cli::seed::seed(gate, ledger, By::process("demo"), wanted).await?;
    Ok(Seed {
        admin: made.admin,
        password,
        sale: made.sale.sale.id,
    })
}

/// Where the pages of the demo's sale are.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    pub(super) store: String,
    pub(super) console: String,
}

impl Pages {
    /// The pages of the sale on this API.
    pub(super) fn new(url: &str, seed: &Seed) -> Self {
        let sale = seed.sale;
        Self {
            store: format!("{url}/sales/{sale}"),
            console: format!("{url}/admin/sales/{sale}"),
        }
    }
}
