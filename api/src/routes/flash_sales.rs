//! What is on sale, for anyone.

mod eligibility;

use std::{future::ready, sync::Arc};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use poem::{IntoResponse, Response, web::Data};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::Query,
    registry::{MetaResponses, Registry},
};
use sale::{
    ledger::Sale,
    model::{Phase, SaleId},
    view::{GATES_AT_ONCE, LOOKS_TIMEOUT, View},
};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use self::eligibility::Eligibility;
use super::{Tag, headers::IfNoneMatch};
use crate::{
    auth::Visitor,
    payload::{Everybodys, JSON, Reply},
    problem::{Problem, Refusal, failures},
    replies::{
        reply::with_body,
        shared::{self, SharedReply},
    },
    sales::Showing,
    services::Services,
    types::{
        paging::{Cursor, Limit, Listed, asked, listed},
        price::Price,
    },
    views::SaleStatus,
};

/// A sale as anyone sees it. `totalQuantity` is always `availableQuantity` and `soldQuantity`
/// together.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct FlashSale {
    /// Its id.
    sale_id: Uuid,
    /// What it offers.
    product_id: Uuid,
    /// The product's name.
    product_name: String,
    /// The product's description.
    product_description: Option<String>,
    /// The price in this sale.
    product_price: Price,
    /// The currency of the price, by its ISO 4217 code.
    currency: String,
    /// Where a picture of the product is.
    image_url: Option<String>,
    /// The first instant at which it sells.
    start_time: DateTime<Utc>,
    /// The first instant at which it no longer sells; of a sale that was ended, when that was.
    end_time: DateTime<Utc>,
    /// Where it is in its life.
    status: SaleStatus,
    /// All its units.
    total_quantity: u64,
    /// Units that are not sold.
    available_quantity: u64,
    /// Units that are sold.
    sold_quantity: u64,
    /// Milliseconds until it starts; 0 once it has.
    time_until_start: u64,
    /// Milliseconds until it ends; 0 once it has.
    time_until_end: u64,
    /// The clock that it goes by.
    server_time: DateTime<Utc>,
    /// What the caller can do; null without a token.
    user_purchase_eligibility: Option<Eligibility>,
}

impl FlashSale {
    /// What it says, without what passes with time alone.
    fn without_clock(&self) -> Self {
        Self {
            server_time: DateTime::UNIX_EPOCH,
            time_until_start: 0,
            time_until_end: 0,
            ..self.clone()
        }
    }
}

/// A sale, or none.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "FlashSaleShown")]
struct Shown {
    /// Always true.
    success: bool,
    /// The sale; null where there is none at all.
    data: Option<FlashSale>,
    /// The same in words, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

failures! {
    /// Why a sale is not shown.
    StatusFailed {
        /// There is no such sale.
        NotFound = 404,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why sales are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// About as many bytes as one user's eligibility has.
const ELIGIBILITY_BYTES: usize = 256;

/// What is on sale.
pub struct FlashSalesApi;

#[OpenApi(prefix_path = "/api", tag = "Tag::FlashSales")]
impl FlashSalesApi {
    /// A sale and its stock
    ///
    /// Without `saleId` it is the current sale: the active (or paused) one that started first, else
    /// the next to start, else the one that ended last. `data` is null where there is no sale at
    /// all.
    #[oai(
        path = "/flash-sale/status",
        method = "get",
        operation_id = "flashSaleStatus"
    )]
    async fn status(
        &self,
        services: Data<&Arc<Services>>,
        Visitor(caller): Visitor,
        /// The sale; the current one if left out.
        #[oai(name = "saleId")]
        Query(sale_id): Query<Option<Uuid>>,
        /// Entity tags of the replies that the client has.
        #[oai(name = "If-None-Match")]
        IfNoneMatch(tags): IfNoneMatch,
    ) -> Result<Status, Refusal<StatusFailed>> {
        let id = sale_id.map(SaleId::from_uuid);
        let Some(showing) = services.sales.showing(id, written).await? else {
            return match id {
                Some(_) => Err(Problem::sale_not_found().into()),
                None => Ok(Status::NoSale(Reply(shown(None)))),
            };
        };
        Ok(match caller {
            None => Status::Everybodys(Everybodys::new(showing.reply, tags)),
            Some(caller) => {
                let eligibility = Eligibility::of(&services, &showing, &caller).await;
                Status::Own {
                    showing,
                    eligibility,
                }
            }
        })
    }

    /// The sales that are to come or under way, in the order of their start
    #[oai(path = "/flash-sales", method = "get", operation_id = "flashSales")]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        /// The most sales of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// Entity tags of the replies that the client has.
        #[oai(name = "If-None-Match")]
        IfNoneMatch(tags): IfNoneMatch,
    ) -> Result<Everybodys<Listed<FlashSale>>, Refusal<ListFailed>> {
        let asked = asked(&limit, &cursor);
        let write = async {
            let mut sales = services.sales.coming(asked.and_one()).await?.to_vec();
            let next = asked.cut(&mut sales, |sale| sale.start_place());
            let deadline = Instant::now() + LOOKS_TIMEOUT;
            let listing: Vec<FlashSale> = stream::iter(sales)
                .map(|sale| unless_over(&services, sale, deadline))
                .buffered(GATES_AT_ONCE)
                .filter_map(ready)
                .collect()
                .await;
            let content = listing.iter().map(FlashSale::without_clock).collect();
            let (Reply(page), Reply(content)) = (listed(listing, next), listed(content, next));
            Ok(SharedReply::new(&page, &content).map_err(Arc::new)?)
        };
        let reply = match asked.after {
            // Cursors can be made up, so only first pages are remembered.
            None => services.sales.page(asked.limit, write).await?,
            Some(_) => write.await?,
        };
        Ok(Everybodys::new(reply, tags))
    }
}

/// The status of a sale.
enum Status {
    /// What everybody sees.
    Everybodys(Everybodys<Shown>),
    /// The same, with what it is for one user.
    Own {
        showing: Showing,
        eligibility: Eligibility,
    },
    /// There is no sale at all.
    NoSale(Reply<Shown>),
}

/// How the reply that everybody sees ends; one user's differs only there.
const NO_ELIGIBILITY: &[u8] = b"null}}";

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        match self {
            Self::Everybodys(reply) => reply.into_response(),
            Self::NoSale(reply) => reply.into_response(),
            Self::Own {
                showing,
                eligibility,
            } => {
                let begin = showing.reply.body();
                let begin = begin.strip_suffix(NO_ELIGIBILITY).unwrap_or_default();
                let mut body = Vec::with_capacity(begin.len() + ELIGIBILITY_BYTES);
                body.extend_from_slice(begin);
                if let Err(error) = serde_json::to_writer(&mut body, &eligibility) {
                    return Problem::internal(&error).into_response();
                }
                body.extend_from_slice(b"}}");
                let mut response = with_body(JSON, body);
                shared::vary(response.headers_mut());
                response
            }
        }
    }
}

impl ApiResponse for Status {
    fn meta() -> MetaResponses {
        Everybodys::<Shown>::meta()
    }

    fn register(registry: &mut Registry) {
        Everybodys::<Shown>::register(registry);
    }
}

fn shown(sale: Option<FlashSale>) -> Shown {
    let message = sale
        .is_none()
        .then(|| "No flash sale has been created yet.".to_owned());
    Shown {
        success: true,
        data: sale,
        message,
    }
}

/// Writes what everybody sees of a sale.
fn written(sale: &Sale, view: &View) -> serde_json::Result<SharedReply> {
    let seen = flash_sale(sale, view, None);
    let content = seen.without_clock();
    let reply = SharedReply::new(&shown(Some(seen)), &content)?;
    debug_assert!(reply.body().ends_with(NO_ELIGIBILITY), "its last member");
    Ok(reply)
}

/// A sale, unless it is over by its gate, which may have heard of that before the ledger was asked.
async fn unless_over(services: &Services, sale: Arc<Sale>, deadline: Instant) -> Option<FlashSale> {
    let view = services.sales.view_until(&sale, deadline).await;
    (view.phase != Phase::Ended).then(|| flash_sale(&sale, &view, None))
}

fn flash_sale(sale: &Sale, view: &View, eligibility: Option<Eligibility>) -> FlashSale {
    FlashSale {
        sale_id: sale.id.uuid(),
        product_id: sale.product_id.uuid(),
        product_name: sale.product_name.clone(),
        product_description: sale.product_description.clone(),
        product_price: Price(sale.price),
        currency: sale.price.currency().to_string(),
        image_url: sale.image_url.clone(),
        start_time: view.start,
        end_time: view.end,
        status: view.phase.into(),
        total_quantity: view.total,
        available_quantity: view.available,
        sold_quantity: view.sold(),
        time_until_start: view.milliseconds_until(view.start),
        time_until_end: view.milliseconds_until(view.end),
        server_time: view.now,
        user_purchase_eligibility: eligibility,
    }
}
