//! Reads a stream of server-sent events.

use std::{collections::VecDeque, time::Duration};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use crate::fixture::Fixture;

/// The deadline of every wait.
const BOUND: Duration = Duration::from_secs(10);

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Value,
}

/// A stream that is open.
pub struct Reader {
    response: Response,
    text: String,
    events: VecDeque<Event>,
    /// Milliseconds.
    pub retry: Option<u64>,
    pub comments: usize,
}

pub fn request(api: &Fixture, sale: Uuid, token: Option<&str>) -> RequestBuilder {
    let path = format!("/api/flash-sale/events?saleId={sale}");
    let request = api.request(Method::GET, &path);
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

impl Reader {
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            response,
            text: String::new(),
            events: VecDeque::new(),
            retry: None,
            comments: 0,
        }
    }

    pub async fn of(api: &Fixture, sale: Uuid, token: Option<&str>) -> Self {
        Self::open(request(api, sale, token)).await
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        timeout(BOUND, self.read()).await.expect("in time")
    }

    /// The next event, if it comes so soon.
    pub async fn within(&mut self, time: Duration) -> Option<Event> {
        timeout(time, self.read()).await.ok().flatten()
    }

    /// Reads up to the first event with this name of which `wanted` holds, and returns its data.
    pub async fn until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name && wanted(&event.data) {
                return event.data;
            }
        }
    }

    /// Reads up to a sale with this status.
    pub async fn status(&mut self, status: &str) -> Value {
        self.until("sale", |sale| sale["status"] == status).await
    }

    /// Reads up to a purchase with this status.
    pub async fn purchase(&mut self, status: &str) -> Value {
        self.until("purchase", |purchase| purchase["status"] == status)
            .await
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text.push_str(str::from_utf8(&chunk).unwrap());
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                self.take(&block);
            }
        }
    }

    fn take(&mut self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        if let Some(retry) = field("retry: ") {
            self.retry = Some(retry.parse().unwrap());
        }
        if block.starts_with(':') {
            self.comments += 1;
        }
        if let Some(data) = field("data: ") {
            self.events.push_back(Event {
                name: field("event: ").unwrap().to_owned(),
                id: field("id: ").unwrap().to_owned(),
                data: serde_json::from_str(data).unwrap(),
            });
        }
    }
}
