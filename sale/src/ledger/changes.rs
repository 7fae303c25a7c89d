//! The changes that people make to a sale, from its creation to its settlement. Each change is one statement, and
//! logs itself.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    Ledger, LedgerError, NewSale, Sale,
    audit_log::{CREATE_SALE, MOVE_SALE, RESTOCK_SALE},
    sales::decoding,
};
use crate::model::{Epoch, SaleId, SaleState, Version};

impl Ledger {
    /// Creates a sale, and moves its units out of the product's stock. A sale without a gate sells nothing: install
    /// it. With a key that was used before, returns the sale of that time.
    ///
    /// The ledger's clock, the same for all callers, decides whether the end has passed.
    ///
    /// # Errors
    /// [`LedgerError::ShortOfStock`], [`LedgerError::InvalidWindow`],
    /// [`LedgerError::PastWindow`], [`LedgerError::FarWindow`],
    /// [`LedgerError::UnknownProduct`], [`LedgerError::Exists`], [`LedgerError::KeyReused`].
    pub async fn create_sale(&self, sale: NewSale) -> Result<Sale, LedgerError> {
        let details = json!({
            "productId": sale.product,
            "startTime": sale.start,
            "endTime": sale.end,
            "quantity": sale.units,
        });
        let created = self.once(CREATE_SALE, &details, async |logged| {
            let made: Option<(bool, i64)> = sqlx::query_as(
                "WITH stock AS (
                     SELECT product_id, coalesce($5::bigint, quantity) AS units
                     FROM stocks WHERE product_id = $2 FOR UPDATE
                 ), clock AS MATERIALIZED (
                     -- Once the lock is held: it may have been waited for.
                     SELECT $4 > clock_timestamp() AS is_ahead FROM stock
                 ), moved AS (
                     UPDATE stocks s SET quantity = s.quantity - stock.units, updated_at = now()
                     FROM stock, clock
                     WHERE s.product_id = stock.product_id AND clock.is_ahead
                 ), sale AS (
                     INSERT INTO flash_sales
                         (id, product_id, price, currency, start_time, end_time, units, available)
                     SELECT $1, p.id, p.price, p.currency, $3, $4, stock.units, stock.units
                     FROM stock JOIN products p ON p.id = stock.product_id, clock
                     WHERE clock.is_ahead
                     RETURNING id
                 ), logged AS (
                     SELECT log_action($6, $7, id, $8) FROM sale
                 )
                 SELECT clock.is_ahead, (SELECT count(*) FROM logged) FROM clock",
            )
            .bind(sale.id)
            .bind(sale.product)
            .bind(sale.start)
            .bind(sale.end)
            .bind(sale.units.map(i64::from))
            .bind(logged.by)
            .bind(logged.action)
            .bind(logged.details)
            .fetch_optional(&self.pool)
            .await?;
            match made {
                Some((true, _)) => Ok(sale.id.uuid()),
                Some((false, _)) => Err(LedgerError::PastWindow),
                None => Err(LedgerError::UnknownProduct),
            }
        });
        match created.await {
            Ok(id) => self.known_sale(SaleId::from_uuid(id)).await,
            Err(error) => Err(self
                .shortage_of_creation(error, sale.product, sale.units)
                .await),
        }
    }

    /// Moves the window of a sale that has not ended. Repeating it changes nothing. With a key that was used before,
    /// nothing changes, even if the sale was moved elsewhere since.
    ///
    /// # Errors
    /// [`LedgerError::InvalidWindow`], [`LedgerError::PastWindow`], [`LedgerError::FarWindow`],
    /// [`LedgerError::UnknownSale`], [`LedgerError::WrongState`], [`LedgerError::KeyReused`].
    pub async fn move_sale(
        &self,
        id: SaleId,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Sale, LedgerError> {
        let details = json!({ "saleId": id, "startTime": start, "endTime": end });
        let moved = self.once(MOVE_SALE, &details, async |logged| {
            let seen: Option<(String, bool, i64)> = sqlx::query_as(
                "WITH seen AS (
                     SELECT id, state, (start_time, end_time) = ($2, $3) AS is_there
                     FROM flash_sales WHERE id = $1 FOR NO KEY UPDATE
                 ), clock AS MATERIALIZED (
                     -- Once the lock is held: it may have been waited for.
                     SELECT $3 > clock_timestamp() AS is_ahead FROM seen
                 ), sale AS (
                     UPDATE flash_sales f
                     SET start_time = $2, end_time = $3, version = f.version + 1, updated_at = now()
                     FROM seen, clock
                     WHERE f.id = seen.id AND seen.state IN ('open', 'paused')
                       AND clock.is_ahead AND NOT seen.is_there
                     RETURNING f.id
                 ), logged AS (
                     SELECT log_action($4, $5, id, $6) FROM sale
                 )
                 SELECT seen.state, seen.is_there OR clock.is_ahead, (SELECT count(*) FROM logged)
                 FROM seen, clock",
            )
            .bind(id)
            .bind(start)
            .bind(end)
            .bind(logged.by)
            .bind(logged.action)
            .bind(logged.details)
            .fetch_optional(&self.pool)
            .await?;
            let (state, may_be, _) = seen.ok_or(LedgerError::UnknownSale)?;
            match state.parse().map_err(decoding)? {
                SaleState::Open | SaleState::Paused if may_be => Ok(id.uuid()),
                SaleState::Open | SaleState::Paused => Err(LedgerError::PastWindow),
                SaleState::Ended | SaleState::Settled => Err(LedgerError::WrongState),
            }
        });
        self.known_sale(SaleId::from_uuid(moved.await?)).await
    }

    /// Opens, pauses or ends a sale. Repeating it changes nothing; an ended sale stays ended.
    ///
    /// A sale that this ends gets the instant of this statement as its end, unless it was over before. A sale that
    /// has not started never sold: its window becomes the microsecond before its end. The gate sells until it learns
    /// of the end by a sync, and the reconciler posts these purchases like all others.
    ///
    /// # Errors
    /// [`LedgerError::UnknownSale`]; [`LedgerError::WrongState`] for an ended sale, and for [`SaleState::Settled`],
    /// which only [`Ledger::settle`] sets.
    pub async fn set_state(&self, id: SaleId, state: SaleState) -> Result<Sale, LedgerError> {
        self.set_state_if(id, state, None).await
    }

    /// Ends a sale that is over by its gate's clock, unless it has changed since this version. Its window stays as it
    /// is.
    ///
    /// # Errors
    /// As [`Ledger::set_state`]; [`LedgerError::WrongState`] if it has changed.
    pub async fn end_unchanged(&self, id: SaleId, version: Version) -> Result<Sale, LedgerError> {
        self.set_state_if(id, SaleState::Ended, Some(version)).await
    }

    async fn set_state_if(
        &self,
        id: SaleId,
        state: SaleState,
        version: Option<Version>,
    ) -> Result<Sale, LedgerError> {
        let action = match state {
            SaleState::Open => "sale.resume",
            SaleState::Paused => "sale.pause",
            SaleState::Ended => "sale.end",
            SaleState::Settled => return Err(LedgerError::WrongState),
        };
        // The reconciler ends sales that are over by the gate's clock: there the window decides, and not the ledger's
        // clock.
        let ends_now = state == SaleState::Ended && version.is_none();
        // Decided by the reading of this very statement: a moment later another statement may have changed the sale.
        let seen: Option<(String, bool)> = sqlx::query_as(
            "WITH seen AS (
                 SELECT id, state, version, start_time, end_time FROM flash_sales
                 WHERE id = $1 FOR NO KEY UPDATE
             ), ending AS MATERIALIZED (
                 -- Once the lock is held: it may have been waited for.
                 SELECT CASE WHEN $6 THEN least(end_time, clock_timestamp()) ELSE end_time END AS at
                 FROM seen
             ), sale AS (
                 UPDATE flash_sales f
                 SET version = f.version + 1, state = $2, updated_at = now(), end_time = ending.at,
                     -- One that is ended before its start never sold, unless it had begun before it was moved.
                     start_time = CASE WHEN f.start_time < ending.at THEN f.start_time
                                       ELSE coalesce(f.began_at, ending.at - interval '1 microsecond') END
                 FROM seen, ending
                 WHERE f.id = seen.id AND seen.state IN ('open', 'paused') AND seen.state <> $2
                   AND seen.version = coalesce($3, seen.version)
                 RETURNING f.id
             ), logged AS (
                 SELECT log_action($4, $5, sale.id, CASE WHEN $2 <> 'ended' THEN '{}' ELSE
                     jsonb_strip_nulls(jsonb_build_object(
                         'endTime', instant_text(ending.at),
                         'plannedEndTime', instant_text(nullif(seen.end_time, ending.at)),
                         'plannedStartTime',
                         instant_text(CASE WHEN seen.start_time >= ending.at THEN seen.start_time END)
                     )) END)
                 FROM sale, seen, ending
             )
             SELECT seen.state, (SELECT count(*) FROM logged) > 0 FROM seen",
        )
        .bind(id)
        .bind(state.as_str())
        .bind(version)
        .bind(self.by())
        .bind(action)
        .bind(ends_now)
        .fetch_optional(&self.pool)
        .await?;
        let (before, changed) = seen.ok_or(LedgerError::UnknownSale)?;
        if !changed && before != state.as_str() {
            return Err(LedgerError::WrongState);
        }
        self.known_sale(id).await
    }

    /// Moves more units from the product's stock into a sale that has not ended. With a key that was used before, it
    /// moves nothing more.
    ///
    /// # Errors
    /// [`LedgerError::ShortOfStock`], [`LedgerError::FullSale`], [`LedgerError::UnknownSale`],
    /// [`LedgerError::WrongState`], [`LedgerError::KeyReused`].
    pub async fn restock(&self, id: SaleId, units: u32) -> Result<Sale, LedgerError> {
        let details = json!({ "saleId": id, "quantity": units });
        let restocked = self.once(RESTOCK_SALE, &details, async |logged| {
            let made = sqlx::query(
                "WITH sale AS (
                     UPDATE flash_sales
                     SET units = units + $2::bigint, available = available + $2::bigint,
                         version = version + 1, updated_at = now()
                     WHERE id = $1 AND state IN ('open', 'paused')
                     RETURNING id, product_id
                 ), stock AS (
                     UPDATE stocks s SET quantity = s.quantity - $2::bigint, updated_at = now()
                     FROM sale WHERE s.product_id = sale.product_id
                 )
                 SELECT log_action($3, $4, id, $5) FROM sale",
            )
            .bind(id)
            .bind(i64::from(units))
            .bind(logged.by)
            .bind(logged.action)
            .bind(logged.details)
            .fetch_optional(&self.pool)
            .await?;
            match made {
                Some(_) => Ok(id.uuid()),
                None => {
                    self.known_sale(id).await?;
                    Err(LedgerError::WrongState)
                }
            }
        });
        match restocked.await {
            Ok(id) => self.known_sale(SaleId::from_uuid(id)).await,
            Err(error) => Err(self.shortage_of_restock(error, id, units).await),
        }
    }

    /// Settles an ended sale: its available units go back to the product. This succeeds only if exactly `taken`
    /// buyers are posted and the sale has epoch `base`; otherwise it changes nothing and returns false.
    ///
    /// # Errors
    /// [`LedgerError::FullStock`].
    pub async fn settle(&self, id: SaleId, base: Epoch, taken: u64) -> Result<bool, LedgerError> {
        let settled = sqlx::query(
            "WITH sale AS (
                 SELECT id, product_id, available FROM flash_sales
                 WHERE id = $1 AND state = 'ended' AND epoch = $2 AND base = $2 AND posted = $3
                 FOR UPDATE
             ), settled AS (
                 UPDATE flash_sales f
                 SET state = 'settled', settled_at = now(), updated_at = now(),
                     returned = f.returned + f.available, available = 0, version = f.version + 1
                 FROM sale WHERE f.id = sale.id
             ), stock AS (
                 UPDATE stocks s SET quantity = s.quantity + sale.available, updated_at = now()
                 FROM sale WHERE s.product_id = sale.product_id
             )
             SELECT log_action($4, 'sale.settle', id, jsonb_build_object('returned', available))
             FROM sale",
        )
        .bind(id)
        .bind(base)
        .bind(taken.cast_signed())
        .bind(self.by())
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::of_return)?;
        Ok(settled.is_some())
    }
}
