//! The table of the routes: what each accepts. Poem refuses a method without naming the allowed ones, and ignores
//! parameters that no handler reads.

use std::{collections::BTreeMap, fmt::Write as _};

use poem::http::{HeaderValue, Method};
use poem_openapi::{
    OpenApi,
    registry::{MetaOperation, MetaParamIn},
};

use super::{documentation_paths, pattern::Pattern};
use crate::{
    operations::{self, OperationRules, READING},
    rate_limits::Class,
};

/// What all paths of the API begin with.
const PREFIX: &str = "/api";

/// What each route takes, by the pattern that poem reports for it.
#[derive(Debug)]
pub struct RouteTable {
    /// In the order in which a path is compared with them: first the purchase, then the other literal paths. So a look-up
    /// is cheapest where a crowd asks, and none allocates.
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    pattern: Pattern,
    allow: HeaderValue,
    operations: Vec<Operation>,
}

/// What a method of a route takes.
#[derive(Debug)]
pub struct Operation {
    method: Method,
    /// What holds for it.
    pub rules: OperationRules,
    /// The names of its parameters in the query string.
    pub parameters: Vec<String>,
    /// Whether it takes a body.
    pub body: bool,
}

impl Operation {
    fn of(operation: &MetaOperation) -> Self {
        let parameters = operation.params.iter();
        Self {
            method: operation.method.clone(),
            rules: operations::rules(operation.operation_id.unwrap_or_default()),
            parameters: parameters
                .filter(|parameter| parameter.in_type == MetaParamIn::Query)
                .map(|parameter| parameter.name.clone())
                .collect(),
            body: operation.request.is_some(),
        }
    }
}

impl Route {
    fn new(pattern: impl Into<String>, operations: Vec<Operation>) -> Self {
        let methods = operations.iter().map(|operation| &operation.method);
        Self {
            pattern: Pattern::new(pattern),
            allow: if operations.is_empty() {
                allow([&Method::GET])
            } else {
                allow(methods)
            },
            operations,
        }
    }

    fn class(&self) -> Option<Class> {
        self.operations.first()?.rules.class
    }

    /// What it takes with this method. HEAD takes what GET does.
    fn operation(&self, method: &Method) -> Option<&Operation> {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.operations.iter().find(|known| known.method == method)
    }
}

impl RouteTable {
    /// The table of these routes, which are those of `A`, and of some more that are read with GET and take what
    /// parameters they are given.
    pub fn of<A: OpenApi>(_apis: &A, more: &[&str]) -> Self {
        let mut operations: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for path in A::meta().into_iter().flat_map(|api| api.paths) {
            let known = operations.entry(pattern(&path.path)).or_default();
            known.extend(path.operations.iter().map(Operation::of));
        }
        let routes = operations.into_iter();
        let routes = routes.map(|(pattern, operations)| Route::new(pattern, operations));
        let more = more.iter().map(|path| Route::new(*path, vec![]));
        let mut routes: Vec<Route> = routes.chain(more).collect();
        routes.sort_by_key(|route| {
            let of_purchases = route.class() == Some(Class::Purchase);
            (route.pattern.has_parameters(), !of_purchases)
        });
        Self { routes }
    }

    /// The value of `Allow` for a route.
    pub fn allow(&self, pattern: &str) -> Option<&HeaderValue> {
        let mut routes = self.routes.iter();
        let route = routes.find(|route| route.pattern.text() == pattern)?;
        Some(&route.allow)
    }

    /// The patterns of all routes.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        let patterns = self.routes.iter().map(|route| route.pattern.text());
        patterns.map(str::to_owned)
    }

    /// The pattern of the route at a path, and what it takes with this method.
    pub fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Operation)> {
        let route = self.route(path)?;
        Some((route.pattern.text(), route.operation(method)?))
    }

    /// The pattern of the route at a path, and the rules for a request there. A method that the route does not take has
    /// the limits of the route. It is no purchase by its path alone.
    pub fn rules(&self, method: &Method, path: &str) -> (Option<&str>, OperationRules) {
        let route = self.route(path);
        let pattern = route.map(|route| route.pattern.text());
        if let Some(operation) = route.and_then(|route| route.operation(method)) {
            return (pattern, operation.rules);
        }
        let class = match route {
            Some(route) if !route.operations.is_empty() => route.class().map(|class| match class {
                Class::Purchase => Class::Reading,
                Class::Login | Class::Documentation | Class::Reading => class,
            }),
            Some(_) | None => class_of_unknown(path),
        };
        (pattern, OperationRules { class, ..READING })
    }

    fn route(&self, path: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.pattern.fits(path))
    }
}

/// The class of a path without operations. An attempt to guess a route of logins counts as a login.
fn class_of_unknown(path: &str) -> Option<Class> {
    match path.strip_prefix(PREFIX)? {
        _ if documentation_paths::ALL.contains(&path) => Some(Class::Documentation),
        rest if rest.starts_with("/health/") => None,
        rest if rest.starts_with("/auth/") => Some(Class::Login),
        rest if rest.is_empty() || rest.starts_with('/') => Some(Class::Reading),
        _ => None,
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

fn allow<'a>(methods: impl IntoIterator<Item = &'a Method>) -> HeaderValue {
    let mut methods: Vec<&str> = methods.into_iter().map(Method::as_str).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("GET"))
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::{RouteTable, pattern};
    use crate::{rate_limits::Class, routes::apis};

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

    #[test]
    fn each_method_of_a_route_knows_what_it_takes() {
        let table = RouteTable::of(&apis(), &["/more"]);
        let takes = |method: Method, path: &str| {
            let (pattern, operation) = table.operation(&method, path)?;
            let parameters = operation.parameters.join(",");
            Some((pattern.to_owned(), parameters, operation.body))
        };
        let known = |pattern: &str, parameters: &str, body| {
            Some((pattern.to_owned(), parameters.to_owned(), body))
        };
        assert_eq!(
            takes(Method::POST, "/api/purchase"),
            known("/api/purchase", "", true)
        );
        assert_eq!(
            takes(Method::HEAD, "/api/purchase/user/1"),
            known("/api/purchase/user/:param0", "limit,cursor", false)
        );
        assert_eq!(
            takes(Method::POST, "/api/admin/flash-sale/1/pause"),
            known("/api/admin/flash-sale/:param0/pause", "", false)
        );
        for (method, path) in [
            (Method::GET, "/api/purchase"),
            (Method::GET, "/api/nothing"),
            (Method::GET, "/more"),
        ] {
            assert_eq!(takes(method, path), None, "{path}");
        }
    }

    #[test]
    fn each_request_is_of_one_class_or_not_limited() {
        let table = RouteTable::of(&apis(), &[]);
        for (method, path, class) in [
            (Method::POST, "/api/purchase", Some(Class::Purchase)),
            (Method::GET, "/api/purchase", Some(Class::Reading)),
            (Method::POST, "/api/purchase/", Some(Class::Reading)),
            (Method::GET, "/api/purchase/status", Some(Class::Reading)),
            (Method::POST, "/api/auth/login", Some(Class::Login)),
            (Method::GET, "/api/auth/login", Some(Class::Login)),
            (Method::POST, "/api/auth/none", Some(Class::Login)),
            (Method::GET, "/api/health/none", None),
            (Method::POST, "/api/auth/verify", Some(Class::Reading)),
            (Method::POST, "/api/auth/register", Some(Class::Login)),
            (Method::POST, "/api/admin/products", Some(Class::Reading)),
            (Method::GET, "/api/queue/stats", Some(Class::Reading)),
            (Method::GET, "/api/healthy", Some(Class::Reading)),
            (Method::GET, "/api", Some(Class::Reading)),
            (Method::GET, "/api/health", None),
            (Method::GET, "/api/health/ready", None),
            (Method::GET, "/api/queue/health", None),
            (Method::GET, "/api-docs", Some(Class::Documentation)),
            (
                Method::GET,
                "/api-docs/openapi.json",
                Some(Class::Documentation),
            ),
            (Method::GET, "/api-docs/none", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(table.rules(&method, path).1.class, class, "{method} {path}");
        }
    }
}
