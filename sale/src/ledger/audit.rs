//! The ledger's part of the audit: a sale and the sums of its rows, in one snapshot.

use serde_json::Value;

use super::{Ledger, LedgerError, Sale};
use crate::model::SaleId;

/// A sale, and its counts counted again from its orders and rejections.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Recount {
    /// The sale with the counts that it keeps.
    #[sqlx(flatten)]
    pub sale: Sale,
    /// Confirmed orders.
    #[sqlx(try_from = "i64")]
    pub confirmed_orders: u64,
    /// Distinct buyers with an order or a counted rejection.
    #[sqlx(try_from = "i64")]
    pub posted_buyers: u64,
    /// Rejections, without the counted ones whose buyer has an order by now.
    #[sqlx(try_from = "i64")]
    pub rejections: u64,
}

impl Ledger {
    /// Counts a sale's orders and rejections, in one statement and so in one snapshot.
    pub async fn recount(&self, sale: SaleId) -> Result<Option<Recount>, LedgerError> {
        Ok(sqlx::query_as(
            "SELECT d.*,
                    (SELECT count(*) FROM orders o
                     WHERE o.sale_id = d.id AND o.status = 'confirmed') AS confirmed_orders,
                    (SELECT count(*) FROM orders o WHERE o.sale_id = d.id)
                    + (SELECT count(*) FROM rejections r
                       WHERE r.sale_id = d.id AND r.counted
                         AND NOT EXISTS (SELECT FROM orders o
                                         WHERE o.sale_id = d.id AND o.buyer_id = r.buyer_id)
                      ) AS posted_buyers,
                    (SELECT count(*) FROM rejections r
                     WHERE r.sale_id = d.id
                       AND NOT (r.counted AND EXISTS (
                           SELECT FROM orders o
                           WHERE o.sale_id = d.id AND o.buyer_id = r.buyer_id))
                    ) AS rejections
             FROM sale_details d WHERE d.id = $1",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Logs the repair of a sale, which is to begin. No statement could do both: a repair changes the gate, or posts in
    /// many statements.
    pub async fn log_repair(&self, sale: SaleId, details: &Value) -> Result<(), LedgerError> {
        sqlx::query("SELECT log_action($1, 'sale.repair', $2, $3)")
            .bind(self.by())
            .bind(sale)
            .bind(details)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
