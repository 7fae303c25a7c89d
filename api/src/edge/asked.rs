//! What the edge keeps of a request after the handler took it, and of the handler's answer.

use std::net::IpAddr;

use poem::{
    PathPattern, Request, Response, Result,
    http::{HeaderValue, Uri},
};
use tokio::time::Instant;

use super::Rules;
use crate::{
    edge::repeating::Repeating,
    problem::{Code, Problem},
    rate_limits::Class,
    replies::{cors, request_id::RequestId},
};

/// What the edge knows of a request once the handler has it.
pub(super) struct Asked<'a> {
    pub(super) began: Instant,
    pub(super) id: RequestId,
    /// The address as the client sent it.
    pub(super) uri: Uri,
    /// The pattern of the route, if there is one.
    pub(super) pattern: Option<&'a str>,
    /// Whether it is for the API and not for the documentation page.
    pub(super) of_api: bool,
    pub(super) repeating: Repeating,
    /// The value of `Access-Control-Allow-Origin` in the reply, if any.
    pub(super) origin: Option<HeaderValue>,
    pub(super) preflight: bool,
    /// The limits against which it counts. A preflight counts against none: the request that follows counts.
    pub(super) limited: Option<(Class, IpAddr)>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(
        request: &Request,
        uri: Uri,
        id: RequestId,
        began: Instant,
        rules: &'a Rules,
    ) -> Self {
        let origin = rules.origins.allow(request.headers());
        let preflight = origin.is_some() && cors::is_preflight(request);
        let (pattern, served) = rules.routes.rules(request.method(), request.uri().path());
        let class = served.class.filter(|_| !preflight);
        Self {
            began,
            id,
            uri,
            pattern,
            of_api: request.uri().path().starts_with("/api/"),
            repeating: Repeating::of(request, served),
            origin,
            preflight,
            limited: class.map(|class| (class, rules.clients.address_of(request))),
        }
    }
}

/// The answer to a request before it is written.
pub(super) struct Answered {
    pub(super) answer: Result<Response, Problem>,
    pub(super) route: Option<PathPattern>,
}

impl Answered {
    pub(super) fn of_response(mut response: Response) -> Self {
        let route = response.extensions_mut().remove::<PathPattern>();
        let problem = response.extensions_mut().remove::<Problem>();
        Self {
            answer: problem.map_or(Ok(response), Err),
            route,
        }
    }

    pub(super) fn code(&self) -> Option<Code> {
        self.answer.as_ref().err().map(Problem::code)
    }

    pub(super) const fn problem(problem: Problem) -> Self {
        Self {
            answer: Err(problem),
            route: None,
        }
    }
}
