//! `mincommerce openapi`: the document that is committed as `openapi/mincommerce.json`.

use std::io::Write;

/// Prints the OpenAPI document.
///
/// # Errors
/// Standard output can not be written to.
pub fn run() -> anyhow::Result<()> {
    let document = api::openapi_document();
    let mut out = std::io::stdout().lock();
    out.write_all(document.as_bytes())?;
    if !document.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(())
}
