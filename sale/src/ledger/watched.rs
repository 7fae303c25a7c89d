//! What a merchant watches of a sale, in one statement.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Answers, Ledger, LedgerError, ProcessCounts, processes::SILENCE_MAX, traffic::sums};
use crate::model::SaleId;

/// A sale in the ledger at one instant, with its traffic and the processes that are running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Watched {
    /// Distinct buyers who were posted.
    #[sqlx(try_from = "i64")]
    pub posted: u64,
    /// Orders that stand.
    #[sqlx(try_from = "i64")]
    pub confirmed: u64,
    /// Purchases that became no order: as in [`super::Tally`].
    #[sqlx(try_from = "i64")]
    pub rejected: u64,
    /// How long the order that was admitted last was on its way to the ledger, milliseconds; none before the first
    /// one, and if that one was cancelled since.
    lag_ms: Option<i64>,
    /// The answers in buckets that begin at or after the instant that was asked for.
    #[sqlx(flatten)]
    pub answers: Answers,
    /// The processes that are running.
    #[sqlx(flatten)]
    pub processes: ProcessCounts,
}

impl Watched {
    /// How long the order that was admitted last was on its way to the ledger. (Two clocks measure it.)
    pub fn posting_lag(&self) -> Option<Duration> {
        let milliseconds = self.lag_ms?;
        Some(Duration::from_millis(milliseconds.try_into().unwrap_or(0)))
    }
}

impl Ledger {
    /// What a merchant watches of a sale, with its answers since an instant; none for an unknown sale.
    pub async fn watched(
        &self,
        sale: SaleId,
        since: DateTime<Utc>,
    ) -> Result<Option<Watched>, LedgerError> {
        Ok(sqlx::query_as(concat!(
            "SELECT s.posted::bigint, s.confirmed::bigint, r.rejected, t.*, p.*,
                    (extract(epoch FROM o.updated_at - o.created_at) * 1000)::bigint AS lag_ms
             FROM flash_sales s
             LEFT JOIN orders o ON o.id = s.latest_order AND o.status = 'confirmed'
             CROSS JOIN (
                 SELECT count(*) AS rejected FROM rejections r
                 WHERE r.sale_id = $1 AND NOT (r.counted AND EXISTS (
                     SELECT FROM orders o WHERE o.sale_id = r.sale_id AND o.buyer_id = r.buyer_id
                 ))
             ) r
             CROSS JOIN (SELECT ",
            sums!(),
            " FROM sale_traffic WHERE sale_id = $1 AND bucket >= $2) t
             CROSS JOIN (
                 SELECT count(*) FILTER (WHERE kind = 'api') AS apis,
                        count(*) FILTER (WHERE kind = 'reconciler') AS reconcilers
                 FROM live_processes WHERE seen_at > now() - make_interval(secs => $3)
             ) p
             WHERE s.id = $1",
        ))
        .bind(sale)
        .bind(since)
        .bind(SILENCE_MAX.as_secs_f64())
        .fetch_optional(&self.pool)
        .await?)
    }
}
