//! Where the documentation is. It has a rate limit of its own, and may be switched off.

/// Where the page is served. Everything below this path belongs to the page.
pub const PAGE: &str = "/api-docs";
/// Where the OpenAPI document is served.
pub const DOCUMENT: &str = "/api-docs/openapi.json";
/// The paths of the page and its document.
pub const ALL: [&str; 2] = [PAGE, DOCUMENT];
