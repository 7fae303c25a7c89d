//! Buying.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::FutureExt;
use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi};
use sale::{
    ledger::PurchaseOutcome,
    model::{
        BuyerId, OrderId, OrderStatus, Purchase, Reason as Rejected, SaleId, SaleState, Verdict,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Tag,
    headers::{IdempotencyKey, PreferWait},
};
use crate::{
    auth::User,
    payload::{MaybeIncoming, Reply},
    problem::{Code, ExistingPurchase, Problem, Reason, Refusal, failures},
    purchases::{
        batcher::AdmitError,
        purchase_status::{ESTIMATED_WAIT_SECONDS, Stage, order_of},
    },
    services::Services,
};

/// The longest time after which a client that came too early may ask again, seconds.
const EARLY_RETRY_AFTER_SECONDS_MAX: u64 = 3_600;

/// What to buy.
#[derive(Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct PurchaseRequest {
    /// The sale; the current one if left out.
    sale_id: Option<Uuid>,
}

/// A purchase that is accepted: the unit is the caller's.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Accepted {
    /// Always true.
    success: bool,
    /// The same in words.
    message: String,
    /// The purchase.
    data: QueuedPurchase,
}

/// A purchase on its way to the ledger.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct QueuedPurchase {
    /// The order's id, by its other name.
    job_id: Uuid,
    /// The order's id.
    order_id: Uuid,
    /// The sale.
    sale_id: Uuid,
    /// `queued`, or `completed` where the reply waited for it.
    status: Stage,
    /// How long it should take until it is completed, seconds.
    estimated_wait_time: u32,
}

#[derive(ApiResponse)]
enum Purchased {
    /// The unit is the caller's, and the order is completed: with `Prefer: wait`.
    #[oai(status = 201)]
    Completed(
        Reply<Accepted>,
        /// Where to ask what became of it.
        #[oai(header = "Location")]
        String,
        /// The preference that was followed.
        #[oai(header = "Preference-Applied")]
        String,
    ),
    /// The unit is the caller's.
    #[oai(status = 202)]
    Accepted(
        Reply<Accepted>,
        /// Where to ask what became of it.
        #[oai(header = "Location")]
        String,
    ),
}

failures! {
    /// Why nothing was bought.
    PurchaseFailed {
        /// The request is not valid.
        Invalid = 400,
        /// SALE_NOT_FOUND: there is no such sale, or none at all.
        NotFound = 404,
        /// ALREADY_PURCHASED, with the purchase. OUT_OF_STOCK. CONFLICT: it was accepted and could not
        /// be completed. SALE_NOT_ACTIVE, with `reason`, and
        /// with `startTime` and Retry-After before the start.
        Conflict = 409,
        /// No verdict was reached; it is safe to try again. With `outcomeUnknown` the purchase may
        /// have been made.
        Unavailable = 503,
    }
}

/// Buying.
pub struct PurchasesApi;

#[OpenApi(prefix_path = "/api/purchase", tag = "Tag::Purchases")]
impl PurchasesApi {
    /// Buy one unit
    ///
    /// Each buyer can buy once in a sale. Asking again is always safe: with the same
    /// Idempotency-Key the answer is the same, without it ALREADY_PURCHASED names the purchase that
    /// was made.
    ///
    /// A key belongs to its buyer. With `saleId` it is remembered for good, like the sale's orders. Without
    /// `saleId` it stands for the sale that was current when it was first sent, also when another sale is
    /// current by now. If nothing was bought, that lasts ten minutes. If something was bought, it lasts while
    /// its sale is among the 64 that began last. Send a new key for a new purchase.
    #[oai(path = "/", method = "post", operation_id = "purchase")]
    async fn purchase(
        &self,
        services: Data<&Arc<Services>>,
        User(caller): User,
        /// Makes the purchase the same one when it is sent again.
        #[oai(name = "Idempotency-Key")]
        IdempotencyKey(key): IdempotencyKey,
        /// `wait=N` (RFC 7240): answer when the order is completed, or after N seconds, at most 30.
        #[oai(name = "Prefer")]
        PreferWait(wait): PreferWait,
        MaybeIncoming(request): MaybeIncoming<PurchaseRequest>,
    ) -> Result<Purchased, Refusal<PurchaseFailed>> {
        let buyer = caller.buyer;
        let sale = match (request.unwrap_or_default().sale_id, &key) {
            (Some(id), _) => SaleId::from_uuid(id),
            (None, None) => current(&services).boxed().await?,
            (None, Some(key)) => meant(&services, buyer, key).boxed().await?,
        };
        let order = key.map_or_else(
            || OrderId::in_sale(sale),
            |key| OrderId::derived(buyer, sale, &key),
        );
        let purchase = Purchase { buyer, order };
        let decided = services.admissions.purchase(sale, purchase).await;
        services.metrics.purchase(&decided);
        // Common verdicts need no further I/O. The rare paths are boxed: a future is as large as the largest one that
        // it may wait for, and each request moves its own several times.
        let answer = match decided {
            Ok(Verdict::Admitted) => {
                services.live.admitted(sale, buyer, order);
                match wait {
                    None => Ok(accepted(sale, order)),
                    Some(wait) => awaited(&services, sale, purchase, wait).boxed().await,
                }
            }
            Ok(Verdict::Ended) => ended(&services, sale, purchase, wait).boxed().await,
            Ok(Verdict::Duplicate { order }) => {
                Err(duplicate(&services, sale, order).boxed().await)
            }
            Ok(Verdict::SoldOut) => Err(Problem::new(Code::OutOfStock, "Everything is sold.")),
            Ok(Verdict::NotStarted) => Err(too_early(&services, sale).boxed().await),
            Ok(Verdict::Paused) => Err(Problem::not_active(Reason::Paused)),
            // A closed gate does not say whether it admitted an earlier try.
            Ok(Verdict::Cold) => Err(AdmitError::OutcomeUnknown.into()),
            Err(error) => Err(error.into()),
        };
        services.traffic.count(sale, &decided, &answer);
        Ok(answer?)
    }
}

/// The sale that is sold now.
async fn current(services: &Services) -> Result<SaleId, Problem> {
    let sale = services.sales.get(None).await?;
    Ok(sale.ok_or_else(Problem::sale_not_found)?.id)
}

/// The sale that a purchase with this key is meant for: that of its first try (see [`sale::gate::pins`]).
async fn meant(services: &Services, buyer: BuyerId, key: &str) -> Result<SaleId, Problem> {
    if let Some(pinned) = services.gate.pinned(buyer, key).await? {
        return Ok(pinned);
    }
    let bought = services
        .purchases
        .sale_of_key(&services.sales, buyer, key)
        .await?;
    let sale = match bought {
        Some(sale) => sale,
        None => current(services).await?,
    };
    Ok(services.gate.pin(buyer, key, sale).await?)
}

/// The answer to a purchase that was admitted, when its order is completed or patience ends.
async fn awaited(
    services: &Services,
    sale: SaleId,
    purchase: Purchase,
    wait: Duration,
) -> Result<Purchased, Problem> {
    let patience = wait.min(services.patience_max);
    match services
        .waiting
        .outcome(sale, purchase.order, patience)
        .await
    {
        None => Ok(accepted(sale, purchase.order)),
        Some(outcome) => recorded(services, sale, purchase.buyer, &outcome, wait).await,
    }
}

/// The answer to an admitted purchase of which the ledger knows what became.
async fn recorded(
    services: &Services,
    sale: SaleId,
    buyer: BuyerId,
    outcome: &PurchaseOutcome,
    wait: Duration,
) -> Result<Purchased, Problem> {
    match outcome {
        PurchaseOutcome::Order(order) if order.status == OrderStatus::Confirmed => {
            Ok(completed(sale, order.id, wait))
        }
        PurchaseOutcome::Order(order) => Err(existing(sale, order.id, Stage::Cancelled)),
        PurchaseOutcome::Rejected(rejection) => {
            let refused = |code| Problem::new(code, rejection.for_buyer());
            Err(match rejection.known_reason() {
                Some(Rejected::NoUnits) => refused(Code::OutOfStock),
                Some(Rejected::SaleSettled) => Problem::not_active(Reason::Ended),
                Some(Rejected::BuyerHasOrder) => {
                    match services.ledger.outcome_of(sale, buyer).await? {
                        Some(PurchaseOutcome::Order(order)) => existing(
                            sale,
                            order.id,
                            Stage::of(Some(&PurchaseOutcome::Order(order))),
                        ),
                        Some(PurchaseOutcome::Rejected(_)) | None => refused(Code::Conflict),
                    }
                }
                Some(
                    Rejected::UnknownSale
                    | Rejected::Superseded
                    | Rejected::BuyerRejected
                    | Rejected::OrderIdTaken
                    | Rejected::Unreadable,
                )
                | None => refused(Code::Conflict),
            })
        }
    }
}

/// The gate of a settled sale is gone, and with it the marks of those who bought: for them the ledger
/// answers.
async fn ended(
    services: &Services,
    sale: SaleId,
    purchase: Purchase,
    wait: Option<Duration>,
) -> Result<Purchased, Problem> {
    let ended = Problem::not_active(Reason::Ended);
    let settled = services.sales.get(Some(sale)).await?;
    if !settled.is_some_and(|sale| sale.state == SaleState::Settled) {
        return Err(ended);
    }
    match services.ledger.outcome_of(sale, purchase.buyer).await? {
        None => Err(ended),
        Some(outcome) if order_of(&outcome) == purchase.order => match wait {
            None if matches!(outcome, PurchaseOutcome::Order(_)) => {
                Ok(accepted(sale, purchase.order))
            }
            // The outcome is known: there is nothing to wait for.
            wait => {
                let wait = wait.unwrap_or_default();
                recorded(services, sale, purchase.buyer, &outcome, wait).await
            }
        },
        Some(outcome) => Err(existing(
            sale,
            order_of(&outcome),
            Stage::of(Some(&outcome)),
        )),
    }
}

fn accepted(sale: SaleId, order: OrderId) -> Purchased {
    Purchased::Accepted(reply(sale, order, Stage::Queued), location(order))
}

fn completed(sale: SaleId, order: OrderId, wait: Duration) -> Purchased {
    Purchased::Completed(
        reply(sale, order, Stage::Completed),
        location(order),
        format!("wait={}", wait.as_secs()),
    )
}

fn reply(sale: SaleId, order: OrderId, status: Stage) -> Reply<Accepted> {
    let done = status == Stage::Completed;
    Reply(Accepted {
        success: true,
        message: if done {
            "Your purchase is completed."
        } else {
            "Your purchase is accepted."
        }
        .to_owned(),
        data: QueuedPurchase {
            job_id: order.uuid(),
            order_id: order.uuid(),
            sale_id: sale.uuid(),
            status,
            estimated_wait_time: if done { 0 } else { ESTIMATED_WAIT_SECONDS },
        },
    })
}

fn location(order: OrderId) -> String {
    format!("/api/purchase/job/{order}")
}

fn existing(sale: SaleId, order: OrderId, status: Stage) -> Problem {
    Problem::already_purchased(ExistingPurchase {
        order_id: order.uuid(),
        job_id: order.uuid(),
        sale_id: sale.uuid(),
        status,
    })
}

/// Where the ledger cannot be asked, all that is certain is that the purchase was accepted.
async fn duplicate(services: &Services, sale: SaleId, order: OrderId) -> Problem {
    let status = services
        .purchases
        .stage(order)
        .await
        .unwrap_or(Stage::Queued);
    existing(sale, order, status)
}

async fn too_early(services: &Services, sale: SaleId) -> Problem {
    let problem = Problem::not_active(Reason::NotStarted);
    let Ok(Some(sale)) = services.sales.get(Some(sale)).await else {
        return problem.retry_after(1);
    };
    let view = services.sales.view(&sale).await;
    let seconds = (view.start - view.now + TimeDelta::milliseconds(999)).num_seconds();
    let seconds = u64::try_from(seconds)
        .unwrap_or(0)
        .min(EARLY_RETRY_AFTER_SECONDS_MAX);
    problem.starting(view.start, seconds)
}
