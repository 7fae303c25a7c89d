//! What happens in a sale, for admins.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Object, OpenApi, param::Path};
use sale::model::SaleId;
use uuid::Uuid;

use super::{Tag, events::Events};
use crate::{
    auth::Admin,
    live::console_event::ConsoleEvent,
    problem::{Problem, Refusal, failures},
    services::Services,
};

failures! {
    /// Why there is no stream.
    ConsoleFailed {
        /// The request is not valid.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// The caller asks too often, or has as many streams as one user, or one address, may have.
        TooMany = 429,
        /// The process has as many streams, or watches as many sales, as it may; it is safe to try again.
        Unavailable = 503,
    }
}

/// The events of a stream: the `data` of each, by the name of the event.
#[derive(Debug, Object)]
struct ConsoleEvents {
    /// `event: console`: everything as it is now.
    console: ConsoleEvent,
}

/// What happens in a sale.
pub struct AdminEventsApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminEventsApi {
    /// A sale as it sells: stock, journal, orders, answers, processes
    ///
    /// Server-sent events, one each second. Each says what is, not what changed. Figures that are not known at the moment
    /// are null, and the stream goes on. A comment comes after 15 s without an event. The stream ends when the token
    /// expires, and when the process ends: connect again, after the time in `retry`.
    #[oai(
        path = "/flash-sale/:id/events",
        method = "get",
        operation_id = "flashSaleConsole"
    )]
    async fn events(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> Result<Events<ConsoleEvents>, Refusal<ConsoleFailed>> {
        let sale = services.sales.get(Some(SaleId::from_uuid(id.0))).await?;
        let sale = sale.ok_or_else(Problem::sale_not_found)?;
        let place = services
            .live
            .places()
            .take_for_console(admin.caller.buyer)?;
        let pieces = services.live.open_console(sale, &admin.caller, place)?;
        Ok(Events::of(pieces))
    }
}
