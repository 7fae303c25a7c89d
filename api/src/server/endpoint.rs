//! The endpoint behind the edge: the routes, and the documentation page.

use std::{
    future::{Future, ready},
    sync::Arc,
};

use futures_util::FutureExt;
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Request, Response,
    endpoint::{BoxEndpoint, DynEndpoint},
};
use tokio::task::spawn_blocking;

use crate::{
    document::{docs, openapi},
    edge::surplus::surplus,
    routes::{self, RouteTable, documentation_paths},
    services::Services,
    settings::ApiDocs,
};

/// All routes, without the work of the edge. (Nested routes would make poem write and read the address of each
/// request again.)
pub(super) struct Routes {
    services: Arc<Services>,
    table: Arc<RouteTable>,
    service: BoxEndpoint<'static>,
    /// None if the documentation is switched off.
    docs: Option<BoxEndpoint<'static>>,
}

impl Routes {
    pub(super) fn new(
        services: Arc<Services>,
        table: Arc<RouteTable>,
        documentation: ApiDocs,
    ) -> Self {
        Self {
            services,
            table,
            service: openapi::service(routes::apis()).into_endpoint(),
            docs: match documentation {
                ApiDocs::On => {
                    spawn_blocking(docs::prepare);
                    Some(docs::routes().boxed())
                }
                ApiDocs::Off => None,
            },
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
        let surplus = match surplus(&self.table, &mut request) {
            Ok(surplus) => surplus,
            Err(error) => return ready(Err(error)).boxed(),
        };
        request.set_data(Arc::clone(&self.services));
        let answer = DynEndpoint::call(self.service.as_ref(), request);
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
