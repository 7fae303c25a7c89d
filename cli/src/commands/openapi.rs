//! `mincommerce openapi`: the document that is committed as `openapi/mincommerce.json`.

use crate::output::print;

/// Prints the OpenAPI document.
pub fn run() -> anyhow::Result<()> {
    print(&api::openapi_document())
}
