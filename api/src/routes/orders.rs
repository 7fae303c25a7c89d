//! The orders of the user who asks.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};
use sale::{
    ledger::BoughtOrder,
    model::{BuyerId, Role},
};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::User,
    payload::Reply,
    problem::{Code, Problem, Refusal, failures},
    services::Services,
    types::paging::{Cursor, Limit, Listed, asked, page_of},
    views::OrderOfUser,
};

failures! {
    /// Why orders are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// They are somebody else's.
        Forbidden = 403,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// Orders.
pub struct OrdersApi;

#[OpenApi(prefix_path = "/api/purchase", tag = "Tag::Purchases")]
impl OrdersApi {
    /// The orders of a user, the newest first
    ///
    /// For that user and for admins. A purchase is an order once it is completed, and one that failed is none.
    #[oai(path = "/user/:userId", method = "get", operation_id = "ordersOfUser")]
    async fn of_user(
        &self,
        services: Data<&Arc<Services>>,
        User(caller): User,
        /// The user.
        #[oai(name = "userId")]
        user_id: Path<Uuid>,
        /// The most orders of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<OrderOfUser>>, Refusal<ListFailed>> {
        let buyer = BuyerId::from_uuid(user_id.0);
        if buyer != caller.buyer && caller.role != Role::Admin {
            let problem = Problem::new(Code::Forbidden, "These are the orders of somebody else.");
            return Err(problem.into());
        }
        let asked = asked(&limit, &cursor);
        let orders = services.purchases.orders_of(buyer, asked.and_one()).await?;
        Ok(page_of(asked, orders, BoughtOrder::place, Into::into))
    }
}
