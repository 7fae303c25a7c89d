//! Orders, for the users whose they are.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Path, Query},
};
use sale::{
    ledger::{Order, Place},
    model::{BuyerId, OrderStatus, Role},
};
use serde::Serialize;
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::User,
    paging::{Asked, Listed, listed},
    payload::Reply,
    price::Price,
    problem::{Code, Problem, Refusal, failures},
    services::Services,
};

/// Units of an order: a sale sells one to a buyer.
const QUANTITY: u32 = 1;

/// What has become of an order.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename = "OrderStatus", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    /// It stands.
    Confirmed,
    /// It was cancelled.
    Cancelled,
}

/// A completed purchase.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Order", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct OrderReply {
    /// Its id.
    order_id: Uuid,
    /// Who bought.
    user_id: Uuid,
    /// In which sale.
    sale_id: Uuid,
    /// What was bought.
    product_id: Uuid,
    /// How many units: always one.
    quantity: u32,
    /// What one unit cost.
    price: Price,
    /// The currency of the price.
    currency: String,
    /// What has become of it.
    status: StatusWord,
    /// When the purchase was accepted.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<Order> for OrderReply {
    fn from(order: Order) -> Self {
        Self {
            order_id: order.id.uuid(),
            user_id: order.buyer.uuid(),
            sale_id: order.sale.uuid(),
            product_id: order.product_id.uuid(),
            quantity: QUANTITY,
            price: Price(order.price),
            currency: order.currency.to_string(),
            status: match order.status {
                OrderStatus::Confirmed => StatusWord::Confirmed,
                OrderStatus::Cancelled => StatusWord::Cancelled,
            },
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

failures! {
    /// Why orders are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// They are somebody else's.
        Forbidden = 403,
        /// It can not be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// Orders.
pub struct OrdersApi;

#[OpenApi(prefix_path = "/api/purchase", tag = "Tag::Purchases")]
impl OrdersApi {
    /// The orders of a user, the newest first
    ///
    /// For that user and for admins. A purchase is an order once it is completed.
    #[oai(path = "/user/:userId", method = "get", operation_id = "ordersOfUser")]
    async fn of_user(
        &self,
        services: Data<&Arc<Services>>,
        User(caller): User,
        /// The user.
        #[oai(name = "userId")]
        user_id: Path<Uuid>,
        /// The most orders of a page; 50 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// `nextCursor` of the page before.
        #[oai(validator(pattern = "^0[0-3][0-9a-f]{46}$"))]
        cursor: Query<Option<String>>,
    ) -> Result<Reply<Listed<OrderReply>>, Refusal<ListFailed>> {
        let buyer = BuyerId::from_uuid(user_id.0);
        if buyer != caller.buyer && caller.role != Role::Admin {
            let problem = Problem::new(Code::Forbidden, "These are the orders of somebody else.");
            return Err(problem.into());
        }
        let asked = Asked::of(limit.0, cursor.0.as_deref())?;
        let mut orders = services
            .ledger
            .orders_of_buyer(buyer, asked.and_one())
            .await?;
        let next = asked.cut(&mut orders, |order| Place {
            at: order.created_at,
            id: order.id.uuid(),
        });
        Ok(listed(orders.into_iter().map(Into::into).collect(), next))
    }
}
