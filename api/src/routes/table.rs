//! The table of the routes: what each accepts. Poem refuses a method without naming the allowed ones, and ignores
//! parameters that no handler reads.

use std::{collections::HashMap, fmt::Write as _};

use poem::http::{HeaderValue, Method};
use poem_openapi::{
    OpenApi,
    registry::{MetaOperation, MetaParamIn},
};

use crate::{
    document::documentation_paths,
    operations::{self, OperationRules, READING},
    rate_limits::Class,
};

/// What all paths of the API begin with.
const PREFIX: &str = "/api";

/// What each route takes, by the pattern that poem reports for it.
#[derive(Debug)]
pub struct RouteTable {
    routes: HashMap<String, Route>,
    /// The patterns that have parameters: their segments, `None` for a parameter.
    patterns: Vec<(Vec<Option<String>>, String)>,
}

#[derive(Debug)]
struct Route {
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

impl RouteTable {
    /// The table of these routes, which are those of `A`, and of some more that are read with GET and take what
    /// parameters they are given.
    pub fn of<A: OpenApi>(_apis: &A, more: &[&str]) -> Self {
        let mut operations: HashMap<String, Vec<Operation>> = HashMap::new();
        for path in A::meta().into_iter().flat_map(|api| api.paths) {
            let known = operations.entry(pattern(&path.path)).or_default();
            known.extend(path.operations.iter().map(Operation::of));
        }
        let route = |operations: Vec<Operation>| Route {
            allow: allow(operations.iter().map(|operation| &operation.method)),
            operations,
        };
        let mut routes: HashMap<String, Route> = operations
            .into_iter()
            .map(|(pattern, operations)| (pattern, route(operations)))
            .collect();
        for path in more {
            let route = Route {
                allow: allow([&Method::GET]),
                operations: vec![],
            };
            routes.insert((*path).to_owned(), route);
        }
        let patterns = routes
            .keys()
            .filter(|pattern| pattern.contains(':'))
            .map(|pattern| (segments(pattern), pattern.clone()))
            .collect();
        Self { routes, patterns }
    }

    /// The value of `Allow` for a route.
    pub fn allow(&self, pattern: &str) -> Option<&HeaderValue> {
        self.routes.get(pattern).map(|route| &route.allow)
    }

    /// The patterns of all routes.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.routes.keys().cloned()
    }

    /// The pattern of the route at a path, and what it takes with this method. HEAD takes what GET does.
    pub fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Operation)> {
        let (pattern, route) = self.route(path)?;
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let operations = route.operations.iter();
        let operation = operations
            .into_iter()
            .find(|known| known.method == method)?;
        Some((pattern, operation))
    }

    /// The rules for a request. A method that a route does not take has the limits of the route, but no purchase is one
    /// by its path alone. Other paths below `/api` count as reading, and no other path has a limit.
    pub fn rules(&self, method: &Method, path: &str) -> OperationRules {
        if let Some((_, operation)) = self.operation(method, path) {
            return operation.rules;
        }
        let class = if documentation_paths::ALL.contains(&path) {
            Some(Class::Documentation)
        } else if let Some((_, Route { operations, .. })) = self.route(path) {
            let class = operations.first().and_then(|known| known.rules.class);
            class.map(|class| match class {
                Class::Purchase => Class::Reading,
                Class::Login | Class::Documentation | Class::Reading => class,
            })
        } else if path
            .strip_prefix(PREFIX)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        {
            Some(Class::Reading)
        } else {
            None
        };
        OperationRules { class, ..READING }
    }

    fn route(&self, path: &str) -> Option<(&str, &Route)> {
        if let Some((pattern, route)) = self.routes.get_key_value(path) {
            return Some((pattern, route));
        }
        let asked: Vec<&str> = path.split('/').collect();
        let fits = |(segments, _): &&(Vec<Option<String>>, String)| {
            segments.len() == asked.len()
                && segments
                    .iter()
                    .zip(&asked)
                    .all(|(known, asked)| known.as_ref().is_none_or(|known| known == asked))
        };
        let (_, pattern) = self.patterns.iter().find(fits)?;
        let (pattern, route) = self.routes.get_key_value(pattern)?;
        Some((pattern, route))
    }
}

fn segments(pattern: &str) -> Vec<Option<String>> {
    pattern
        .split('/')
        .map(|segment| (!segment.starts_with(':')).then(|| segment.to_owned()))
        .collect()
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
            assert_eq!(table.rules(&method, path).class, class, "{method} {path}");
        }
    }
}
