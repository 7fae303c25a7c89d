//! The steps of a sale's life that admins take, and the cancellation of an order. Each step may be repeated.
//! `sale/src/lifecycle.rs` implements them.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Object, OpenApi, param::Path};
use sale::{
    input,
    lifecycle::{Lifecycle, LifecycleError, Stepped},
    model::{OrderId, SaleId},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{Tag, headers::IdempotencyKey};
use crate::{
    auth::Admin,
    payload::{Incoming, Reply, Success, success, whole},
    problem::{Problem, Refusal, failures},
    services::Services,
    views::{AdminSale, OrderReply},
};

/// How many units come to a sale.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct RestockRequest {
    /// Units to move from the product's stock into the sale.
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    #[serde(deserialize_with = "whole")]
    quantity: u32,
}

failures! {
    /// Why a step was not taken.
    StepFailed {
        /// The request is not valid, or INSUFFICIENT_STOCK.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// The sale has ended, or the Idempotency-Key was used for something else.
        Conflict = 409,
        /// It cannot be done at the moment. `retrySafe` tells whether to look before trying again.
        Unavailable = 503,
    }
}

failures! {
    /// Why an order was not cancelled.
    CancelFailed {
        /// The request is not valid.
        Invalid = 400,
        /// There is no such order.
        NotFound = 404,
        /// The purchase is still being recorded, or could not be completed.
        Conflict = 409,
        /// It cannot be done at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

type StepReply = Result<Reply<Success<AdminSale>>, Refusal<StepFailed>>;

/// The steps of a sale's life.
pub struct AdminStepsApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminStepsApi {
    /// Load a sale into its gate, or bring the gate up to date
    #[oai(
        path = "/flash-sale/:id/warm",
        method = "post",
        operation_id = "warmFlashSale"
    )]
    async fn warm(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> StepReply {
        step(&services, &admin, id.0, Step::Warm, None).await
    }

    /// Stop a sale for now
    #[oai(
        path = "/flash-sale/:id/pause",
        method = "post",
        operation_id = "pauseFlashSale"
    )]
    async fn pause(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> StepReply {
        step(&services, &admin, id.0, Step::Pause, None).await
    }

    /// Let a paused sale go on
    #[oai(
        path = "/flash-sale/:id/resume",
        method = "post",
        operation_id = "resumeFlashSale"
    )]
    async fn resume(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> StepReply {
        step(&services, &admin, id.0, Step::Resume, None).await
    }

    /// End a sale before its time
    ///
    /// It does not sell again, and is not moved any more. `endTime` becomes the instant of its end. A sale that
    /// has not started never sold: its `startTime` becomes the microsecond before. Purchases that were accepted
    /// before are recorded all the same. Ending it once more changes nothing.
    #[oai(
        path = "/flash-sale/:id/end",
        method = "post",
        operation_id = "endFlashSale"
    )]
    async fn end(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> StepReply {
        step(&services, &admin, id.0, Step::End, None).await
    }

    /// End a sale and close it for good
    ///
    /// Once all purchases are recorded, unsold units go back to the product's stock.
    #[oai(
        path = "/flash-sale/:id/settle",
        method = "post",
        operation_id = "settleFlashSale"
    )]
    async fn settle(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> StepReply {
        step(&services, &admin, id.0, Step::Settle, None).await
    }

    /// Move more units from the product's stock into a sale
    #[oai(
        path = "/flash-sale/:id/restock",
        method = "post",
        operation_id = "restockFlashSale"
    )]
    async fn restock(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
        /// Moves the units once, however often it is sent.
        #[oai(name = "Idempotency-Key")]
        IdempotencyKey(key): IdempotencyKey,
        Incoming(request): Incoming<RestockRequest>,
    ) -> StepReply {
        input::units("quantity", request.quantity, 1)?;
        step(
            &services,
            &admin,
            id.0,
            Step::Restock(request.quantity),
            key,
        )
        .await
    }

    /// Cancel an order
    ///
    /// Its unit returns to the sale, or to the product's stock once the sale is settled. Its buyer
    /// does not buy again in this sale.
    #[oai(
        path = "/orders/:orderId/cancel",
        method = "post",
        operation_id = "cancelOrder"
    )]
    async fn cancel(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The order.
        #[oai(name = "orderId")]
        order_id: Path<Uuid>,
    ) -> Result<Reply<Success<OrderReply>>, Refusal<CancelFailed>> {
        let order = OrderId::from_uuid(order_id.0);
        let lifecycle = services.lifecycle.on_behalf(admin.by(None));
        let (sales, by) = (services.sales.clone(), admin.caller.buyer);
        let cancelled = services.detached.run(async move {
            let cancelled = lifecycle.cancel(order).await?;
            sales.forget(cancelled.sale).await;
            tracing::info!(%order, %by, "order cancelled");
            Ok::<_, LifecycleError>(cancelled)
        });
        Ok(success(cancelled.await??.into()))
    }
}

/// A step of a sale's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Warm,
    Pause,
    Resume,
    End,
    Settle,
    /// This many units come to the sale.
    Restock(u32),
}

impl Step {
    async fn take(self, lifecycle: &Lifecycle, sale: SaleId) -> Result<Stepped, LifecycleError> {
        match self {
            Self::Warm => lifecycle.warm(sale).await,
            Self::Pause => lifecycle.pause(sale).await,
            Self::Resume => lifecycle.resume(sale).await,
            Self::End => lifecycle.end(sale).await,
            Self::Settle => lifecycle.settle(sale).await,
            Self::Restock(units) => lifecycle.restock(sale, units).await,
        }
    }
}

/// Takes a step on behalf of an admin, to its end.
async fn step(
    services: &Arc<Services>,
    admin: &Admin,
    sale: Uuid,
    step: Step,
    key: Option<String>,
) -> StepReply {
    // Every other step has the same effect when it is repeated.
    let repeatable = key.is_some() || !matches!(step, Step::Restock(_));
    let lifecycle = services.lifecycle.on_behalf(admin.by(key));
    let (sales, by) = (services.sales.clone(), admin.caller.buyer);
    let done = services.detached.run(async move {
        let stepped = step.take(&lifecycle, SaleId::from_uuid(sale)).await?;
        sales.forget(stepped.sale.id).await;
        tracing::info!(sale = %stepped.sale.id, state = %stepped.sale.state, %by, "sale changed");
        Ok::<_, LifecycleError>(stepped)
    });
    let stepped = done
        .await?
        .map_err(|error| Problem::from(error).unless_repeatable(repeatable))?;
    Ok(success(AdminSale::after(&services.sales, stepped).await))
}
