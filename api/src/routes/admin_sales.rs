//! Sales, for admins.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use chrono::{DateTime, Datelike, Utc};
use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi};
use sale::{
    gate::upkeep::Synced,
    install,
    ledger::{NewSale, Sale},
    model::{ProductId, SaleId, SaleState},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Tag, flash_sales::SaleStatus, validation};
use crate::{
    auth::Admin,
    detached::detached,
    payload::{Incoming, Reply, Success, success},
    price::Price,
    problem::{Code, Problem, Refusal, failures},
    sales::View,
    services::Services,
};

/// How long warming a new sale may take to empty an old journal. A new sale has none.
const WARM_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The years in which a sale may be: those that gate and ledger can both write down.
const YEARS: RangeInclusive<i32> = 2000..=9999;

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
    quantity: Option<u32>,
    /// Moves this sale instead of creating one.
    sale_id: Option<Uuid>,
}

/// What people have decided about a sale.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum StateWord {
    Open,
    Paused,
    Ended,
    Settled,
}

/// A sale as admins see it.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct AdminSale {
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

failures! {
    /// Why a sale was neither created nor moved.
    SaleFailed {
        /// The request is not valid, or INSUFFICIENT_STOCK.
        Invalid = 400,
        /// There is no such product, or SALE_NOT_FOUND.
        NotFound = 404,
        /// The sale has ended.
        Conflict = 409,
        /// It can not be done at the moment. It may have been done: look before trying again.
        Unavailable = 503,
    }
}

/// Sales, for admins.
pub struct AdminSalesApi;

#[OpenApi(prefix_path = "/api/admin/flash-sale", tag = "Tag::Administration")]
impl AdminSalesApi {
    /// Create a sale, or move one
    ///
    /// A new sale takes its units out of the product's stock. With `saleId` that sale gets the new
    /// window; its product and its units stay what they are.
    #[oai(path = "/", method = "post", operation_id = "createFlashSale")]
    async fn create(
        &self,
        services: Data<&Arc<Services>>,
        Admin(caller): Admin,
        Incoming(request): Incoming<SaleRequest>,
    ) -> Result<Reply<Success<AdminSale>>, Refusal<SaleFailed>> {
        check(&request)?;
        let services = Arc::clone(&services);
        let reply = detached(async move {
            let (sale, warm) = match request.sale_id {
                Some(id) => moved(&services, SaleId::from_uuid(id), &request).await?,
                None => created(&services, &request).await?,
            };
            services.sales.forget(sale.id).await;
            tracing::info!(sale = %sale.id, by = %caller.buyer, warm, "sale created or moved");
            let view = services.sales.view(&sale).await;
            Ok::<_, Problem>(admin_sale(&sale, &view, warm))
        });
        Ok(success(reply.await??))
    }
}

fn check(request: &SaleRequest) -> Result<(), Problem> {
    if [request.start_time, request.end_time]
        .iter()
        .any(|time| !YEARS.contains(&time.year()))
    {
        return Err(Problem::validation(format!(
            "startTime and endTime must be in the years from {} to {}.",
            YEARS.start(),
            YEARS.end()
        )));
    }
    if request.start_time >= request.end_time {
        return Err(Problem::validation("endTime must be after startTime."));
    }
    if let Some(quantity) = request.quantity {
        validation::units("quantity", quantity, 1)?;
    }
    Ok(())
}

async fn created(services: &Services, request: &SaleRequest) -> Result<(Sale, bool), Problem> {
    let new = NewSale {
        id: SaleId::random(),
        product: ProductId::from_uuid(request.product_id),
        start: request.start_time,
        end: request.end_time,
        units: request.quantity,
    };
    let sale = services
        .ledger
        .create_sale(new)
        .await
        .map_err(|error| Problem::from(error).retry_unsafe())?;
    let warmed = install::install(
        &services.gate,
        &services.ledger,
        sale.id,
        WARM_DRAIN_TIMEOUT,
    )
    .await;
    if let Err(error) = &warmed {
        // The sale exists, and every reconciler tries again each second.
        tracing::warn!(sale = %sale.id, %error, "a new sale could not be warmed");
    }
    Ok((sale, warmed.is_ok()))
}

async fn moved(
    services: &Services,
    id: SaleId,
    request: &SaleRequest,
) -> Result<(Sale, bool), Problem> {
    let sale = services
        .ledger
        .sale(id)
        .await?
        .ok_or_else(Problem::sale_not_found)?;
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
            "quantity can not be changed together with the window.",
        ));
    }
    // Moving it twice to the same window does no harm.
    let sale = services
        .ledger
        .move_sale(id, request.start_time, request.end_time)
        .await?;
    let synced = services.gate.sync(&sale).await;
    if let Err(error) = &synced {
        tracing::warn!(sale = %sale.id, %error, "a moved sale could not be synced");
    }
    Ok((
        sale,
        matches!(synced, Ok(Synced::Applied | Synced::Current)),
    ))
}

fn admin_sale(sale: &Sale, view: &View, warm: bool) -> AdminSale {
    AdminSale {
        sale_id: sale.id.uuid(),
        product_id: sale.product_id.uuid(),
        product_name: sale.product_name.clone(),
        product_description: sale.product_description.clone(),
        product_price: Price(sale.price),
        currency: sale.currency.to_string(),
        start_time: view.start,
        end_time: view.end,
        status: view.phase.into(),
        state: match sale.state {
            SaleState::Open => StateWord::Open,
            SaleState::Paused => StateWord::Paused,
            SaleState::Ended => StateWord::Ended,
            SaleState::Settled => StateWord::Settled,
        },
        total_quantity: view.total,
        available_quantity: view.available,
        sold_quantity: view.sold(),
        warm,
        created_at: sale.created_at,
        updated_at: sale.updated_at,
    }
}
