//! Counts for people. They come from the counts that the sales keep, because counting orders takes longer the more
//! there are.

use super::{Ledger, LedgerError};
use crate::model::SaleId;

/// The outcomes of all posted purchases, at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Tally {
    /// Distinct buyers who were posted: those with an order or a counted rejection.
    #[sqlx(try_from = "i64")]
    pub posted: u64,
    /// Orders that stand.
    #[sqlx(try_from = "i64")]
    pub confirmed: u64,
    /// Orders that were cancelled.
    #[sqlx(try_from = "i64")]
    pub cancelled: u64,
    /// Rejections, without the counted ones whose buyer has an order by now.
    #[sqlx(try_from = "i64")]
    pub rejections: u64,
}

impl Ledger {
    /// The outcomes of all posted purchases of a sale, or of all sales.
    pub async fn tally(&self, sale: Option<SaleId>) -> Result<Tally, LedgerError> {
        Ok(sqlx::query_as(
            "WITH rejected AS (
                 SELECT count(*) FILTER (WHERE NOT (r.counted AND r.has_order)) AS rejections,
                        count(*) FILTER (WHERE r.counted AND NOT r.has_order) AS without_order
                 FROM (
                     SELECT r.counted, EXISTS (
                         SELECT FROM orders o
                         WHERE o.sale_id = r.sale_id AND o.buyer_id = r.buyer_id
                     ) AS has_order
                     FROM rejections r WHERE $1::uuid IS NULL OR r.sale_id = $1
                 ) r
             ), sold AS (
                 SELECT coalesce(sum(posted), 0)::bigint AS posted,
                        coalesce(sum(confirmed), 0)::bigint AS confirmed
                 FROM flash_sales s WHERE $1::uuid IS NULL OR s.id = $1
             )
             SELECT sold.posted, sold.confirmed, rejected.rejections,
                    sold.posted - rejected.without_order - sold.confirmed AS cancelled
             FROM sold, rejected",
        )
        .bind(sale)
        .fetch_one(&self.pool)
        .await?)
    }
}
