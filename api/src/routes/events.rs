//! What happens in a sale, as it happens.

use std::{io, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use futures_util::Stream;
use poem::{
    Body, IntoResponse, Request, Response,
    http::{HeaderName, HeaderValue, header},
    web::Data,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::Query,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use sale::model::SaleId;
use uuid::Uuid;

use super::{Tag, headers::LastEventId};
use crate::{
    auth::Visitor,
    live::sale_event::SaleEvent,
    problem::{Problem, Refusal, failures},
    purchases::purchase_status::PurchaseStatus,
    replies::EVENT_STREAM,
    services::Services,
};

/// What nginx, and other proxies like it, must know: they would hold events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

failures! {
    /// Why there is no stream.
    EventsFailed {
        /// There is no such sale, or none at all.
        NotFound = 404,
        /// The caller asks too often, or has as many streams as one user, or one address, may have.
        TooMany = 429,
        /// The process has as many streams as it may have, or the sale cannot be looked at now; it is safe to try
        /// again.
        Unavailable = 503,
    }
}

/// The events of a stream: the `data` of each, by the name of the event.
#[derive(Debug, Object)]
struct FlashSaleEvents {
    /// `event: sale`: the sale as it is now.
    sale: Option<SaleEvent>,
    /// `event: purchase`: the caller's purchase as it is now. Only with a token.
    purchase: Option<PurchaseStatus>,
}

/// What happens in a sale.
pub struct EventsApi;

#[OpenApi(prefix_path = "/api", tag = "Tag::FlashSales")]
impl EventsApi {
    /// A sale and the caller's purchase, as they change
    ///
    /// Server-sent events. The stream begins with the state of now. Each event says what is, not what changed: a
    /// client that missed some has missed nothing. A change of `status`, of the window, of the units, or to and from
    /// `availableQuantity` 0 comes at once; stock at most four times a second. A comment comes every 15 s.
    ///
    /// A stream with a token ends when the token expires. Every stream ends when the process does: connect again, after
    /// the time in `retry`, with the last `id` in `Last-Event-ID`; what the client has then does not come again. Without
    /// `saleId` it is the current sale of the moment in which the stream begins.
    #[oai(
        path = "/flash-sale/events",
        method = "get",
        operation_id = "flashSaleEvents"
    )]
    async fn events(
        &self,
        request: &Request,
        services: Data<&Arc<Services>>,
        Visitor(caller): Visitor,
        /// The sale; the current one if left out.
        #[oai(name = "saleId")]
        Query(sale_id): Query<Option<Uuid>>,
        /// The id of the last event that the client has.
        #[oai(name = "Last-Event-ID")]
        LastEventId(last): LastEventId,
    ) -> Result<Events<FlashSaleEvents>, Refusal<EventsFailed>> {
        let id = sale_id.map(SaleId::from_uuid);
        let sale = services.sales.get(id).await?;
        let sale = sale.ok_or_else(Problem::sale_not_found)?;
        let address = services.clients.address_of(request);
        let buyer = caller.as_ref().map(|caller| caller.buyer);
        let place = services.live.places().take(address, buyer)?;
        let pieces = services
            .live
            .open(&sale, caller.as_ref(), place, last.as_deref())
            .await?;
        Ok(Events::of(pieces))
    }
}

/// A stream of events, whose data are members of `T`.
pub struct Events<T> {
    body: Body,
    shows: PhantomData<fn() -> T>,
}

impl<T> Events<T> {
    /// A stream of these pieces.
    pub fn of(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self {
            body: Body::from_bytes_stream(pieces),
            shows: PhantomData,
        }
    }
}

impl<T> IntoResponse for Events<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(EVENT_STREAM)
            .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
            .header(X_ACCEL_BUFFERING, HeaderValue::from_static("no"))
            .body(self.body)
    }
}

impl<T: Type> ApiResponse for Events<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The events, as they come.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: EVENT_STREAM,
                    schema: T::schema_ref(),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
