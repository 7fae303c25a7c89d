//! The log of changes as people look for them, the newest first. The statement is planned for its very filter each
//! time, as that of [`super::order_list`].

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Action, Ledger, LedgerError, Page, Place};
use crate::model::{OrderId, ProductId, SaleId};

/// A filter for changes.
#[derive(Debug, Clone, Default)]
pub struct ActionFilter {
    /// Changes of this sale, cancellations of its orders, and replays of its rejections.
    pub sale: Option<SaleId>,
    /// Changes of this product.
    pub product: Option<ProductId>,
    /// Changes of this order, and the replay that made it.
    pub order: Option<OrderId>,
    /// Changes that this actor made.
    pub actor: Option<String>,
    /// Changes of this kind, such as `sale.pause`; or of all kinds that begin so, if it ends with a dot.
    pub action: Option<String>,
    /// Changes since this instant.
    pub from: Option<DateTime<Utc>>,
    /// Changes before this instant.
    pub to: Option<DateTime<Utc>>,
}

/// One change of the list.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ListedAction {
    /// Its number: a later change has a higher one.
    pub id: i64,
    /// The change.
    #[sqlx(flatten)]
    pub action: Action,
    /// The id of the sale, product, order, rejection or user that was changed.
    pub subject: Uuid,
}

impl ActionFilter {
    /// Whether all changes of a time pass it, so that the newest of them are found at once.
    pub const fn is_of_all(&self) -> bool {
        matches!(
            self,
            Self {
                sale: None,
                product: None,
                order: None,
                actor: None,
                action: None,
                from: _,
                to: _,
            }
        )
    }
}

impl ListedAction {
    /// Its place in [`Ledger::listed_actions`].
    pub const fn place(&self) -> Place {
        Place {
            at: self.action.at,
            id: Uuid::from_u64_pair(0, self.id.cast_unsigned()),
        }
    }
}

impl Ledger {
    /// The changes that pass this filter, the newest first.
    pub async fn listed_actions(
        &self,
        of: &ActionFilter,
        page: Page,
    ) -> Result<Vec<ListedAction>, LedgerError> {
        let (kinds, kind) = match of.action.as_deref() {
            Some(begin) if begin.ends_with('.') => (Some(begin), None),
            kind => (None, kind),
        };
        let after = page
            .after
            .map(|place| place.id.as_u64_pair().1.cast_signed());
        let mut list = self.list().await?;
        let rows = sqlx::query_as(
            "SELECT l.id, l.at, l.actor, l.via, l.request_id, l.action, l.details, l.subject
             FROM audit_log l
             WHERE ($1::uuid IS NULL
                    OR l.subject = ANY(ARRAY(
                        SELECT $1
                        UNION ALL
                        SELECT o.id FROM orders o WHERE o.sale_id = $1 AND o.status = 'cancelled'
                    ))
                    OR (l.action = 'rejection.replay' AND l.details ->> 'saleId' = $1::text))
               AND ($2::uuid IS NULL OR l.subject = $2)
               AND ($3::uuid IS NULL
                    OR l.subject = $3
                    OR (l.action = 'rejection.replay' AND l.details ->> 'orderId' = $3::text))
               AND ($4::text IS NULL OR l.actor = $4)
               AND ($5::text IS NULL OR l.action = $5)
               AND ($6::text IS NULL OR starts_with(l.action, $6))
               AND ($7::timestamptz IS NULL OR l.at >= $7)
               AND ($8::timestamptz IS NULL OR l.at < $8)
               AND ($9::timestamptz IS NULL OR (l.at, l.id) < ($9, $10))
             ORDER BY l.at DESC, l.id DESC LIMIT $11",
        )
        .bind(of.sale)
        .bind(of.product)
        .bind(of.order)
        .bind(&of.actor)
        .bind(kind)
        .bind(kinds)
        .bind(of.from)
        .bind(of.to)
        .bind(page.after.map(|place| place.at))
        .bind(after)
        .bind(i64::from(page.limit))
        .persistent(false)
        .fetch_all(&mut *list)
        .await;
        rows.map_err(LedgerError::of_list)
    }
}
