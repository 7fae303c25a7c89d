//! The orders of the shop, for admins: as a list, and as a file for a spreadsheet.

use std::{io, sync::Arc};

use futures_util::StreamExt;
use poem::{Body, IntoResponse, Response, http::header, web::Data};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::Query,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
};
use sale::{
    invalid::Invalid,
    ledger::{AddressPrefix, BUYERS_SEARCHED_MAX, Ledger, ListedOrder, OrderFilter},
    model::SaleId,
};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::Admin,
    long_work::EXPORT_STALL_MAX,
    payload::Reply,
    problem::{Problem, Refusal, failures},
    services::Services,
    taken::while_taken,
    types::{
        one_of::OneOf,
        paging::{Cursor, Limit, Listed, asked, page_of},
    },
    views::{AdminOrder, OrderWord, orders_csv},
};

/// The content type of an export.
const CSV: &str = "text/csv; charset=utf-8";
/// Makes browsers save an export as a file.
const ATTACHMENT: &str = "attachment; filename=\"orders.csv\"";

failures! {
    /// Why orders are not listed.
    ListFailed {
        /// The request is not valid, or too many buyers have an address that begins so.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// The orders of the shop.
pub struct AdminOrdersApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminOrdersApi {
    /// Orders, the newest first
    ///
    /// Those of all sales, or those that pass the filters. A purchase is an order once it is completed.
    #[oai(path = "/orders", method = "get", operation_id = "adminOrders")]
    #[expect(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// Those of this sale.
        #[oai(name = "saleId")]
        sale_id: Query<Option<Uuid>>,
        /// Those that stand, or those that were cancelled.
        status: Query<Option<OneOf<OrderWord>>>,
        /// Those of the buyers with an address that begins so, in upper or lower case. At most 100 buyers may have one.
        email: Query<Option<String>>,
        /// The most orders of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<AdminOrder>>, Refusal<ListFailed>> {
        let asked = asked(&limit, &cursor);
        let filter = filter(&services.ledger, sale_id.0, status.0, email.0.as_deref()).await?;
        let page = asked.and_one();
        let orders = if filter.buyers.is_some() || filter.status.is_some() {
            let find =
                move |ledger: Ledger| async move { ledger.listed_orders(&filter, page).await };
            services.search(find).await?
        } else {
            services.ledger.listed_orders(&filter, page).await?
        };
        Ok(page_of(asked, orders, ListedOrder::place, Into::into))
    }

    /// Orders as a file for a spreadsheet
    ///
    /// All that pass the filters, as CSV (RFC 4180) with a header: the newest sale first, and of each sale the newest
    /// order first. A connection that breaks off leaves the file incomplete. A cell that a spreadsheet could run as a
    /// formula begins with an apostrophe.
    #[oai(path = "/orders.csv", method = "get", operation_id = "adminOrdersCsv")]
    async fn csv(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// Those of this sale.
        #[oai(name = "saleId")]
        sale_id: Query<Option<Uuid>>,
        /// Those that stand, or those that were cancelled.
        status: Query<Option<OneOf<OrderWord>>>,
        /// Those of the buyers with an address that begins so, in upper or lower case. At most 100 buyers may have one.
        email: Query<Option<String>>,
    ) -> Result<CsvFile, Refusal<ListFailed>> {
        let place = services.long_work.export()?;
        let filter = filter(&services.ledger, sale_id.0, status.0, email.0.as_deref()).await?;
        tracing::info!(by = %admin.caller.buyer, sale = ?sale_id.0, "orders exported");
        let pieces = orders_csv::pieces(services.ledger.clone(), filter);
        let bytes = pieces.map(|piece| {
            piece.map(|piece| piece.bytes).map_err(|error| {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(error = cause, "an export of orders broke off");
                io::Error::other(error)
            })
        });
        let bytes = while_taken(bytes, place, EXPORT_STALL_MAX);
        Ok(CsvFile(Body::from_bytes_stream(bytes)))
    }
}

/// The sale of a filter, if one is named: an unknown one is refused.
pub(super) async fn known_sale(
    ledger: &Ledger,
    sale: Option<Uuid>,
) -> Result<Option<SaleId>, Problem> {
    let sale = sale.map(SaleId::from_uuid);
    if let Some(id) = sale
        && ledger.sale(id).await?.is_none()
    {
        return Err(Problem::sale_not_found());
    }
    Ok(sale)
}

async fn filter(
    ledger: &Ledger,
    sale: Option<Uuid>,
    status: Option<OneOf<OrderWord>>,
    email: Option<&str>,
) -> Result<OrderFilter, Problem> {
    let buyers = match email.map(AddressPrefix::parse).transpose()? {
        Some(begin) => match ledger.buyers_by_address(&begin).await? {
            None => return Err(too_many_buyers()),
            some => some,
        },
        None => None,
    };
    Ok(OrderFilter {
        sale: known_sale(ledger, sale).await?,
        buyers,
        status: status.map(|OneOf(word)| word.into()),
    })
}

fn too_many_buyers() -> Problem {
    let fault = format!(
        "must be longer: more than {BUYERS_SEARCHED_MAX} buyers have an address that begins so"
    );
    Invalid::new("email", fault).into()
}

/// A file in CSV.
struct CsvFile(Body);

impl IntoResponse for CsvFile {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(CSV)
            .header(header::CONTENT_DISPOSITION, ATTACHMENT)
            .body(self.0)
    }
}

impl ApiResponse for CsvFile {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The file.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: CSV,
                    schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}
