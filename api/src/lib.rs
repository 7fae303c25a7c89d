//! The HTTP service of MinCommerce.
//!
//! A request goes one way: [`acceptor`] and [`serving`] (limits on connections) -> [`edge`] (id,
//! deadline, rate limits, the shape of failures) -> `routes` (one file a resource) -> the `sale` crate. HTTP
//! status codes live in this crate alone; SQL and Redis keys live elsewhere.
//!
//! | module | owns |
//! | --- | --- |
//! | [`settings`] | the settings of the process |
//! | [`server`] | starting, serving, ending |
//! | [`acceptor`], [`places`], [`open_files`] | accepting connections, and how many |
//! | [`serving`], [`activity`] | serving connections, and ending those that stay too long |
//! | [`heads`], [`host`], [`unparsed`] | refusing malformed requests, and those that could be read in two ways |
//! | [`seldom`] | log lines at most once in a while |
//! | [`repeating`] | whether a retry is safe, as replies say it |
//! | [`edge`] | what happens to every request and every reply |
//! | [`client_address`], [`rate_limits`] | where requests come from, and how often callers may send them |
//! | [`cors`], [`security_headers`] | headers for browsers |
//! | [`problem`], [`request_id`] | the one shape of failures; the name of a request |
//! | `routes` | the routes, and the checks of their input |
//! | [`root_paths`] | the routes at the root, for old clients |
//! | [`auth`] | the caller |
//! | [`payload`], [`price`], [`instant`], [`paging`], [`reply`] | JSON in and out, money and times in it, lists in pages; the beginning of a reply |
//! | `trailing_slash`, `surplus` | one path for each route; refusing what a route does not take |
//! | `unknown`, `ignored_fields` | refusing unknown names; the names that old clients send without effect |
//! | [`services`] | the services that handlers use |
//! | [`sales`], [`purchase_status`] | what replies show of a sale, and of a purchase |
//! | [`views`] | products, sales and orders as replies show them, and the command line too |
//! | [`waiting`] | requests that wait until a purchase is in the ledger |
//! | [`detached`] | work that goes on when its caller leaves |
//! | [`metrics`], [`throughput`] | counters |
//! | [`openapi`], [`docs`] | the OpenAPI document, and the page that shows it |

pub mod acceptor;
pub mod activity;
pub mod auth;
pub mod batcher;
pub mod client_address;
pub mod cors;
pub mod detached;
pub mod docs;
mod documentation_paths;
pub mod edge;
pub mod heads;
pub mod host;
mod ignored_fields;
pub mod instant;
pub mod metrics;
pub mod open_files;
pub mod openapi;
pub mod operations;
pub mod paging;
pub mod payload;
pub mod places;
pub mod price;
pub mod problem;
pub mod purchase_status;
pub mod rate_limits;
pub mod repeating;
pub mod reply;
pub mod request_id;
pub mod root_paths;
mod routes;
pub mod sales;
pub mod security_headers;
pub mod seldom;
pub mod server;
pub mod services;
pub mod serving;
pub mod settings;
mod surplus;
pub mod throughput;
mod trailing_slash;
mod unknown;
pub mod unparsed;
pub mod views;
pub mod waiting;

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
    openapi::document()
}
