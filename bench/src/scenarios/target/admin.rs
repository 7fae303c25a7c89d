//! An admin's requests to the API: a sale, and its results.

use anyhow::{Context, anyhow};
use chrono::{SecondsFormat, TimeDelta, Utc};
use sale::model::SaleId;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use uuid::Uuid;

use super::Target;
use crate::{
    load::{connection::Connection, request::Request},
    scenarios::patience::{ANSWER_DEADLINE, within},
};

/// How long a sale sells.
const SALE_LENGTH: TimeDelta = TimeDelta::hours(24);

/// The status if the API does not accept the token.
const UNAUTHORIZED: u16 = 401;

/// The advice in that case.
const TOKENS: &str = "the target does not take our token: JWT_SECRET (and JWT_ISSUER, JWT_AUDIENCE) must be those of its API";

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub total_quantity: u64,
    pub sold_quantity: u64,
    pub confirmed_orders: u64,
    pub pending_orders: u64,
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

#[derive(Deserialize)]
struct Problem {
    detail: String,
    code: String,
}

impl Target {
    pub(in crate::scenarios) async fn sale(&self, units: u32) -> anyhow::Result<SaleId> {
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

    pub async fn figures(&self, sale: SaleId) -> anyhow::Result<Figures> {
        self.ask("GET", &format!("/api/admin/flash-sale/{sale}/stats"), None)
            .await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<T> {
        self.ask("POST", path, Some(body.to_string())).await
    }

    fn request(&self, method: &str, path: &str, body: Option<&str>) -> Vec<u8> {
        let mut text = Vec::new();
        let request = Request {
            method,
            path: format_args!("{path}"),
            host: &self.host,
            token: Some(&self.admin),
            body,
        };
        request.write(&mut text);
        text
    }

    /// Sends an admin's request on a connection of its own: an idle one would be closed while load runs.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
    ) -> anyhow::Result<T> {
        let text = self.request(method, path, body.as_deref());
        let connection = within(ANSWER_DEADLINE, Connection::open(self.address)).await;
        let mut connection = connection.context("cannot connect to the API")?;
        let answer = within(ANSWER_DEADLINE, connection.ask(&text)).await;
        let answer = answer.with_context(|| format!("{method} {path} has no answer"))?;
        if !(200..300).contains(&answer.status) {
            return Err(refused(
                &format!("{method} {path}"),
                answer.status,
                answer.body,
            ));
        }
        let success: Success<T> = serde_json::from_slice(answer.body)?;
        Ok(success.data)
    }
}

fn refused(asked: &str, status: u16, body: &[u8]) -> anyhow::Error {
    let why = match serde_json::from_slice(body) {
        Ok(Problem { detail, code }) => format!("{detail} ({code})"),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let answer = anyhow!("{asked} was answered with {status}: {why}");
    if status == UNAUTHORIZED {
        answer.context(TOKENS)
    } else {
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::refused;

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
