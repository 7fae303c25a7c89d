//! A buyer's HTTP client that records everything it sees.
//!
//! One request is one call and two events. Neither the client nor the HTTP library below it repeats a request. A caller
//! that wants to retry calls again, and the history shows both requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use identity::token::{TokenError, Tokens};
use reqwest::{Method, RequestBuilder, Response, header::RETRY_AFTER};
use sale::model::{BuyerId, OrderId, Role, SaleId};
use serde::Deserialize;

use crate::history::{
    Answer, Ask, Failure, History,
    meaning::{self, Meaning},
};

/// The timeout for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// How long an idle connection is kept. Shorter than in the API, so that the API does not end a connection just as a
/// request uses it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest accepted answer, bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A buyer and the token to buy with.
#[derive(Debug, Clone)]
pub struct Buyer {
    /// The subject of the token.
    pub id: BuyerId,
    /// The bearer token.
    pub token: Arc<str>,
}

impl Buyer {
    /// A new buyer with a token.
    ///
    /// # Errors
    /// The token cannot be signed.
    pub fn new(tokens: &Tokens) -> Result<Self, TokenError> {
        let id = BuyerId::random();
        let (token, _) = tokens.mint(id.uuid(), None, Role::User)?;
        Ok(Self {
            id,
            token: token.into(),
        })
    }
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client: {0}")]
pub struct ClientError(#[from] reqwest::Error);

/// How a request ended.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What a client may conclude.
    pub meaning: Meaning,
    /// `Retry-After`, if the answer has it.
    pub retry_after: Option<Duration>,
    /// The time from sending to the end of the answer.
    pub took: Duration,
}

/// Sends requests to one API, or to several in turn, and records them. Clones share connections and
/// history.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    bases: Arc<[String]>,
    turn: Arc<AtomicUsize>,
    history: History,
}

impl Client {
    /// A client of the API at this URL, such as `http://127.0.0.1:3001`.
    ///
    /// # Errors
    /// The HTTP library cannot be set up.
    pub fn new(base: &str, history: History) -> Result<Self, ClientError> {
        Self::over(&[base.to_owned()], history)
    }

    /// A client of the APIs at these URLs: each request goes to the next one, as behind a load balancer without health
    /// checks.
    ///
    /// # Errors
    /// The HTTP library cannot be set up.
    pub fn over(bases: &[String], history: History) -> Result<Self, ClientError> {
        let bases = bases
            .iter()
            .map(|base| base.trim_end_matches('/').to_owned());
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            bases: bases.collect(),
            turn: Arc::default(),
            history,
        })
    }

    /// Everything that was seen so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The URL of the next API in turn.
    fn base(&self) -> &str {
        &self.bases[self.turn.fetch_add(1, Ordering::Relaxed) % self.bases.len()]
    }

    /// Buys.
    pub async fn purchase(&self, buyer: &Buyer, sale: SaleId, key: Option<&str>) -> Reply {
        self.purchase_and_wait(buyer, sale, key, None).await
    }

    /// Buys, and waits this many seconds for the order to be in the ledger.
    pub async fn purchase_and_wait(
        &self,
        buyer: &Buyer,
        sale: SaleId,
        key: Option<&str>,
        wait_seconds: Option<u8>,
    ) -> Reply {
        let mut request = self.request(Method::POST, "/api/purchase", buyer);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(seconds) = wait_seconds {
            request = request.header("Prefer", format!("wait={seconds}"));
        }
        let request = request.json(&serde_json::json!({ "saleId": sale }));
        let ask = Ask::Purchase {
            key: key.map(str::to_owned),
            wait_seconds,
        };
        self.send(buyer, sale, ask, request).await
    }

    /// Asks for the status of the buyer's purchase.
    pub async fn status(&self, buyer: &Buyer, sale: SaleId) -> Reply {
        let path = format!("/api/purchase/status?saleId={sale}");
        let request = self.request(Method::GET, &path, buyer);
        self.send(buyer, sale, Ask::Status, request).await
    }

    /// Asks for the status of an order.
    pub async fn job(&self, buyer: &Buyer, sale: SaleId, order: OrderId) -> Reply {
        let request = self.request(Method::GET, &format!("/api/purchase/job/{order}"), buyer);
        self.send(buyer, sale, Ask::Job { order }, request).await
    }

    /// Records a reading of the gate's clock.
    pub fn saw_clock(&self, sale: SaleId, now: DateTime<Utc>) {
        self.history.clock(sale, now);
    }

    fn request(&self, method: Method, path: &str, buyer: &Buyer) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base()))
            .bearer_auth(&buyer.token)
    }

    async fn send(&self, buyer: &Buyer, sale: SaleId, ask: Ask, request: RequestBuilder) -> Reply {
        let id = self.history.asked(sale, buyer.id, ask.clone());
        let started = std::time::Instant::now();
        let read = match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(failure(&error)),
        };
        let took = started.elapsed();
        match read {
            Ok(answer) => {
                let meaning = meaning::of_answer(&ask, &answer);
                let retry_after = answer.retry_after_seconds.map(Duration::from_secs);
                self.history.answered(sale, buyer.id, id, answer);
                Reply {
                    meaning,
                    retry_after,
                    took,
                }
            }
            Err(failure) => {
                let meaning = meaning::of_failure(&failure);
                self.history.failed(sale, buyer.id, id, failure);
                Reply {
                    meaning,
                    retry_after: None,
                    took,
                }
            }
        }
    }
}

/// A failure before the whole answer was read. Only a failure to connect proves that the request was never sent.
fn failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() && !error.is_connect() {
        return Failure::TimedOut;
    }
    let why = causes(error);
    if error.is_connect() || error.is_builder() {
        Failure::NotSent { why }
    } else {
        Failure::Lost { why }
    }
}

fn causes(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

/// The envelope of a success.
#[derive(Deserialize)]
struct Envelope {
    data: Option<Purchase>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Purchase {
    status: Option<String>,
    order_id: Option<OrderId>,
    sale_id: Option<SaleId>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    code: Option<String>,
    reason: Option<String>,
    order_id: Option<OrderId>,
}

async fn read(mut response: Response) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after_seconds = retry_after
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            let why = format!("a body of more than {ANSWER_BYTES_MAX} bytes");
            return Err(Failure::Unreadable { status, why });
        }
    }
    understand(status, retry_after_seconds, &body)
}

/// Interprets a complete answer.
///
/// # Errors
/// The answer breaks the contract.
pub fn understand(
    status: u16,
    retry_after_seconds: Option<u64>,
    body: &[u8],
) -> Result<Answer, Failure> {
    let unreadable = |error: serde_json::Error| Failure::Unreadable {
        status,
        why: error.to_string(),
    };
    let answer = Answer {
        status,
        retry_after_seconds,
        ..Answer::default()
    };
    if (200..300).contains(&status) {
        let envelope: Envelope = serde_json::from_slice(body).map_err(unreadable)?;
        let data = envelope.data.unwrap_or_default();
        Ok(Answer {
            reason: data.reason,
            order: data.order_id,
            sale: data.sale_id,
            purchase: data.status,
            ..answer
        })
    } else {
        let problem: Problem = serde_json::from_slice(body).map_err(unreadable)?;
        Ok(Answer {
            code: problem.code,
            reason: problem.reason,
            order: problem.order_id,
            ..answer
        })
    }
}
