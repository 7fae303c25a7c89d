//! The traffic of a sale, for admins.

use std::sync::Arc;

use chrono::Utc;
use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};
use sale::{model::SaleId, traffic::Asked};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::Admin,
    payload::{Reply, Success, success},
    problem::{Problem, Refusal, failures},
    services::Services,
    types::{bucket_width::BucketWidth, instant::Instant},
    views::SaleTraffic,
};

/// About how many buckets there are at most, if no width is asked for.
const BUCKETS_WANTED: u32 = 300;

failures! {
    /// Why traffic is not shown.
    TrafficFailed {
        /// The request is not valid.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// The traffic of sales.
pub struct AdminTrafficApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminTrafficApi {
    /// The traffic of a sale: how its purchases were answered, by time
    ///
    /// Each answer to a purchase of the sale is counted once, by what it said. Not counted are requests that were
    /// refused before that (no valid token, too many requests), and requests whose client left before the answer. A
    /// process writes its counts each second; one that is killed loses those of its last second. Counts are kept for
    /// `TRAFFIC_RETENTION_DAYS`.
    ///
    /// `from` and `to` are widened to whole buckets. Buckets without an answer are left out. There are at most 1,000
    /// buckets in a window.
    #[oai(
        path = "/flash-sale/:id/traffic",
        method = "get",
        operation_id = "flashSaleTraffic"
    )]
    async fn traffic(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// The sale.
        id: Path<Uuid>,
        /// The first instant. If left out, a minute before the start of the sale, and at most seven days before `to`;
        /// ten minutes ago before the sale has started.
        from: Query<Option<Instant>>,
        /// The end. If left out, now, or a minute after the end of the sale.
        to: Query<Option<Instant>>,
        /// The width of a bucket, seconds: a multiple of ten. If left out, one that makes about 300 buckets at most.
        bucket: Query<Option<BucketWidth>>,
    ) -> Result<Reply<Success<SaleTraffic>>, Refusal<TrafficFailed>> {
        let sale = services.ledger.sale(SaleId::from_uuid(id.0)).await?;
        let sale = sale.ok_or_else(Problem::sale_not_found)?;
        let asked = Asked {
            from: from.0.map(|Instant(at)| at),
            to: to.0.map(|Instant(at)| at),
            bucket_seconds: bucket.0.map(|BucketWidth(seconds)| seconds),
        };
        let window = asked.window(&sale, Utc::now(), BUCKETS_WANTED)?;
        let buckets = services.ledger.traffic(sale.id, window).await?;
        Ok(success(SaleTraffic::new(sale.id, window, buckets)))
    }
}
