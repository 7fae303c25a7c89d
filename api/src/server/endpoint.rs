//! The endpoint behind the edge: the routes, the documentation page, and the pages.

use std::{
    collections::HashMap,
    future::{Future, ready},
    sync::Arc,
};

use futures_util::FutureExt;
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Request, Response,
    endpoint::{BoxEndpoint, DynEndpoint},
    http::Method,
};
use poem_openapi::{__private::UrlQuery, OpenApi};
use tokio::task::spawn_blocking;

use crate::{
    document::{docs, openapi},
    edge::surplus::surplus,
    routes::{self, RouteTable, documentation_paths},
    services::Services,
    settings::ApiDocs,
    web::Web,
};

/// What all paths of the API begin with: none of them is a page's.
const API: &str = "/api/";

/// All routes, without the work of the edge. (Nested routes would make poem write and read the address of each
/// request again.)
pub(super) struct Routes {
    services: Arc<Services>,
    table: Arc<RouteTable>,
    direct: Direct,
    service: BoxEndpoint<'static>,
    /// None if the documentation is switched off.
    docs: Option<BoxEndpoint<'static>>,
    /// None if the pages are switched off.
    web: Option<Arc<Web>>,
}

impl Routes {
    pub(super) fn new(
        services: Arc<Services>,
        table: Arc<RouteTable>,
        documentation: ApiDocs,
        web: Option<Web>,
    ) -> Self {
        let web = web.map(Arc::new);
        if let Some(web) = web.clone() {
            spawn_blocking(move || web.prepare());
        }
        Self {
            services,
            direct: Direct::new(),
            table,
            service: openapi::service(routes::apis()).into_endpoint(),
            docs: match documentation {
                ApiDocs::On => {
                    spawn_blocking(docs::prepare);
                    Some(docs::routes().boxed())
                }
                ApiDocs::Off => None,
            },
            web,
        }
    }
}

impl Endpoint for Routes {
    type Output = Response;

    fn call(&self, mut request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        if let Some(docs) = &self.docs
            && request.uri().path().starts_with(documentation_paths::PAGE)
        {
            return DynEndpoint::call(docs.as_ref(), request);
        }
        if let Some(web) = &self.web
            && !request.uri().path().starts_with(API)
            && let Some(answer) = web.answer(&request, &self.services)
        {
            return answer;
        }
        let surplus = match surplus(&self.table, &mut request) {
            Ok(surplus) => surplus,
            Err(error) => return ready(Err(error)).boxed(),
        };
        request.set_data(Arc::clone(&self.services));
        let answer = match self.direct.operation(&request) {
            Some(operation) => {
                let parameters = request.params().unwrap_or_default();
                request.extensions_mut().insert(UrlQuery(parameters));
                DynEndpoint::call(operation.as_ref(), request)
            }
            None => DynEndpoint::call(self.service.as_ref(), request),
        };
        match surplus {
            None => answer,
            Some(surplus) => async move {
                surplus.read().await?;
                answer.await
            }
            .boxed(),
        }
    }
}

/// The operations at paths without parameters, which are those that a crowd asks for. Poem's router would put seven
/// futures around each of them, and every one moves the request.
struct Direct(Vec<(String, Vec<(Method, BoxEndpoint<'static>)>)>);

impl Direct {
    fn new() -> Self {
        let mut operations = HashMap::new();
        routes::apis().add_routes(&mut operations);
        let literal = operations
            .into_iter()
            .map(|(path, methods)| (path.trim_end_matches('/').to_owned(), methods))
            .filter(|(path, _)| !path.contains(':'));
        Self(
            literal
                .map(|(path, methods)| (path, methods.into_iter().collect()))
                .collect(),
        )
    }

    /// The operation that a request asks for; `None` leaves the request to the router.
    fn operation(&self, request: &Request) -> Option<&BoxEndpoint<'static>> {
        let path = request.uri().path();
        let (_, methods) = self.0.iter().find(|(known, _)| known == path)?;
        let mut methods = methods.iter();
        let (_, operation) = methods.find(|(method, _)| method == request.method())?;
        Some(operation)
    }
}
