//! The HTTP service of MinCommerce.
//!
//! A request goes one way: [`connection`] (its limits) -> [`edge`] (id,
//! deadline, rate limits, the shape of failures) -> `routes` (one file a resource) -> the `sale` crate. HTTP
//! status codes live in this crate alone; SQL and Redis keys live elsewhere.
//!
//! | module | owns |
//! | --- | --- |
//! | [`settings`] | the settings of the process |
//! | [`server`] | starting, serving, ending |
//! | [`connection`] | connections: how many, how long, and malformed requests |
//! | [`edge`] | what happens to every request and every reply |
//! | [`operations`] | what holds for each operation: its rate limits, who may call it, whether a retry is safe |
//! | [`rate_limits`] | how often callers may send requests |
//! | `routes` | the routes, and the checks of their input |
//! | [`auth`] | the caller |
//! | [`payload`], [`types`] | JSON in and out; money, times and pages in it |
//! | [`problem`], [`replies`] | the one shape of failures; what every reply carries |
//! | [`purchases`] | purchases in batches to the gate, and what became of each |
//! | [`traffic`] | what the process answers to purchases, counted by sale and time |
//! | [`sales`] | what the process remembers of sales for a moment |
//! | [`live`] | event streams |
//! | [`views`] | products, sales and orders as replies show them, and the command line too |
//! | [`services`], [`detached`] | what handlers use; work that goes on when its caller leaves |
//! | [`long_work`] | how many exports, audits and searches run at once |
//! | [`taken`] | ends an export whose reader has stopped |
//! | [`quota`] | places of which each user or address has a number |
//! | [`threads`] | the threads that answer, each with its own connections |
//! | [`metrics`], [`throughput`], [`log_limit`] | counters; how often a log line is written |
//! | [`web`] | the pages: storefront and console |
//! | [`document`] | the OpenAPI document, and the page that shows it |

pub mod auth;
pub mod connection;
pub mod detached;
pub mod document;
pub mod edge;
pub mod live;
pub mod log_limit;
pub mod long_work;
pub mod metrics;
pub mod operations;
pub mod payload;
pub mod problem;
pub mod purchases;
pub mod quota;
pub mod rate_limits;
pub mod replies;
mod routes;
pub mod sales;
pub mod server;
pub mod services;
pub mod settings;
pub mod taken;
pub mod threads;
pub mod throughput;
pub mod traffic;
pub mod types;
pub mod views;
pub mod web;

use std::{future::Future, pin::pin};

pub use server::{Api, ServeError};
pub use settings::Settings;
use tokio::select;

/// Serves until `shutdown`, which may come before the server is ready.
pub async fn run(
    settings: &Settings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let mut shutdown = pin!(shutdown);
    let api = select! {
        started = Api::start(settings) => started?,
        () = &mut shutdown => return Ok(()),
    };
    api.serve(shutdown).await
}

/// The OpenAPI document, as the service serves it and as it stands in `openapi/mincommerce.json`.
pub fn openapi_document() -> String {
    document::openapi::document()
}
