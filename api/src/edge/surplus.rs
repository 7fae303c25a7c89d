//! Refuses what a route does not take: unknown or repeated parameters, and a body where the route reads none.
//! Handlers would ignore it, and do something else than the caller meant.

use poem::{
    Body, PathPattern, Request, Result,
    http::{Method, Version, header},
};

use crate::{
    payload::{
        self,
        unknown::{Named, repeated, unknown},
    },
    problem::Problem,
    routes::{Operation, RouteTable},
};

/// Checks the query string, and whether there is a body too many: [`Surplus::read`] must still read that one.
/// Requests for unknown addresses or methods are left to the router.
pub fn surplus(routes: &RouteTable, request: &mut Request) -> Result<Option<Surplus>> {
    let has_query = request.uri().query().is_some_and(|query| !query.is_empty());
    if !has_query && is_plain_read(request) {
        return Ok(None);
    }
    let Some((pattern, operation)) = routes.operation(request.method(), request.uri().path())
    else {
        return Ok(None);
    };
    if has_query {
        check_parameters(request, operation).map_err(|problem| on_route(problem, pattern))?;
    }
    if operation.body {
        return Ok(None);
    }
    let body = request.take_body();
    Ok((!body.is_empty()).then(|| Surplus {
        body,
        pattern: pattern.to_owned(),
    }))
}

/// A body that the route does not read.
pub struct Surplus {
    body: Body,
    pattern: String,
}

impl Surplus {
    /// Reads the body. Fails unless it is empty.
    pub async fn read(self) -> Result<()> {
        let read = payload::refuse(self.body).await;
        read.map_err(|problem| on_route(problem, &self.pattern))
    }
}

/// A read whose headers announce no body: most requests are.
fn is_plain_read(request: &Request) -> bool {
    let headers = request.headers();
    // HTTP/2 needs no header to send a body.
    request.version() < Version::HTTP_2
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

fn check_parameters(request: &Request, operation: &Operation) -> Result<(), Problem> {
    let sent: Vec<(String, String)> = request
        .params()
        .map_err(|_| Problem::validation("The query string cannot be read."))?;
    let known: Vec<&str> = operation.parameters.iter().map(String::as_str).collect();
    for (at, (name, _)) in sent.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(unknown(Named::Parameter, name, &known));
        }
        if sent.iter().take(at).any(|(before, _)| before == name) {
            return Err(repeated(Named::Parameter, name));
        }
    }
    Ok(())
}

/// The router has not matched a route yet, and the metrics count by route.
fn on_route(problem: Problem, pattern: &str) -> poem::Error {
    let mut error = poem::Error::from(problem);
    error.set_data(PathPattern(pattern.into()));
    error
}
