//! The log of changes, for admins.

use std::{collections::BTreeSet, sync::Arc};

use poem::web::Data;
use poem_openapi::{OpenApi, param::Query};
use sale::{
    input,
    ledger::{ActionFilter, Ledger, ListedAction},
    model::{OrderId, ProductId, SaleId},
};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::Admin,
    payload::Reply,
    problem::{Problem, Refusal, failures},
    services::Services,
    types::{
        instant::Instant,
        paging::{Cursor, Limit, Listed, asked, page_of},
    },
    views::{AuditLogEntry, author},
};

/// The longest actor, which may be an address, and the longest action, characters.
const WORD_CHARACTERS_MAX: usize = 254;

failures! {
    /// Why the log is not shown.
    LogFailed {
        /// The request is not valid.
        Invalid = 400,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// The log of changes.
pub struct AdminLogApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminLogApi {
    /// Who changed what, the newest first
    #[oai(path = "/audit-log", method = "get", operation_id = "auditLog")]
    #[expect(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// Changes of this sale, cancellations of its orders, and replays of its rejections.
        #[oai(name = "saleId")]
        sale_id: Query<Option<Uuid>>,
        /// Changes of this product.
        #[oai(name = "productId")]
        product_id: Query<Option<Uuid>>,
        /// Changes of this order, and the replay that made it.
        #[oai(name = "orderId")]
        order_id: Query<Option<Uuid>>,
        /// Changes by this actor: the `actor` of an entry, or the address of a user.
        actor: Query<Option<String>>,
        /// Changes of this kind, such as `sale.pause`; or of all kinds that begin so, if it ends with a dot: `sale.`.
        action: Query<Option<String>>,
        /// Changes since this instant.
        from: Query<Option<Instant>>,
        /// Changes before this instant.
        to: Query<Option<Instant>>,
        /// The most changes of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<AuditLogEntry>>, Refusal<LogFailed>> {
        let ledger = &services.ledger;
        let asked = asked(&limit, &cursor);
        for (field, word) in [("actor", &actor.0), ("action", &action.0)] {
            if let Some(word) = word {
                input::text(field, word, WORD_CHARACTERS_MAX)?;
            }
        }
        for (field, at) in [("from", &from.0), ("to", &to.0)] {
            if let Some(Instant(at)) = at {
                input::instant(field, *at)?;
            }
        }
        let filter = ActionFilter {
            sale: sale_id.0.map(SaleId::from_uuid),
            product: product_id.0.map(ProductId::from_uuid),
            order: order_id.0.map(OrderId::from_uuid),
            actor: match actor.0 {
                Some(actor) => Some(named(ledger, actor).await?),
                None => None,
            },
            action: action.0,
            from: from.0.map(|Instant(at)| at),
            to: to.0.map(|Instant(at)| at),
        };
        let page = asked.and_one();
        let actions = if filter.is_of_all() {
            ledger.listed_actions(&filter, page).await?
        } else {
            let find =
                move |ledger: Ledger| async move { ledger.listed_actions(&filter, page).await };
            services.search(find).await?
        };
        let authors = actions.iter().filter_map(|listed| author(&listed.action));
        let authors: BTreeSet<Uuid> = authors.collect();
        let addresses = ledger.addresses_of(authors).await?;
        let show = |listed| AuditLogEntry::of(listed, &addresses);
        Ok(page_of(asked, actions, ListedAction::place, show))
    }
}

/// An actor as the log names it: a user stands there by the id.
async fn named(ledger: &Ledger, actor: String) -> Result<String, Problem> {
    if !actor.contains('@') {
        return Ok(actor);
    }
    let user = ledger.user_by_email(&actor).await?;
    Ok(user.map_or(actor, |user| user.id.to_string()))
}
