//! The ledger's part of an install: the lock, the number of the attempt, the buyers to load, and the confirmation.
//! The order of the steps, and why, is in [`crate::install`].

use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::{Ledger, LedgerError, Sale, connect};
use crate::model::{BuyerId, Epoch, OrderId, SaleId};

/// How long the lock lasts, milliseconds: its connection is idle, and Postgres ends it after this time. An install
/// that continues without the lock does no harm: the ledger confirms only the last attempt.
const LOCK_LIFETIME_MS: u64 = 30_000;

/// The lock for installing one sale: a Postgres advisory lock on a connection of its own, which ends with it.
pub struct InstallLock {
    connection: PgConnection,
}

impl InstallLock {
    /// Releases the lock at once: Postgres notices the end of a connection only a moment later.
    pub async fn release(mut self) {
        let unlocked = sqlx::query("SELECT pg_advisory_unlock_all()")
            .execute(&mut self.connection)
            .await;
        let closed = self.connection.close().await;
        if let Err(error) = unlocked.map(drop).and(closed) {
            tracing::debug!(%error, "the connection of an install lock did not end cleanly");
        }
    }
}

impl Ledger {
    /// The lock for installing a sale; `None` while another process holds it.
    pub async fn lock_install(&self, sale: SaleId) -> Result<Option<InstallLock>, LedgerError> {
        let mut connection = connect(&self.pool.connect_options()).await?;
        sqlx::query("SELECT set_config('idle_session_timeout', $1, false)")
            .bind(LOCK_LIFETIME_MS.to_string())
            .execute(&mut connection)
            .await?;
        let locked: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
                .bind(format!("mincommerce install {sale}"))
                .fetch_one(&mut connection)
                .await?;
        Ok(locked.then_some(InstallLock { connection }))
    }

    /// Numbers an attempt to install a sale, and returns the sale as of then. `None` if it is unknown or settled.
    pub async fn begin_install(&self, sale: SaleId) -> Result<Option<Sale>, LedgerError> {
        let epoch: Option<Epoch> = sqlx::query_scalar(
            "UPDATE flash_sales SET epoch = epoch + 1, updated_at = now()
             WHERE id = $1 AND state <> 'settled' RETURNING epoch",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        let Some(epoch) = epoch else { return Ok(None) };
        let sale = self.known_sale(sale).await?;
        // The number of this attempt, even if another has begun in between: the ledger then does not confirm this
        // one.
        Ok(Some(Sale { epoch, ..sale }))
    }

    /// Up to `count` of the buyers that a sale's `posted` counts, after `after` in the order of their ids. Each comes
    /// with the order, or else the counted rejection.
    pub async fn posted_buyers(
        &self,
        sale: SaleId,
        after: Option<BuyerId>,
        count: u32,
    ) -> Result<Vec<(BuyerId, OrderId)>, LedgerError> {
        let first = after.map_or(Some(BuyerId::FIRST), BuyerId::next);
        let Some(first) = first else {
            return Ok(Vec::new());
        };
        Ok(
            sqlx::query_as("SELECT buyer_id, order_id FROM posted_buyers($1, $2, $3)")
                .bind(sale)
                .bind(first)
                .bind(i64::from(count))
                .fetch_all(&self.pool)
                .await?,
        )
    }

    /// Confirms an install. This succeeds only if no later attempt has begun, the sale is not settled, and exactly
    /// `installed` buyers are posted. Otherwise it changes nothing and returns false. The details are for the log.
    pub async fn complete_install(
        &self,
        sale: SaleId,
        epoch: Epoch,
        installed: u64,
        details: &Value,
    ) -> Result<bool, LedgerError> {
        let completed = sqlx::query(
            "WITH sale AS (
                 UPDATE flash_sales SET base = $2, updated_at = now()
                 WHERE id = $1 AND epoch = $2 AND state <> 'settled' AND posted = $3
                 RETURNING id
             )
             SELECT log_action($4, 'sale.install', id, $5) FROM sale",
        )
        .bind(sale)
        .bind(epoch)
        .bind(installed.cast_signed())
        .bind(self.by())
        .bind(details)
        .fetch_optional(&self.pool)
        .await?;
        Ok(completed.is_some())
    }

    /// Raises a sale's epoch to this one, if it is lower: after the ledger was rolled back, the gate may belong to an
    /// install that the ledger does not know. A person has decided that the newer ledger will not come back.
    pub async fn accept_epoch(&self, sale: SaleId, epoch: Epoch) -> Result<(), LedgerError> {
        sqlx::query(
            "WITH sale AS (
                 UPDATE flash_sales SET epoch = $2, updated_at = now()
                 WHERE id = $1 AND epoch < $2 AND state <> 'settled' RETURNING id
             )
             SELECT log_action($3, 'sale.accept_ledger', id, jsonb_build_object('epoch', $2))
             FROM sale",
        )
        .bind(sale)
        .bind(epoch)
        .bind(self.by())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
