//! The routes, one file a resource, and the table of them.
//!
//! The structs hold nothing: the server and the OpenAPI document are made from the same ones.

mod admin_products;
mod admin_sales;
mod admin_steps;
mod auth;
mod flash_sales;
pub mod headers;
mod health;
mod old_clients;
mod orders;
mod purchases;
mod queue;

use std::{collections::HashMap, fmt::Write as _};

use poem::http::HeaderValue;
use poem_openapi::{OpenApi, Tags};

/// How the routes are grouped in the document.
#[derive(Tags)]
enum Tag {
    /// Who you are.
    Authentication,
    /// What is on sale.
    #[oai(rename = "Flash sales")]
    FlashSales,
    /// Buying, and what became of it.
    Purchases,
    /// Products, sales and orders, for admins.
    Administration,
    /// Whether the service works.
    Health,
}

/// All routes.
pub fn apis() -> impl OpenApi + 'static {
    (
        auth::AuthApi,
        flash_sales::FlashSalesApi,
        purchases::PurchasesApi,
        orders::OrdersApi,
        admin_products::AdminProductsApi,
        admin_sales::AdminSalesApi,
        admin_steps::AdminStepsApi,
        queue::QueueApi,
        old_clients::OldClientsApi,
        health::HealthApi,
    )
}

/// What methods each route takes, by the pattern that poem reports for it. Poem refuses a method
/// without saying which it would take.
#[derive(Debug)]
pub struct RouteTable(HashMap<String, HeaderValue>);

impl RouteTable {
    /// The table of these routes, which are those of `A`, and of some more that are read with GET.
    pub fn of<A: OpenApi>(_apis: &A, more: &[&str]) -> Self {
        let mut methods: HashMap<String, Vec<String>> = HashMap::new();
        for path in A::meta().into_iter().flat_map(|api| api.paths) {
            let known = methods.entry(pattern(&path.path)).or_default();
            known.extend(
                path.operations
                    .iter()
                    .map(|operation| operation.method.to_string()),
            );
        }
        methods.extend(
            more.iter()
                .map(|path| ((*path).to_owned(), vec!["GET".to_owned()])),
        );
        Self(
            methods
                .into_iter()
                .map(|(path, methods)| (path, allow(methods)))
                .collect(),
        )
    }

    /// The value of `Allow` for a route.
    pub fn allow(&self, pattern: &str) -> Option<&HeaderValue> {
        self.0.get(pattern)
    }

    /// The patterns of all routes.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.keys().cloned()
    }
}

/// `/job/{id}` as poem-openapi gives it to the router: `/job/:param0`.
fn pattern(path: &str) -> String {
    let mut parameters = 0;
    let mut pattern = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let written = if segment.starts_with('{') {
            parameters += 1;
            write!(pattern, "/:param{}", parameters - 1)
        } else {
            write!(pattern, "/{segment}")
        };
        // Writing to a string does not fail.
        written.unwrap_or_default();
    }
    pattern
}

fn allow(mut methods: Vec<String>) -> HeaderValue {
    if methods.iter().any(|method| method == "GET") {
        methods.push("HEAD".to_owned());
    }
    methods.sort();
    HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("GET"))
}

#[cfg(test)]
mod tests {
    use super::{RouteTable, apis, pattern};

    #[test]
    fn a_path_becomes_the_pattern_of_the_router() {
        assert_eq!(
            pattern("/api/purchase/job/{jobId}"),
            "/api/purchase/job/:param0"
        );
        assert_eq!(pattern("/a/{b}/c/{d}"), "/a/:param0/c/:param1");
    }

    #[test]
    fn each_route_knows_its_methods() {
        let table = RouteTable::of(&apis(), &["/more"]);
        assert_eq!(table.allow("/api/purchase").unwrap(), "POST");
        assert_eq!(
            table.allow("/api/purchase/job/:param0").unwrap(),
            "GET, HEAD"
        );
        assert_eq!(table.allow("/more").unwrap(), "GET, HEAD");
        assert_eq!(table.allow("/none"), None);
    }
}
