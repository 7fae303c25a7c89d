//! Rejections, for admins: the list, and the replay of one. `sale/src/replay.rs` makes it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use poem::web::Data;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use sale::{
    input,
    ledger::{Bar, KeptRejection, Ledger, RejectionFilter, Replay},
    model::OrderStatus,
    replay::{Patience, replay_attended},
};
use serde::Serialize;
use uuid::Uuid;

use super::{Tag, admin_orders::known_sale};
use crate::{
    auth::Admin,
    payload::{Reply, Success, success},
    problem::{Code, Problem, Refusal, failures},
    services::Services,
    types::paging::{Cursor, Limit, Listed, asked, page_of},
    views::{OrderWord, RejectionReply},
};

/// The longest reason to look for, characters.
const REASON_CHARACTERS_MAX: usize = 100;

/// How long a replay waits for an install of the sale, and for the reconcilers to empty its journal. Together less than
/// a request may take by default: a replay may empty the journal twice.
const PATIENCE: Patience = Patience {
    lock: Duration::from_secs(10),
    drain: Duration::from_secs(10),
};

failures! {
    /// Why rejections are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why a rejection was not replayed.
    ReplayFailed {
        /// The request is not valid.
        Invalid = 400,
        /// There is no such rejection.
        NotFound = 404,
        /// It cannot become an order now, or the records of the sale contradict each other.
        Conflict = 409,
        /// It cannot be done at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// What a replay did.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct ReplayReport {
    /// The rejection.
    rejection_id: Uuid,
    /// `replayed`: it is an order now. `already`: its buyer had one, or it was replayed before.
    result: String,
    /// The buyer's order.
    order_id: Uuid,
    /// What has become of that.
    order_status: OrderWord,
    /// For people.
    message: String,
}

/// Rejections.
pub struct AdminRejectionsApi;

#[OpenApi(prefix_path = "/api/admin/rejections", tag = "Tag::Administration")]
impl AdminRejectionsApi {
    /// Accepted purchases that became no order, the newest first
    ///
    /// Each comes with what its reason means, what to do, and whether a replay would make an order of it.
    #[oai(path = "/", method = "get", operation_id = "adminRejections")]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// Those of this sale.
        #[oai(name = "saleId")]
        sale_id: Query<Option<Uuid>>,
        /// Those with this reason.
        reason: Query<Option<String>>,
        /// The most rejections of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<RejectionReply>>, Refusal<ListFailed>> {
        let ledger = &services.ledger;
        let asked = asked(&limit, &cursor);
        if let Some(reason) = &reason.0 {
            input::text("reason", reason, REASON_CHARACTERS_MAX)?;
        }
        let filter = RejectionFilter {
            sale: known_sale(ledger, sale_id.0).await?,
            reason: reason.0,
        };
        let page = asked.and_one();
        let rejections = if filter.reason.is_some() {
            let find = move |ledger: Ledger| async move { ledger.rejections(&filter, page).await };
            services.search(find).await?
        } else {
            ledger.rejections(&filter, page).await?
        };
        let buyers = rejections.iter().filter_map(|kept| kept.rejection.buyer);
        let buyers: BTreeSet<Uuid> = buyers.map(|buyer| buyer.uuid()).collect();
        let addresses = ledger.addresses_of(buyers).await?;
        let show = |kept| RejectionReply::of(kept, &addresses);
        Ok(page_of(asked, rejections, KeptRejection::place, show))
    }

    /// Make an order of a rejected purchase after all
    ///
    /// The sale answers its buyers with 503 for a moment, and their retry is safe; that of a settled sale does not. It
    /// may be repeated: a buyer never has two orders. Where it cannot become an order now, the sale goes on meanwhile.
    #[oai(
        path = "/:id/replay",
        method = "post",
        operation_id = "replayRejection"
    )]
    async fn replay(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The rejection.
        id: Path<Uuid>,
    ) -> Result<Reply<Success<ReplayReport>>, Refusal<ReplayFailed>> {
        let (id, by) = (id.0, admin.caller.buyer);
        let (gate, ledger) = (
            services.gate.clone(),
            services.ledger.on_behalf(admin.by(None)),
        );
        let replayed = services.detached.run(async move {
            let replayed = replay_attended(&gate, &ledger, id, PATIENCE).await;
            if let Ok(Some(Replay::Replayed(order))) = &replayed {
                tracing::info!(rejection = %id, %by, %order, "rejection replayed");
            }
            replayed
        });
        let report =
            |result: &str, order: Uuid, status: OrderStatus, message: String| ReplayReport {
                rejection_id: id,
                result: result.to_owned(),
                order_id: order,
                order_status: status.into(),
                message,
            };
        match replayed.await?? {
            None => Err(Problem::new(Code::NotFound, "There is no such rejection.").into()),
            Some(Replay::Replayed(order)) => {
                let message = format!("The purchase is order {order} now.");
                Ok(success(report(
                    "replayed",
                    order.uuid(),
                    OrderStatus::Confirmed,
                    message,
                )))
            }
            Some(Replay::Barred(Bar::Already(order, status))) => {
                let message = format!("The buyer has order {order} already, which is {status}.");
                Ok(success(report("already", order.uuid(), status, message)))
            }
            Some(Replay::Barred(bar @ Bar::Obstacle(_))) => {
                let detail = format!("It cannot become an order now: {}.", bar.for_operator());
                Err(Problem::new(Code::Conflict, detail).into())
            }
        }
    }
}
