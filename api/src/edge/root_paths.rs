//! Routes at the root, for clients of the replaced system (`LEGACY_ROOT_PATHS`): `/purchase` leads to
//! `/api/purchase`.
//!
//! The edge rewrites the address before the router sees it. So a request at the root has the handler, the rate limit,
//! the metrics and the failures of its route, and is routed only once. Only the address of a route is rewritten,
//! whatever the method: `/`, `/admin` and all other addresses stay as they are. Some addresses of the console are addresses
//! of routes, too (`/admin/products`): a browser that visits them gets the page.

use poem::http::{Uri, uri::PathAndQuery};

use crate::routes::{Pattern, RouteTable};

/// The prefix of all routes of the API.
const PREFIX: &str = "/api";

/// Which addresses at the root the service accepts: the patterns of the routes below `/api`.
#[derive(Debug, Default)]
pub struct RootPaths(Vec<Pattern>);

impl RootPaths {
    /// The addresses of all routes of the API.
    pub fn of(routes: &RouteTable) -> Self {
        let patterns = routes.patterns();
        let below = patterns.filter_map(|path| {
            let below = path.strip_prefix(PREFIX)?;
            below.starts_with('/').then(|| Pattern::new(below))
        });
        Self(below.collect())
    }

    /// The address of the route for an address at the root, if it has one.
    pub fn lead(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path();
        if self.0.is_empty() || path.starts_with("/api/") || !self.serve(path) {
            return None;
        }
        below_prefix(uri)
    }

    fn serve(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        self.0.iter().any(|pattern| pattern.fits(path))
    }
}

/// The same address below [`PREFIX`]; none if it would be too long.
fn below_prefix(uri: &Uri) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let path_and_query = format!("{PREFIX}{}", parts.path_and_query?);
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::RootPaths;
    use crate::routes::{RouteTable, apis};

    fn led(paths: &RootPaths, asked: &str) -> Option<String> {
        let led = paths.lead(&asked.parse().unwrap());
        led.map(|led| led.to_string())
    }

    #[test]
    fn the_address_of_a_route_without_its_prefix_leads_to_the_route() {
        let paths = RootPaths::of(&RouteTable::of(&apis(), &["/api-docs"]));
        for (asked, route) in [
            ("/purchase", "/api/purchase"),
            ("/purchase/", "/api/purchase/"),
            ("/purchase?a=/b", "/api/purchase?a=/b"),
            ("/health", "/api/health"),
            ("/health/live", "/api/health/live"),
            ("/purchase/job/1", "/api/purchase/job/1"),
            ("/admin/flash-sale/1/stats", "/api/admin/flash-sale/1/stats"),
            (
                "http://shop.example/auth/login",
                "http://shop.example/api/auth/login",
            ),
        ] {
            assert_eq!(led(&paths, asked).as_deref(), Some(route), "{asked}");
        }
    }

    #[test]
    fn every_other_address_stays_what_it_is() {
        let paths = RootPaths::of(&RouteTable::of(&apis(), &["/api-docs"]));
        for asked in [
            "/",
            "/admin",
            "/admin/",
            "/flash-sale",
            "/api",
            "/api/",
            "/api/purchase",
            "/api-docs",
            "/-docs",
            "//purchase",
            "/purchase//",
            "/purchase/job/",
            "/purchase/job/1/2",
            "/Purchase",
            "/purchases",
            "/metrics",
            "*",
        ] {
            assert_eq!(led(&paths, asked), None, "{asked}");
        }
    }

    #[test]
    fn an_address_that_would_be_too_long_stays_what_it_is() {
        let paths = RootPaths::of(&RouteTable::of(&apis(), &[]));
        let longest = format!("/purchase?{}", "a".repeat(65_524));
        assert_eq!(led(&paths, &longest), None);
    }

    #[test]
    fn without_the_setting_nothing_is_led() {
        assert_eq!(led(&RootPaths::default(), "/purchase"), None);
    }
}
