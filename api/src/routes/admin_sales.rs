//! Sales, for admins: creating, listing, showing, counting.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use poem::web::Data;
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Path, Query},
};
use sale::{
    input,
    ledger::{NewSale, Place, Sale},
    lifecycle::{Lifecycle, Stepped},
    model::{ProductId, SaleId, SaleState},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Tag, flash_sales::SaleStatus, headers::IdempotencyKey};
use crate::{
    auth::Admin,
    detached::detached,
    paging::{Asked, Listed, listed},
    payload::{Incoming, Reply, Success, optional_whole, success},
    price::Price,
    problem::{Code, Problem, Refusal, failures},
    services::Services,
};

/// Gates that are looked at at the same time for a list.
const GATES_AT_ONCE: usize = 16;

/// A sale to be created, or to be moved.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct SaleRequest {
    /// What it offers.
    product_id: Uuid,
    /// The first instant at which it sells.
    start_time: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    end_time: DateTime<Utc>,
    /// How many units; the whole stock if left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    #[serde(default, deserialize_with = "optional_whole")]
    quantity: Option<u32>,
    /// Moves this sale instead of creating one.
    sale_id: Option<Uuid>,
}

/// What people have decided about a sale.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    /// It sells within its window.
    Open,
    /// It does not sell for now.
    Paused,
    /// It sells no more.
    Ended,
    /// It is closed for good: unsold units went back to the product.
    Settled,
}

/// A sale as admins see it.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct AdminSale {
    /// Its id.
    sale_id: Uuid,
    /// What it offers.
    product_id: Uuid,
    /// The product's name.
    product_name: String,
    /// The product's description.
    product_description: Option<String>,
    /// The price in this sale.
    product_price: Price,
    /// The currency of the price.
    currency: String,
    /// The first instant at which it sells.
    start_time: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    end_time: DateTime<Utc>,
    /// Where it is in its life.
    status: SaleStatus,
    /// What people have decided about it.
    state: StateWord,
    /// All its units.
    total_quantity: u64,
    /// Units that are not sold.
    available_quantity: u64,
    /// Units that are sold.
    sold_quantity: u64,
    /// Whether the gate has it as it is here. If not, it will within a second or so.
    warm: bool,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl AdminSale {
    /// What admins are shown of a sale after a step.
    pub async fn of(services: &Services, Stepped { sale, warm }: Stepped) -> Self {
        let view = services.sales.view(&sale).await;
        Self {
            sale_id: sale.id.uuid(),
            product_id: sale.product_id.uuid(),
            product_name: sale.product_name,
            product_description: sale.product_description,
            product_price: Price(sale.price),
            currency: sale.currency.to_string(),
            start_time: view.start,
            end_time: view.end,
            status: view.phase.into(),
            state: sale.state.into(),
            total_quantity: view.total,
            available_quantity: view.available,
            sold_quantity: view.sold(),
            warm,
            created_at: sale.created_at,
            updated_at: sale.updated_at,
        }
    }

    async fn look(services: &Services, sale: Sale) -> Self {
        let warm = services.lifecycle.is_warm(&sale).await;
        Self::of(services, Stepped { sale, warm }).await
    }
}

impl From<SaleState> for StateWord {
    fn from(state: SaleState) -> Self {
        match state {
            SaleState::Open => Self::Open,
            SaleState::Paused => Self::Paused,
            SaleState::Ended => Self::Ended,
            SaleState::Settled => Self::Settled,
        }
    }
}

/// The counts of a sale.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct SaleStatistics {
    /// The sale.
    sale_id: Uuid,
    /// Where it is in its life.
    status: SaleStatus,
    /// What people have decided about it.
    state: StateWord,
    /// All its units.
    total_quantity: u64,
    /// Units that are not sold.
    available_quantity: u64,
    /// Units that are sold.
    sold_quantity: u64,
    /// Units that went back to the product.
    returned_quantity: u64,
    /// Confirmed, cancelled and pending orders together.
    total_orders: u64,
    /// Orders that stand.
    confirmed_orders: u64,
    /// Purchases that are accepted and not in the ledger yet.
    pending_orders: u64,
    /// Orders that were cancelled.
    cancelled_orders: u64,
    /// Purchases that were accepted and could not become an order.
    rejected_orders: u64,
    /// When this was counted.
    timestamp: DateTime<Utc>,
}

failures! {
    /// Why a sale was neither created nor moved.
    SaleFailed {
        /// The request is not valid, or INSUFFICIENT_STOCK.
        Invalid = 400,
        /// There is no such product, or SALE_NOT_FOUND.
        NotFound = 404,
        /// The sale has ended, or the Idempotency-Key was used for another sale.
        Conflict = 409,
        /// It can not be done at the moment. Without an Idempotency-Key it may have been done: look
        /// before trying again.
        Unavailable = 503,
    }
}

failures! {
    /// Why sales are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// It can not be answered at the moment; it is safe to try again.
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
        /// It can not be answered at the moment; it is safe to try again.
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
    /// window; its product and its units stay what they are.
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
        input::window(request.start_time, request.end_time)?;
        // Moving it twice to the same window does no harm.
        let repeatable = key.is_some() || request.sale_id.is_some();
        let lifecycle = services.lifecycle.on_behalf(admin.by(key));
        let services = Arc::clone(&services);
        let reply = detached(async move {
            let stepped = match request.sale_id {
                Some(id) => moved(&lifecycle, &services, SaleId::from_uuid(id), &request).await,
                None => created(&lifecycle, &request).await,
            };
            let stepped = stepped.map_err(|problem| problem.unless_repeatable(repeatable))?;
            services.sales.forget(stepped.sale.id).await;
            tracing::info!(sale = %stepped.sale.id, by = %admin.caller.buyer, "sale created or moved");
            Ok::<_, Problem>(AdminSale::of(&services, stepped).await)
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
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// `nextCursor` of the page before.
        #[oai(validator(pattern = "^0[0-3][0-9a-f]{46}$"))]
        cursor: Query<Option<String>>,
    ) -> Result<Reply<Listed<AdminSale>>, Refusal<ListFailed>> {
        let asked = Asked::of(limit.0, cursor.0.as_deref())?;
        let mut sales = services.ledger.sales(asked.and_one()).await?;
        let next = asked.cut(&mut sales, |sale| Place {
            at: sale.created_at,
            id: sale.id.uuid(),
        });
        let shown = stream::iter(sales)
            .map(|sale| AdminSale::look(&services, sale))
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
        Ok(success(AdminSale::look(&services, sale).await))
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
        Ok(success(SaleStatistics {
            sale_id: id.uuid(),
            status: view.phase.into(),
            state: sale.state.into(),
            total_quantity: view.total,
            available_quantity: view.available,
            sold_quantity: view.sold(),
            returned_quantity: sale.returned.into(),
            total_orders: counts.confirmed + counts.cancelled + counts.pending,
            confirmed_orders: counts.confirmed,
            pending_orders: counts.pending,
            cancelled_orders: counts.cancelled,
            rejected_orders: counts.rejected,
            timestamp: Utc::now(),
        }))
    }
}

async fn created(lifecycle: &Lifecycle, request: &SaleRequest) -> Result<Stepped, Problem> {
    let new = NewSale {
        id: SaleId::random(),
        product: ProductId::from_uuid(request.product_id),
        start: request.start_time,
        end: request.end_time,
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
            "productId is not that of the sale.",
        ));
    }
    if request
        .quantity
        .is_some_and(|quantity| quantity != sale.units)
    {
        return Err(Problem::validation(
            "quantity can not be changed together with the window: restock the sale.",
        ));
    }
    Ok(lifecycle
        .move_window(id, request.start_time, request.end_time)
        .await?)
}
