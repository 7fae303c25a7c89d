//! The HTTP service of MinCommerce.
//!
//! A request goes one way: [`acceptor`] and [`connection`] (limits on connections) -> [`edge`] (id,
//! deadline, the shape of failures) -> `routes` (one file a resource) -> the `sale` crate. HTTP
//! status codes live in this crate alone; SQL and Redis keys live elsewhere.
//!
//! | module | owns |
//! | --- | --- |
//! | [`settings`] | what the process is told at its start |
//! | [`server`], [`signals`] | starting, serving, ending |
//! | [`acceptor`], [`connection`] | taking connections, and breaking off silent ones |
//! | [`edge`] | what happens to every request and every reply |
//! | [`problem`], [`request_id`] | the one shape of failures; the name of a request |
//! | `routes` | the routes, and the checks of what they are sent |
//! | [`auth`] | who calls |
//! | [`payload`], [`price`] | JSON in and out, and money in it |
//! | [`services`] | what handlers work with |
//! | [`sales`], [`purchase_status`] | what is shown of a sale, and of a purchase |
//! | [`detached`] | work that goes on when its caller leaves |
//! | [`metrics`] | what is counted |
//! | [`openapi`] | the document |

pub mod acceptor;
pub mod auth;
pub mod connection;
pub mod detached;
pub mod edge;
pub mod metrics;
pub mod openapi;
pub mod payload;
pub mod price;
pub mod problem;
pub mod purchase_status;
pub mod request_id;
mod routes;
pub mod sales;
pub mod server;
pub mod services;
pub mod settings;
pub mod signals;

use std::future::Future;

pub use server::{Api, ServeError};
pub use settings::Settings;

/// Serves until `shutdown`.
///
/// # Errors
/// See [`ServeError`].
pub async fn run(
    settings: &Settings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Api::start(settings).await?.serve(shutdown).await
}

/// The OpenAPI document, as it is served and as it stands in `openapi/mincommerce.json`.
pub fn openapi_document() -> String {
    openapi::document()
}
