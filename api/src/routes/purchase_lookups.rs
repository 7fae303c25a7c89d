//! The outcome of a purchase.

use std::sync::Arc;

use identity::token::Caller;
use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};
use sale::{
    ledger::PurchaseOutcome,
    model::{OrderId, Role, SaleId},
};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::User,
    payload::{Reply, Success, success},
    problem::{Code, Problem, Refusal, failures},
    purchases::{
        lookups::Unknown,
        purchase_status::{Found, PurchaseStatus},
    },
    services::Services,
};

failures! {
    /// Why the caller does not learn what became of a purchase.
    LookupFailed {
        /// There is no such sale, or no such purchase of the caller's.
        NotFound = 404,
        /// It is not known at the moment; it is safe to ask again.
        Unavailable = 503,
    }
}

/// What became of a purchase.
pub struct PurchaseLookupsApi;

#[OpenApi(prefix_path = "/api/purchase", tag = "Tag::Purchases")]
impl PurchaseLookupsApi {
    /// The caller's purchase in a sale
    ///
    /// Without `saleId` it is the one in the current sale, else the caller's latest in the 64 sales that began
    /// last.
    #[oai(path = "/status", method = "get", operation_id = "purchaseStatus")]
    async fn status(
        &self,
        services: Data<&Arc<Services>>,
        User(caller): User,
        /// The sale.
        #[oai(name = "saleId")]
        Query(sale_id): Query<Option<Uuid>>,
    ) -> Result<Reply<Success<PurchaseStatus>>, Refusal<LookupFailed>> {
        let (sales, purchases) = (&services.sales, &services.purchases);
        let sale = match sales.get(sale_id.map(SaleId::from_uuid)).await? {
            Some(sale) => sale,
            None if sale_id.is_some() => return Err(Problem::sale_not_found().into()),
            None => return Ok(success(PurchaseStatus::not_purchased())),
        };
        let mut found = purchases
            .of_buyer(sale.id, sale.state, caller.buyer)
            .await?;
        if found.is_none() && sale_id.is_none() {
            found = purchases.latest(sales, caller.buyer).await?;
        }
        Ok(success(match found {
            Some(found) => shown(&services, &found).await,
            None => PurchaseStatus::not_purchased(),
        }))
    }

    /// What became of a purchase
    #[oai(path = "/job/:jobId", method = "get", operation_id = "purchaseJob")]
    async fn job(
        &self,
        services: Data<&Arc<Services>>,
        User(caller): User,
        /// The id that the purchase was answered with.
        #[oai(name = "jobId")]
        Path(job_id): Path<String>,
    ) -> Result<Reply<Success<PurchaseStatus>>, Refusal<LookupFailed>> {
        let unknown = || Problem::new(Code::NotFound, "There is no such purchase.");
        // An invalid id belongs to no purchase.
        let job: OrderId = job_id.parse().map_err(|_| unknown())?;
        match visible_job(&services, job, &caller).await? {
            Some(found) => Ok(success(shown(&services, &found).await)),
            None => Err(unknown().into()),
        }
    }
}

/// A job, for the buyer who made it and for admins; `None` for anyone else's.
pub(super) async fn visible_job(
    services: &Services,
    job: OrderId,
    caller: &Caller,
) -> Result<Option<Found>, Unknown> {
    let own = services
        .purchases
        .job_of_buyer(&services.sales, job, caller.buyer)
        .await;
    match (own, caller.role) {
        (Ok(Some(found)), _) => Ok(Some(found)),
        (_, Role::Admin) => services.purchases.job(&services.sales, job).await,
        (own, Role::User) => own,
    }
}

/// What is shown of a purchase. Before it is an order, its sale knows the product.
async fn shown(services: &Services, found: &Found) -> PurchaseStatus {
    let status = PurchaseStatus::from(found);
    if matches!(found.outcome, Some(PurchaseOutcome::Order(_))) {
        return status;
    }
    match services.sales.get(Some(found.sale)).await {
        Ok(Some(sale)) => status.of_product(sale.product_id),
        // A missing product is no reason to withhold the rest.
        Ok(None) | Err(_) => status,
    }
}
