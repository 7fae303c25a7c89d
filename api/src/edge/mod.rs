//! The edge: what happens to every request and every reply, whatever the route.
//!
//! A request gets its id and a deadline, and the rate limits check its address. A request at the root is led to its
//! route first, if old clients may ask there ([`crate::edge::root_paths`]). A failure leaves in the one shape of
//! [`crate::problem`], whether it came from a handler, an extractor, the router, a panic, the deadline or a limit.
//! The edge logs it here if it is ours. Every reply carries the id, what is left of the rate limit and the headers
//! for browsers, and is counted.
//!
//! | module | owns |
//! | --- | --- |
//! | `asked` | what is kept of a request until its reply |
//! | [`root_paths`], `trailing_slash` | one route for several spellings of its path |
//! | [`surplus`] | refusing parameters and bodies that a route does not take |
//! | [`repeating`] | whether a retry is safe, as replies say it |

mod asked;
pub mod repeating;
pub mod root_paths;
pub mod surplus;
mod trailing_slash;

use std::{
    any::Any,
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use poem::{
    Endpoint, PathPattern, Request, Response, Result,
    http::{HeaderValue, Uri},
};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use self::{
    asked::{Answered, Asked},
    root_paths::RootPaths,
};
use crate::{
    connection::client_address::Clients,
    log_limit::LogLimit,
    metrics::Metrics,
    problem::{Code, OUR_FAULT, Problem},
    rate_limits::{Least, RateLimits},
    replies::{
        cors::{self, AllowedOrigins},
        request_id::{self, RequestId},
        security_headers,
    },
    routes::RouteTable,
    web::{self, settings::Pages},
};

/// Refusals in one second that are logged because a server behind us is away: every request of a crowd fails then.
const REFUSALS_LOGGED_MAX: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// The settings of the edge.
pub struct Rules {
    /// What each route takes, and the rules of its operations.
    pub routes: Arc<RouteTable>,
    /// Which of the routes are served at the root, too.
    pub root_paths: RootPaths,
    /// Whether pages are served: a browser that visits one is led to no route.
    pub pages: Pages,
    /// After this time a request is answered with a 503.
    pub deadline: Duration,
    /// Where requests come from.
    pub clients: Clients,
    /// How often callers may send requests.
    pub rate_limits: Arc<RateLimits>,
    /// Whose pages may call.
    pub origins: AllowedOrigins,
}

impl Rules {
    /// The address of the route that an old client means.
    fn lead(&self, request: &Request, uri: &Uri) -> Option<Uri> {
        let led = self.root_paths.lead(uri)?;
        let is_visit = self.pages == Pages::On && web::is_visit(request, uri.path());
        (!is_visit).then_some(led)
    }
}

/// Wraps the routes.
pub struct Edge<E> {
    inner: E,
    metrics: Arc<Metrics>,
    rules: Rules,
    log_limit: LogLimit,
}

impl<E: Endpoint<Output = Response>> Edge<E> {
    /// Wraps `inner`, whose routes are those of `rules`.
    pub fn new(inner: E, metrics: Arc<Metrics>, rules: Rules) -> Self {
        Self {
            inner,
            metrics,
            rules,
            log_limit: LogLimit::per_second(REFUSALS_LOGGED_MAX),
        }
    }

    async fn answer(
        &self,
        handled: thread::Result<impl Future<Output = Result<Response>> + Send>,
        asked: &Asked<'_>,
    ) -> Answered {
        let handled = async { AssertUnwindSafe(handled?).catch_unwind().await };
        match timeout_at(asked.began + self.rules.deadline, handled).await {
            Ok(Ok(Ok(response))) => Answered::of_response(response),
            Ok(Ok(Err(error))) => self.of_error(&error),
            Ok(Err(panic)) => {
                let (id, path, panic) = (&asked.id, asked.uri.path(), text_of(&panic));
                tracing::error!(request_id = %id, path, panic, "a handler panicked");
                Answered::problem(Problem::new(Code::Internal, OUR_FAULT))
            }
            Err(_) => Answered::problem(asked.repeating.too_late()),
        }
    }

    /// The one place that logs failures: our own as errors, those of a server behind us as warnings.
    fn log(&self, problem: &Problem, id: &RequestId, uri: &Uri) {
        let Some(cause) = problem.cause() else { return };
        if problem.code() == Code::Internal {
            tracing::error!(request_id = %id, path = uri.path(), cause, "request failed");
        } else if self.log_limit.allows() {
            tracing::warn!(request_id = %id, path = uri.path(), cause, "request refused");
        }
    }

    fn reply(&self, answered: Answered, least: Option<Least>, asked: Asked<'_>) -> Response {
        let Asked {
            id,
            uri,
            pattern,
            of_api,
            origin,
            began,
            ..
        } = asked;
        let Answered { answer, route } = answered;
        let mut response = answer.unwrap_or_else(|problem| {
            self.log(&problem, &id, &uri);
            problem.render(uri.path())
        });

        let after = began.elapsed();
        let route = route.as_ref().map(|route| &*route.0).or(pattern);
        self.metrics.replied(route, response.status(), after);
        tracing::debug!(request_id = %id, status = response.status().as_u16(), ?after, "replied");

        let headers = response.headers_mut();
        headers.insert(request_id::HEADER, id.into_header());
        if let Some(least) = least {
            self.rules.rate_limits.announce(least, headers);
        }
        self.rules.origins.announce(origin, headers);
        security_headers::add(of_api, headers);
        response
    }

    fn of_error(&self, error: &poem::Error) -> Answered {
        let route = error.data::<PathPattern>().cloned();
        let mut problem = Problem::of_error(error);
        let allowed = self.methods_of(route.as_ref());
        if let (Code::MethodNotAllowed, Some(methods)) = (problem.code(), allowed) {
            problem = problem.allow(methods.clone());
        }
        Answered {
            answer: Err(problem),
            route,
        }
    }

    fn methods_of(&self, route: Option<&PathPattern>) -> Option<&HeaderValue> {
        self.rules.routes.allow(&route?.0)
    }

    /// Answers a request, unless its address or its user is over a rate limit.
    async fn answer_in_limits(
        &self,
        handled: thread::Result<impl Future<Output = Result<Response>> + Send>,
        asked: &Asked<'_>,
    ) -> (Answered, Option<Least>) {
        let mut answer = pin!(self.answer(handled, asked));
        let Some((class, address)) = asked.limited else {
            return (answer.await, None);
        };
        let limits = &self.rules.rate_limits;
        let (answered, least) = limits.watch(class, address, answer.as_mut()).await;
        let answered = answered.unwrap_or_else(Answered::problem);
        if answered.code() == Some(Code::TooManyAttempts) {
            self.metrics.rate_limited(class);
        }
        (answered, least)
    }

    /// A page asked what it may send. The router has no OPTIONS, but knows the route.
    fn answer_preflight(&self, answered: &mut Answered) {
        if matches!(
            answered.code(),
            Some(Code::MethodNotAllowed | Code::NotFound)
        ) {
            let methods = self.methods_of(answered.route.as_ref());
            answered.answer = Ok(cors::preflight(methods));
        }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Edge<E> {
    type Output = Response;

    /// The handler gets the request before there is anything to wait for. A future carries its arguments through each
    /// of its layers, and every request pays for this one.
    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let began = Instant::now();
        let in_flight = self.metrics.in_flight();
        let id = RequestId::of(&request);
        request.set_data(id.clone());
        let uri = request.uri().clone();
        let plain = trailing_slash::without(&uri);
        let led = self.rules.lead(&request, plain.as_ref().unwrap_or(&uri));
        if let Some(served) = led.or(plain) {
            *request.uri_mut() = served;
        }
        let asked = Asked::of(&request, uri, id, began, &self.rules);
        let (id, method, path) = (&asked.id, request.method(), asked.uri.path());
        let span = tracing::debug_span!("request", %id, %method, path);
        let handled = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        async move {
            let _in_flight = in_flight;
            let answering = self.answer_in_limits(handled, &asked).instrument(span);
            let (mut answered, least) = answering.await;
            if asked.preflight {
                self.answer_preflight(&mut answered);
            }
            Ok(self.reply(answered, least, asked))
        }
    }
}

fn text_of(panic: &Box<dyn Any + Send>) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use poem::{
        Endpoint, Request, Response,
        endpoint::make,
        http::{StatusCode, Uri, header},
    };
    use serde_json::Value;

    use super::{Edge, Rules};
    use crate::{
        connection::client_address::{Clients, TrustedProxies},
        edge::root_paths::RootPaths,
        metrics::Metrics,
        problem::CONTENT_TYPE,
        rate_limits::{RATE_LIMIT, RateLimits},
        replies::request_id,
        routes::{RouteTable, apis},
        settings::RateLimitSettings,
        web::settings::Pages,
    };

    const ORIGIN: &str = "https://shop.example";

    async fn answer<F>(handler: fn() -> F) -> (StatusCode, Value)
    where
        F: Future<Output = poem::Result<Response>> + Send + 'static,
    {
        answer_of(make(move |_| handler())).await
    }

    async fn answer_of(endpoint: impl Endpoint<Output = Response>) -> (StatusCode, Value) {
        let edge = Edge::new(
            endpoint,
            Arc::new(Metrics::new([]).unwrap()),
            Rules {
                routes: Arc::new(RouteTable::of(&apis(), &[])),
                pages: Pages::Off,
                root_paths: RootPaths::default(),
                deadline: Duration::from_millis(20),
                clients: Clients::behind(TrustedProxies::default()),
                rate_limits: Arc::new(RateLimits::new(&RateLimitSettings::of(&[]))),
                origins: ORIGIN.parse().unwrap(),
            },
        );
        let request = Request::builder()
            .uri(Uri::from_static("/api/anything?a=b"))
            .header(header::ORIGIN, ORIGIN)
            .finish();
        let response = edge.call(request).await.unwrap();
        assert_eq!(response.content_type(), Some(CONTENT_TYPE));
        for name in [
            request_id::HEADER,
            RATE_LIMIT,
            header::X_FRAME_OPTIONS,
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
        ] {
            assert!(response.headers().contains_key(&name), "{name}");
        }
        let status = response.status();
        let problem: Value = response.into_body().into_json().await.unwrap();
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["instance"], "/api/anything");
        assert_eq!(problem["success"], false);
        assert_eq!(problem["error"], problem["detail"]);
        (status, problem)
    }

    #[tokio::test]
    async fn a_panic_leaves_as_an_internal_error_without_its_message() {
        let (status, problem) = answer(|| async { panic!("SELECT secret FROM users") }).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem["code"], "INTERNAL");
        assert!(!problem.to_string().contains("SELECT"));
    }

    #[tokio::test]
    async fn a_panic_before_there_is_anything_to_wait_for_leaves_as_an_internal_error() {
        struct AtOnce;
        impl Endpoint for AtOnce {
            type Output = Response;

            fn call(&self, _: Request) -> impl Future<Output = poem::Result<Response>> + Send {
                if true {
                    panic!("SELECT secret FROM users");
                }
                async { Ok(Response::default()) }
            }
        }
        let (status, problem) = answer_of(AtOnce).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem["code"], "INTERNAL");
    }

    #[tokio::test]
    async fn an_error_nobody_knows_leaves_as_an_internal_error_without_its_message() {
        let failing = || async {
            Err(poem::error::InternalServerError(std::io::Error::other(
                "relation \"users\"",
            )))
        };
        let (status, problem) = answer(failing).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!problem.to_string().contains("relation"));
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_answered() {
        let (status, problem) = answer(std::future::pending::<poem::Result<Response>>).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(problem["code"], "UNAVAILABLE");
        assert_eq!(problem["retrySafe"], true);
    }
}
