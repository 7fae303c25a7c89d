//! Sales, for admins: creating, listing, showing, counting.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use poem::web::Data;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use sale::{
    input,
    ledger::{NewSale, Sale},
    lifecycle::{Lifecycle, Stepped},
    model::{ProductId, SaleId},
    view::{GATES_AT_ONCE, LOOKS_TIMEOUT},
};
use serde::Deserialize;
use tokio::time;
use uuid::Uuid;

use super::{Tag, headers::IdempotencyKey};
use crate::{
    auth::Admin,
    payload::{Incoming, Reply, Success, optional_whole, success},
    problem::{Code, Problem, Refusal, failures},
    services::Services,
    types::{
        instant::Instant,
        paging::{Cursor, Limit, Listed, asked, listed},
    },
    views::{AdminSale, SaleStatistics},
};

/// A sale to be created, or to be moved.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct SaleRequest {
    /// What it offers.
    product_id: Uuid,
    /// The first instant at which it sells.
    start_time: Instant,
    /// The first instant at which it no longer sells: after `startTime`, still to come, and no later than
    /// 2255-06-05T23:47:34Z.
    end_time: Instant,
    /// How many units; the whole stock if left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    #[serde(default, deserialize_with = "optional_whole")]
    quantity: Option<u32>,
    /// Moves this sale instead of creating one.
    sale_id: Option<Uuid>,
}

failures! {
    /// Why a sale was neither created nor moved.
    SaleFailed {
        /// The request is not valid, or INSUFFICIENT_STOCK.
        Invalid = 400,
        /// There is no such product, or SALE_NOT_FOUND.
        NotFound = 404,
        /// The sale has ended, the product is archived, or the Idempotency-Key was used for another sale.
        Conflict = 409,
        /// It cannot be done at the moment. Without an Idempotency-Key it may have been done: look
        /// before trying again.
        Unavailable = 503,
    }
}

failures! {
    /// Why sales are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why a sale is not shown.
    ShowFailed {
        /// The request is not valid.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// Sales, for admins.
pub struct AdminSalesApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminSalesApi {
    /// Create a sale, or move one
    ///
    /// A new sale takes its units out of the product's stock. With `saleId` that sale gets the new
    /// window; its product and its units stay what they are. A window that is over already is refused, by the
    /// clock of the database; to stop a sale that runs, end it.
    #[oai(
        path = "/flash-sale",
        method = "post",
        operation_id = "createFlashSale"
    )]
    async fn create(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// Creates the sale once, however often it is sent.
        #[oai(name = "Idempotency-Key")]
        IdempotencyKey(key): IdempotencyKey,
        Incoming(request): Incoming<SaleRequest>,
    ) -> Result<Reply<Success<AdminSale>>, Refusal<SaleFailed>> {
        input::window(request.start_time.0, request.end_time.0)?;
        // Moving a sale twice to the same window does no harm.
        let repeatable = key.is_some() || request.sale_id.is_some();
        let lifecycle = services.lifecycle.on_behalf(admin.by(key));
        let services = Arc::clone(&services);
        let detached = Arc::clone(&services);
        let reply = detached.detached.run(async move {
            let stepped = match request.sale_id {
                Some(id) => moved(&lifecycle, &services, SaleId::from_uuid(id), &request).await,
                None => created(&lifecycle, &request).await,
            };
            let stepped = stepped.map_err(|problem| problem.unless_repeatable(repeatable))?;
            services.sales.forget(stepped.sale.id).await;
            tracing::info!(sale = %stepped.sale.id, by = %admin.caller.buyer, "sale created or moved");
            Ok::<_, Problem>(AdminSale::after(&services.sales, stepped).await)
        });
        Ok(success(reply.await??))
    }

    /// All sales, the newest first
    #[oai(
        path = "/flash-sales",
        method = "get",
        operation_id = "adminFlashSales"
    )]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// The most sales of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<AdminSale>>, Refusal<ListFailed>> {
        let asked = asked(&limit, &cursor);
        let mut sales = services.ledger.sales(asked.and_one()).await?;
        let next = asked.cut(&mut sales, Sale::place);
        let deadline = time::Instant::now() + LOOKS_TIMEOUT;
        let shown = stream::iter(sales)
            .map(|sale| AdminSale::seen(&services.sales, &services.lifecycle, sale, deadline))
            .buffered(GATES_AT_ONCE)
            .collect()
            .await;
        Ok(listed(shown, next))
    }

    /// A sale
    #[oai(
        path = "/flash-sale/:id",
        method = "get",
        operation_id = "adminFlashSale"
    )]
    async fn show(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> Result<Reply<Success<AdminSale>>, Refusal<ShowFailed>> {
        let sale = services.ledger.sale(SaleId::from_uuid(id.0)).await?;
        let sale = sale.ok_or_else(Problem::sale_not_found)?;
        Ok(success(
            AdminSale::seen(
                &services.sales,
                &services.lifecycle,
                sale,
                time::Instant::now() + LOOKS_TIMEOUT,
            )
            .await,
        ))
    }

    /// The counts of a sale
    #[oai(
        path = "/flash-sale/:id/stats",
        method = "get",
        operation_id = "flashSaleStats"
    )]
    async fn statistics(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> Result<Reply<Success<SaleStatistics>>, Refusal<ShowFailed>> {
        let id = SaleId::from_uuid(id.0);
        let (sale, counts) = services.lifecycle.statistics(id).await?;
        let view = services.sales.view(&sale).await;
        Ok(success(SaleStatistics::new(&sale, &view, counts)))
    }
}

async fn created(lifecycle: &Lifecycle, request: &SaleRequest) -> Result<Stepped, Problem> {
    let new = NewSale {
        id: SaleId::random(),
        product: ProductId::from_uuid(request.product_id),
        start: request.start_time.0,
        end: request.end_time.0,
        units: request.quantity,
    };
    new.check()?;
    Ok(lifecycle.create(new).await?)
}

async fn moved(
    lifecycle: &Lifecycle,
    services: &Services,
    id: SaleId,
    request: &SaleRequest,
) -> Result<Stepped, Problem> {
    let sale = services.ledger.sale(id).await?;
    let sale = sale.ok_or_else(Problem::sale_not_found)?;
    if sale.product_id != ProductId::from_uuid(request.product_id) {
        return Err(Problem::new(
            Code::Conflict,
            "productId is not that of the sale: a sale keeps its product. Leave the sale as it is, or create \
             another one without saleId.",
        ));
    }
    if request
        .quantity
        .is_some_and(|quantity| quantity != sale.units)
    {
        return Err(Problem::of_field(
            "quantity",
            "quantity cannot be changed together with the window. Leave it out, and restock the sale to \
             add units.",
        ));
    }
    Ok(lifecycle
        .move_window(id, request.start_time.0, request.end_time.0)
        .await?)
}
