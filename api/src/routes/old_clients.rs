//! Routes that only clients of the replaced system use. Other routes give the same answers more fully: `GET
//! /api/admin/flash-sale/{id}/stats` and `GET /api/purchase/job/{jobId}`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use identity::token::Caller;
use poem::web::Data;
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Path, Query},
};
use sale::{
    ledger::PurchaseOutcome,
    model::{BuyerId, OrderId, Role, SaleId},
};
use serde::Serialize;
use uuid::Uuid;

use super::{Tag, purchase_lookups::visible_job};
use crate::{
    auth::User,
    payload::{Reply, Success, success},
    problem::{Code, Problem, Refusal, failures},
    purchases::{
        lookups::Unknown,
        purchase_status::{Found, Stage},
    },
    services::Services,
    views::{SaleStatistics, SaleStatus},
};

/// What carries accepted purchases to the ledger.
const PROVIDER: &str = "redis-streams";
/// What a job of the queue is for.
const JOB_KIND: &str = "purchase-processing";

/// The counts of a sale. This reply is flat.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct FlatStatistics {
    /// Always true.
    success: bool,
    /// The sale.
    sale_id: Uuid,
    /// The first instant at which it sells.
    start_time: DateTime<Utc>,
    /// The first instant at which it no longer sells.
    end_time: DateTime<Utc>,
    /// Where it is in its life.
    status: SaleStatus,
    /// Confirmed, cancelled and pending orders together.
    total_orders: u64,
    /// Orders that stand.
    confirmed_orders: u64,
    /// Purchases that are accepted and not in the ledger yet.
    pending_orders: u64,
    /// Purchases that were accepted and could not become an order.
    failed_orders: u64,
    /// All its units.
    total_quantity: u64,
    /// Units that are not sold.
    available_quantity: u64,
    /// Units that are sold.
    sold_quantity: u64,
    /// Confirmed orders, percent of all, with two decimals; 0 where there is none.
    conversion_rate: f64,
}

/// How far a job has come, in the words of the replaced system's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum QueueJobState {
    /// The purchase is accepted and on its way to the ledger.
    Waiting,
    /// It is in the ledger.
    Completed,
    /// It was accepted and could not become an order.
    Failed,
    /// Its order was cancelled.
    Cancelled,
    /// There is no such purchase of the caller's.
    NotFound,
}

impl QueueJobState {
    fn of(found: Option<&Found>) -> Self {
        let Some(found) = found else {
            return Self::NotFound;
        };
        match Stage::of(found.outcome.as_ref()) {
            Stage::Queued | Stage::Processing => Self::Waiting,
            Stage::Completed => Self::Completed,
            Stage::Failed => Self::Failed,
            Stage::Cancelled => Self::Cancelled,
            Stage::NotPurchased => Self::NotFound,
        }
    }
}

/// How far a job has come.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueueJobStatus {
    /// The id that was asked about.
    job_id: String,
    /// How far it has come.
    status: QueueJobState,
}

/// What a job is about.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueueJobData {
    /// The order's id.
    job_id: Uuid,
    /// The sale.
    sale_id: Uuid,
    /// Who bought; null where an admin asks and the purchase is not in the ledger yet.
    user_id: Option<Uuid>,
}

/// A job.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueueJob {
    /// The order's id.
    id: Uuid,
    /// Always `purchase-processing`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// How far it has come.
    status: QueueJobState,
    /// What carries it.
    provider: String,
    /// 100 once nothing more will be done for it, else 0.
    progress: u32,
    /// What it is about.
    data: QueueJobData,
}

impl QueueJob {
    fn new(found: &Found, caller: &Caller) -> Self {
        let status = QueueJobState::of(Some(found));
        let recorded = found.outcome.as_ref().and_then(PurchaseOutcome::buyer);
        // A user sees only the user's own jobs.
        let own = (caller.role == Role::User).then_some(caller.buyer);
        Self {
            id: found.order.uuid(),
            kind: JOB_KIND.to_owned(),
            status,
            provider: PROVIDER.to_owned(),
            progress: if status == QueueJobState::Waiting {
                0
            } else {
                100
            },
            data: QueueJobData {
                job_id: found.order.uuid(),
                sale_id: found.sale.uuid(),
                user_id: recorded.or(own).map(BuyerId::uuid),
            },
        }
    }
}

failures! {
    /// Why the counts of a sale are not shown.
    StatisticsFailed {
        /// `saleId` is missing or no UUID.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why a job is not shown.
    JobFailed {
        /// There is no such purchase of the caller's.
        NotFound = 404,
        /// It is not known at the moment; it is safe to ask again.
        Unavailable = 503,
    }
}

/// Routes for clients of the replaced system.
pub struct OldClientsApi;

#[OpenApi(prefix_path = "/api")]
impl OldClientsApi {
    /// The counts of a sale, for old clients
    ///
    /// A flat reply, as of half a second ago. New clients read `GET /api/flash-sale/status`, admins
    /// `GET /api/admin/flash-sale/{id}/stats`.
    #[oai(
        path = "/flash-sale/stats",
        method = "get",
        operation_id = "oldFlashSaleStats",
        tag = "Tag::FlashSales"
    )]
    async fn statistics(
        &self,
        services: Data<&Arc<Services>>,
        /// The sale.
        #[oai(name = "saleId")]
        Query(sale_id): Query<Uuid>,
    ) -> Result<Reply<FlatStatistics>, Refusal<StatisticsFailed>> {
        let id = SaleId::from_uuid(sale_id);
        // Ids can be made up: `Sales` remembers that such a sale does not exist.
        if services.sales.get(Some(id)).await?.is_none() {
            return Err(Problem::sale_not_found().into());
        }
        let counted = services.statistics(id).await?;
        let (sale, counts) = &*counted;
        let view = services.sales.view(sale).await;
        let of_sale = SaleStatistics::new(sale, &view, *counts);
        Ok(Reply(FlatStatistics {
            success: true,
            sale_id,
            start_time: view.start,
            end_time: view.end,
            status: of_sale.status,
            total_orders: of_sale.total_orders,
            confirmed_orders: of_sale.confirmed_orders,
            pending_orders: of_sale.pending_orders,
            failed_orders: of_sale.failed_orders,
            total_quantity: of_sale.total_quantity,
            available_quantity: of_sale.available_quantity,
            sold_quantity: of_sale.sold_quantity,
            conversion_rate: percent(of_sale.confirmed_orders, of_sale.total_orders),
        }))
    }

    /// A purchase as a job of the queue, for old clients
    ///
    /// For the buyer and for admins. New clients read `GET /api/purchase/job/{jobId}`.
    #[oai(
        path = "/queue/job/:jobId",
        method = "get",
        operation_id = "oldQueueJob",
        tag = "Tag::Purchases"
    )]
    async fn job(
        &self,
        services: Data<&Arc<Services>>,
        User(caller): User,
        /// The id that the purchase was answered with.
        #[oai(name = "jobId")]
        Path(job_id): Path<String>,
    ) -> Result<Reply<Success<QueueJob>>, Refusal<JobFailed>> {
        match job(&services, &job_id, &caller).await? {
            Some(found) => Ok(success(QueueJob::new(&found, &caller))),
            None => Err(Problem::new(Code::NotFound, "There is no such purchase.").into()),
        }
    }

    /// How far a job of the queue has come, for old clients
    ///
    /// For the buyer and for admins; `not_found` for anyone else, and for what is no job. New clients read
    /// `GET /api/purchase/job/{jobId}`.
    #[oai(
        path = "/queue/job/:jobId/status",
        method = "get",
        operation_id = "oldQueueJobStatus",
        tag = "Tag::Purchases"
    )]
    async fn job_status(
        &self,
        services: Data<&Arc<Services>>,
        User(caller): User,
        /// The id that the purchase was answered with.
        #[oai(name = "jobId")]
        Path(job_id): Path<String>,
    ) -> Result<Reply<Success<QueueJobStatus>>, Refusal<JobFailed>> {
        let found = job(&services, &job_id, &caller).await?;
        Ok(success(QueueJobStatus {
            job_id,
            status: QueueJobState::of(found.as_ref()),
        }))
    }
}

async fn job(services: &Services, job_id: &str, caller: &Caller) -> Result<Option<Found>, Unknown> {
    match job_id.parse() {
        Ok(id) => visible_job(services, OrderId::from_uuid(id), caller).await,
        Err(_) => Ok(None),
    }
}

/// So many of all in percent, cut after two decimals.
fn percent(some: u64, all: u64) -> f64 {
    let hundredths = (some * 10_000).checked_div(all).unwrap_or(0);
    hundredths as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_rate_has_two_decimals_and_is_nothing_of_nothing() {
        for (some, all, expected) in [
            (0, 0, 0.0),
            (0, 3, 0.0),
            (1, 3, 33.33),
            (2, 3, 66.66),
            (3, 3, 100.0),
        ] {
            assert!((percent(some, all) - expected).abs() < 1e-9, "{some}/{all}");
        }
    }
}
