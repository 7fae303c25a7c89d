//! Counts that people look at. They are derived from what the sales keep, because counting orders
//! takes longer the more there are.

use super::{Ledger, LedgerError};
use crate::model::SaleId;

/// What became of all purchases that were posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Tally {
    /// Orders, those that were cancelled included.
    #[sqlx(try_from = "i64")]
    pub orders: u64,
    /// Rejections.
    #[sqlx(try_from = "i64")]
    pub rejections: u64,
}

impl Ledger {
    /// What became of all purchases of a sale, or of all sales, that were posted.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn tally(&self, sale: Option<SaleId>) -> Result<Tally, LedgerError> {
        Ok(sqlx::query_as(
            "WITH rejected AS (
                 SELECT count(*) AS rejections,
                        count(*) FILTER (WHERE r.counted AND NOT EXISTS (
                            SELECT FROM orders o
                            WHERE o.sale_id = r.sale_id AND o.buyer_id = r.buyer_id
                        )) AS without_order
                 FROM rejections r WHERE $1::uuid IS NULL OR r.sale_id = $1
             ), posted AS (
                 SELECT coalesce(sum(posted), 0)::bigint AS buyers
                 FROM flash_sales s WHERE $1::uuid IS NULL OR s.id = $1
             )
             SELECT posted.buyers - rejected.without_order AS orders, rejected.rejections
             FROM posted, rejected",
        )
        .bind(sale)
        .fetch_one(&self.pool)
        .await?)
    }
}
