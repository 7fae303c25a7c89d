//! An API that is there, and nothing but it: products, sales and what came of them over its own routes.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use chrono::{SecondsFormat, TimeDelta, Utc};
use clap::{Args, FromArgMatches, error::ErrorKind};
use sale::{
    model::{BuyerId, OrderId, Role, SaleId},
    settings::TokenSettings,
    token::Tokens,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use system::{
    client::{Buyer, Client},
    history::{
        History,
        meaning::{Meaning, PurchaseStatus},
    },
};
use tokio::{
    net::lookup_host,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::record::{Record, Told, told};
use crate::{
    cpu::{self, Used},
    ground::POSTED_DEADLINE,
    load::connection::Connection,
};

/// How often the API is asked whether all is posted.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// How many of the orders that buyers were told of are looked up one by one.
const ORDERS_LOOKED_UP_MAX: usize = 1_000;

/// For how long a sale sells.
const SALE_LENGTH: TimeDelta = TimeDelta::hours(24);

/// The API.
pub struct Target {
    address: SocketAddr,
    host: String,
    settings: TokenSettings,
    admin: String,
}

/// A sale's figures, as admins see them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Its units.
    pub total_quantity: u64,
    /// Those that are sold.
    pub sold_quantity: u64,
    /// Orders in the ledger.
    pub confirmed_orders: u64,
    /// Those that are not yet in it.
    pub pending_orders: u64,
    /// Those that it refused.
    pub rejected_orders: u64,
}

#[derive(Deserialize)]
struct Success<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    product_id: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    sale_id: SaleId,
}

impl Target {
    /// Finds an API whose tokens are signed like this.
    ///
    /// # Errors
    /// The URL is none, or names no host.
    pub async fn find(url: &str, settings: TokenSettings) -> anyhow::Result<Self> {
        let host = host_of(url)?;
        let address = {
            let mut found = lookup_host(&host).await.context("cannot find the API")?;
            found.next().context("the API has no address")?
        };
        let (admin, _) = Tokens::new(&settings)?.mint(Uuid::now_v7(), None, Role::Admin)?;
        Ok(Self {
            address,
            host,
            settings,
            admin,
        })
    }

    pub(super) fn address(&self) -> (SocketAddr, String) {
        (self.address, self.host.clone())
    }

    pub(super) fn tokens(&self) -> anyhow::Result<Tokens> {
        Ok(Tokens::new(&self.settings)?)
    }

    pub(super) async fn sale(&self, units: u32) -> anyhow::Result<SaleId> {
        let product = json!({ "name": "A thing under load", "price": 10.00, "quantity": units });
        let product: Product = self.post("/api/admin/products", &product).await?;
        let now = Utc::now();
        let time = |time: chrono::DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let sale = json!({
            "productId": product.product_id,
            "startTime": time(now - TimeDelta::seconds(1)),
            "endTime": time(now + SALE_LENGTH),
            "quantity": units,
        });
        let sale: Created = self.post("/api/admin/flash-sale", &sale).await?;
        Ok(sale.sale_id)
    }

    pub(super) fn used(&self) -> anyhow::Result<Used> {
        Ok(Used {
            api: None,
            redis: None,
            generator: cpu::used(std::process::id())?,
        })
    }

    /// What came of a sale so far.
    ///
    /// # Errors
    /// The API does not say.
    pub async fn figures(&self, sale: SaleId) -> anyhow::Result<Figures> {
        self.ask("GET", &format!("/api/admin/flash-sale/{sale}/stats"), None)
            .await
    }

    pub(super) async fn prove(&self, sale: SaleId, records: &[Record]) -> anyhow::Result<String> {
        let Told {
            orders: told,
            sold_out,
            ..
        } = told(records);
        let started = Instant::now();
        let figures = loop {
            let figures = self.figures(sale).await?;
            if figures.pending_orders == 0 {
                break figures;
            }
            ensure!(
                started.elapsed() < POSTED_DEADLINE,
                "not posted in time: {figures:?}"
            );
            sleep(LOOK_PAUSE).await;
        };
        let count = u64::try_from(told.len())?;
        ensure!(
            figures.confirmed_orders == count
                && figures.sold_quantity == count
                && figures.rejected_orders == 0
                && figures.sold_quantity <= figures.total_quantity,
            "{count} buyers were told of an order, and the API says {figures:?}"
        );
        ensure!(
            sold_out == 0 || figures.sold_quantity == figures.total_quantity,
            "{sold_out} buyers were told that everything is sold, and the API says {figures:?}"
        );
        let every = told.len().div_ceil(ORDERS_LOOKED_UP_MAX).max(1);
        let sample = told.iter().step_by(every);
        let looked_up = sample.len();
        self.look_up(sale, sample).await?;
        Ok(format!(
            "{count} buyers were told of an order, and the ledger holds so many; {looked_up} of them looked up"
        ))
    }

    /// Each of these buyers asks for its order, and must find it completed.
    async fn look_up<'a>(
        &self,
        sale: SaleId,
        orders: impl Iterator<Item = (&'a BuyerId, &'a OrderId)>,
    ) -> anyhow::Result<()> {
        let client = Client::new(&format!("http://{}", self.host), History::new())?;
        let tokens = self.tokens()?;
        for (id, order) in orders {
            let (token, _) = tokens.mint(id.uuid(), None, Role::User)?;
            let buyer = Buyer {
                id: *id,
                token: token.into(),
            };
            let meaning = client.job(&buyer, sale, *order).await.meaning;
            ensure!(
                meaning == Meaning::Status(PurchaseStatus::Completed, *order),
                "order {order} was told of, and is {meaning:?}"
            );
        }
        Ok(())
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<T> {
        self.ask("POST", path, Some(body.to_string())).await
    }

    /// Asks as an admin, on a connection of its own: a kept one would be closed while load runs.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
    ) -> anyhow::Result<T> {
        let (host, admin) = (&self.host, &self.admin);
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {admin}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = Connection::open(self.address)
            .await
            .context("cannot connect to the API")?;
        let answer = connection.ask(request.as_bytes()).await?;
        if !(200..300).contains(&answer.status) {
            let why = String::from_utf8_lossy(answer.body);
            bail!("{method} {path} was answered with {}: {why}", answer.status);
        }
        let success: Success<T> = serde_json::from_slice(answer.body)?;
        Ok(success.data)
    }
}

/// Host and port of a URL. The load generator speaks plain HTTP, to the root of a host.
fn host_of(url: &str) -> anyhow::Result<String> {
    let host = url
        .strip_prefix("http://")
        .with_context(|| format!("{url} does not begin with http://"))?;
    let host = host.trim_end_matches('/');
    ensure!(
        !host.is_empty() && !host.contains(['/', '@']),
        "{url} is not http://host:port"
    );
    let after_address = host.rsplit(']').next().unwrap_or(host);
    Ok(if after_address.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    })
}

/// How the API's tokens are signed, as the environment says.
///
/// # Errors
/// It does not.
pub fn signing() -> anyhow::Result<TokenSettings> {
    let command = TokenSettings::augment_args(clap::Command::new("stress"));
    let matches = match command.try_get_matches_from(["stress"]) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
            bail!("for --target, JWT_SECRET must be set to what signs the tokens of that API")
        }
        Err(error) => return Err(error.into()),
    };
    Ok(TokenSettings::from_arg_matches(&matches)?)
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_url_names_a_host_and_its_port() {
        let host = |url| host_of(url).ok();
        assert_eq!(host("http://shop:3001/").as_deref(), Some("shop:3001"));
        assert_eq!(host("http://shop").as_deref(), Some("shop:80"));
        assert_eq!(host("http://[::1]").as_deref(), Some("[::1]:80"));
        assert_eq!(host("http://[::1]:8").as_deref(), Some("[::1]:8"));
        assert_eq!(host("https://shop"), None);
        assert_eq!(host("http://shop/path"), None);
        assert_eq!(host("http://user@shop"), None);
    }
}
