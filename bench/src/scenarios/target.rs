//! An existing API, and nothing else: an admin's requests for a sale and its figures, and the proof that the answers
//! that buyers got match the API's data, as far as HTTP shows it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, anyhow, bail, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Args, FromArgMatches, error::ErrorKind};
use identity::{settings::TokenSettings, token::Tokens};
use reqwest::{Method, StatusCode, Url};
use sale::model::{Role, SaleId};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
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

use super::record::{Record, conclusions};
use crate::{ground::POSTED_DEADLINE, load::connection::ANSWER_DEADLINE};

/// How long a sale sells.
const SALE_LENGTH: TimeDelta = TimeDelta::hours(24);

/// The pause between requests whether everything is posted.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// The maximum number of acknowledged orders that are looked up one by one.
const ORDERS_LOOKED_UP_MAX: usize = 1_000;

/// The advice if the API does not accept the token.
const TOKENS: &str = "the target does not take our token: JWT_SECRET (and JWT_ISSUER, JWT_AUDIENCE) must be those of its API";

pub struct Target {
    pub(super) address: SocketAddr,
    /// Host and port.
    pub(super) host: String,
    settings: TokenSettings,
    admin: String,
    http: reqwest::Client,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    total_quantity: u64,
    sold_quantity: u64,
    pub confirmed_orders: u64,
    pending_orders: u64,
    rejected_orders: u64,
}

#[derive(Deserialize)]
struct Success<T> {
    data: T,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
    code: String,
}

impl Target {
    /// The API at this URL, with the signing settings of the environment.
    pub(super) async fn signing(url: &str) -> anyhow::Result<Self> {
        let command = TokenSettings::augment_args(clap::Command::new("stress"));
        let matches = match command.try_get_matches_from(["stress"]) {
            Ok(matches) => matches,
            Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
                bail!("for --target, JWT_SECRET must be set to what signs the tokens of that API")
            }
            Err(error) => return Err(error.into()),
        };
        Self::find(url, TokenSettings::from_arg_matches(&matches)?).await
    }

    pub async fn find(url: &str, settings: TokenSettings) -> anyhow::Result<Self> {
        let host = host_of(url)?;
        let found = lookup_host(&host).await.context("cannot find the API")?;
        let address = found.into_iter().next();
        let (admin, _) = Tokens::new(&settings)?.mint(Uuid::now_v7(), None, Role::Admin)?;
        // Each request has a connection of its own: an idle one would be closed while load runs.
        let http = reqwest::Client::builder()
            .timeout(ANSWER_DEADLINE)
            .pool_max_idle_per_host(0)
            .no_proxy();
        Ok(Self {
            address: address.context("the API has no address")?,
            host,
            settings,
            admin,
            http: http.build()?,
        })
    }

    pub(super) fn tokens(&self) -> anyhow::Result<Tokens> {
        Ok(Tokens::new(&self.settings)?)
    }

    pub(super) async fn sale(&self, units: u32) -> anyhow::Result<SaleId> {
        let product = json!({ "name": "A thing under load", "price": 10.00, "quantity": units });
        let product = self.ask(Method::POST, "/api/admin/products", &product);
        let product: Value = product.await?;
        let now = Utc::now();
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let sale = json!({
            "productId": product["productId"],
            "startTime": time(now - TimeDelta::seconds(1)),
            "endTime": time(now + SALE_LENGTH),
            "quantity": units,
        });
        let sale = self.ask(Method::POST, "/api/admin/flash-sale", &sale);
        let sale: Value = sale.await?;
        Ok(SaleId::deserialize(&sale["saleId"])?)
    }

    pub async fn figures(&self, sale: SaleId) -> anyhow::Result<Figures> {
        let path = format!("/api/admin/flash-sale/{sale}/stats");
        self.ask(Method::GET, &path, &Value::Null).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<T> {
        let asked = format!("{method} {path}");
        let url = format!("http://{}{path}", self.host);
        let mut request = self.http.request(method, url).bearer_auth(&self.admin);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await;
        let answer = answer.with_context(|| format!("{asked} has no answer"))?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if !status.is_success() {
            return Err(refused(&asked, status.as_u16(), &body));
        }
        let success: Success<T> = serde_json::from_slice(&body)?;
        Ok(success.data)
    }

    pub(super) async fn prove(&self, sale: SaleId, records: &[Record]) -> anyhow::Result<String> {
        let told = conclusions(records);
        let (acknowledged, sold_out) = (told.acknowledged, told.sold_out);
        let started = Instant::now();
        let figures = loop {
            let figures = self.figures(sale).await?;
            // What is sold is read from the gate, and may be older than what the ledger has confirmed.
            if figures.pending_orders == 0 && figures.sold_quantity == figures.confirmed_orders {
                break figures;
            }
            ensure!(
                started.elapsed() < POSTED_DEADLINE,
                "not posted in time: {figures:?}"
            );
            sleep(LOOK_PAUSE).await;
        };
        let count = u64::try_from(acknowledged.len())?;
        ensure!(
            figures.confirmed_orders == count
                && figures.sold_quantity == count
                && figures.rejected_orders == 0
                && figures.sold_quantity <= figures.total_quantity,
            "{count} buyers got an order, and the API says {figures:?}"
        );
        ensure!(
            sold_out == 0 || figures.sold_quantity == figures.total_quantity,
            "{sold_out} buyers learned that everything is sold, and the API says {figures:?}"
        );
        let client = Client::new(&format!("http://{}", self.host), History::new())?;
        let tokens = self.tokens()?;
        let every = acknowledged.len().div_ceil(ORDERS_LOOKED_UP_MAX).max(1);
        let sample = acknowledged.iter().step_by(every);
        let looked_up = sample.len();
        for (id, order) in sample {
            let (token, _) = tokens.mint(id.uuid(), None, Role::User)?;
            let buyer = Buyer {
                id: *id,
                token: token.into(),
            };
            let meaning = client.job(&buyer, sale, *order).await.meaning;
            ensure!(
                meaning == Meaning::Status(PurchaseStatus::Completed, *order),
                "order {order} was acknowledged, and is {meaning:?}"
            );
        }
        Ok(format!(
            "{count} buyers got an order, and the ledger holds so many; {looked_up} of them looked up"
        ))
    }
}

/// Host and port of a URL. The load generator speaks plain HTTP, and only to the root of a host.
fn host_of(url: &str) -> anyhow::Result<String> {
    let parsed = Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
    let is_root = parsed.scheme() == "http" && parsed.path() == "/" && parsed.username().is_empty();
    match (parsed.host_str(), parsed.port_or_known_default()) {
        (Some(host), Some(port)) if is_root => Ok(format!("{host}:{port}")),
        _ => bail!("{url} is not http://host:port"),
    }
}

fn refused(asked: &str, status: u16, body: &[u8]) -> anyhow::Error {
    let why = match serde_json::from_slice(body) {
        Ok(Problem { detail, code }) => format!("{detail} ({code})"),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let answer = anyhow!("{asked} was answered with {status}: {why}");
    if status == StatusCode::UNAUTHORIZED {
        answer.context(TOKENS)
    } else {
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::{host_of, refused};

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

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_api_and_not_in_json() {
        let problem = br#"{"status":409,"detail":"No unit is left.","code":"OUT_OF_STOCK"}"#;
        let told = |body| format!("{:#}", refused("POST /here", 409, body));
        assert_eq!(
            told(problem),
            "POST /here was answered with 409: No unit is left. (OUT_OF_STOCK)"
        );
        // A proxy's own answer.
        assert_eq!(told(b"<p>No"), "POST /here was answered with 409: <p>No");
    }
}
