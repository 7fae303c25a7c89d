//! Posting: passes admitted purchases to the SQL function `post_orders` (`migrations/0007_posting.sql`),
//! which decides the outcome of each.

use std::{sync::atomic::Ordering, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Ledger, LedgerError, within};
use crate::{
    journal::EntryId,
    model::{BuyerId, Epoch, OrderId, SaleId},
};

/// The namespace for the ids of rejections of unreadable entries.
const UNREADABLE_NAMESPACE: Uuid = Uuid::from_u128(0x2f6d_19c3_0b44_5e6b_8d0c_7a2e_51f3_9c48);

/// How long a call of posting may take. It is longer than Postgres lets a statement run and wait for a lock: it expires
/// only when Postgres is gone without notice.
pub const POST_TIMEOUT: Duration = Duration::from_secs(45);

/// One admitted purchase to be posted.
#[derive(Debug, Clone)]
pub struct Posting {
    /// The order.
    pub order: OrderId,
    /// The buyer.
    pub buyer: BuyerId,
    /// The epoch of the gate that admitted it.
    pub epoch: Epoch,
    /// When the gate admitted it.
    pub admitted_at: DateTime<Utc>,
    /// Its source: a journal entry's id, or `gate` for a mark in the gate.
    pub source: String,
}

/// The result of posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Orders made by this call.
    pub confirmed: u64,
    /// Purchases that this call rejected.
    pub rejected: u64,
    /// The newest epoch whose gate provably lost a buyer's mark.
    pub lost: Option<Epoch>,
    /// A purchase has a newer epoch than the ledger knows: the ledger was rolled back. Nothing was posted.
    pub ahead: bool,
}

impl Ledger {
    /// Posts admitted purchases of one sale, in one transaction. May be repeated.
    ///
    /// # Errors
    /// If Postgres does not answer within [`POST_TIMEOUT`]; then nothing or everything was posted.
    pub async fn post(&self, sale: SaleId, postings: &[Posting]) -> Result<Posted, LedgerError> {
        let mut orders = Vec::with_capacity(postings.len());
        let mut buyers = Vec::with_capacity(postings.len());
        let mut epochs = Vec::with_capacity(postings.len());
        let mut admitted = Vec::with_capacity(postings.len());
        let mut sources = Vec::with_capacity(postings.len());
        for posting in postings {
            orders.push(posting.order.uuid());
            buyers.push(posting.buyer.uuid());
            epochs.push(posting.epoch);
            admitted.push(posting.admitted_at);
            sources.push(posting.source.as_str());
        }
        let post = sqlx::query_as("SELECT * FROM post_orders($1, $2, $3, $4, $5, $6)")
            .bind(sale)
            .bind(orders)
            .bind(buyers)
            .bind(epochs)
            .bind(admitted)
            .bind(sources)
            .fetch_one(&self.pool);
        let (confirmed, rejected, lost, ahead): (i32, i32, Epoch, bool) =
            within(POST_TIMEOUT, async { Ok::<_, LedgerError>(post.await?) }).await?;
        let confirmed = u64::from(confirmed.cast_unsigned());
        let rejected = u64::from(rejected.cast_unsigned());
        self.posted
            .fetch_add(confirmed + rejected, Ordering::Relaxed);
        Ok(Posted {
            confirmed,
            rejected,
            lost: (lost > Epoch::default()).then_some(lost),
            ahead,
        })
    }

    /// How many purchases this process has posted, as orders and as rejections.
    pub fn posted_here(&self) -> u64 {
        self.posted.load(Ordering::Relaxed)
    }

    /// Keeps an unreadable entry, as it is, among the rejections. May be repeated.
    pub async fn reject_unreadable(
        &self,
        sale: SaleId,
        entry: EntryId,
        raw: &[u8],
    ) -> Result<(), LedgerError> {
        let mut name = format!("{sale} {entry} ").into_bytes();
        name.extend_from_slice(raw);
        let rejected = sqlx::query(
            "INSERT INTO rejections (id, sale_id, entry, epoch, reason, counted, raw)
             VALUES ($1, $2, $3, $4, 'unreadable', false, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(Uuid::new_v5(&UNREADABLE_NAMESPACE, &name))
        .bind(sale)
        .bind(entry.to_string())
        .bind(entry.epoch)
        .bind(raw)
        .execute(&self.pool);
        within(POST_TIMEOUT, async {
            rejected.await?;
            Ok(())
        })
        .await
    }
}
