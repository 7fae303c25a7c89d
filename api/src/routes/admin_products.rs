//! Products, for admins.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
};
use sale::{
    ledger::{NewProduct, Product},
    model::ProductId,
    money::Currency,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{Tag, headers::IdempotencyKey};
use crate::{
    auth::Admin,
    detached::detached,
    paging::{Cursor, Limit, Listed, asked, listed},
    payload::{Incoming, Reply, Success, success, whole},
    price::Price,
    problem::{Code, Problem, Refusal, failures},
    services::Services,
    views::ProductReply,
};

/// A product to be created.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct ProductRequest {
    /// Its name, at most 200 characters.
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
    /// Its description, at most 10,000 characters.
    #[oai(validator(max_length = 10_000))]
    description: Option<String>,
    /// Its price, more than 0, with at most two decimals.
    price: Price,
    /// The currency of the price, of those with two decimals; USD if left out.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    currency: Option<String>,
    /// Where a picture of it is: https://, http:// or a path, at most 2,048 characters.
    #[oai(validator(
        max_length = 2_048,
        pattern = "^(https?://|/)[^\\s\\u0000-\\u001f\\u007f-\\u009f]*$"
    ))]
    image_url: Option<String>,
    /// Units in stock.
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    #[serde(deserialize_with = "whole")]
    quantity: u32,
}

#[derive(ApiResponse)]
enum Created {
    /// The product is created.
    #[oai(status = 201)]
    Product(Reply<Success<ProductReply>>),
}

failures! {
    /// Why no product was created.
    CreateFailed {
        /// The request is not valid.
        Invalid = 400,
        /// The Idempotency-Key was used for another product.
        Conflict = 409,
        /// It can not be done at the moment. Without an Idempotency-Key it may have been done: look
        /// before trying again.
        Unavailable = 503,
    }
}

failures! {
    /// Why products are not shown.
    ShowFailed {
        /// The request is not valid.
        Invalid = 400,
        /// There is no such product.
        NotFound = 404,
        /// It can not be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why products are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// It can not be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// Products, for admins.
pub struct AdminProductsApi;

#[OpenApi(prefix_path = "/api/admin/products", tag = "Tag::Administration")]
impl AdminProductsApi {
    /// Create a product with its stock
    #[oai(path = "/", method = "post", operation_id = "createProduct")]
    async fn create(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// Creates the product once, however often it is sent.
        #[oai(name = "Idempotency-Key")]
        IdempotencyKey(key): IdempotencyKey,
        Incoming(request): Incoming<ProductRequest>,
    ) -> Result<Created, Refusal<CreateFailed>> {
        let product = new_product(request)?;
        let repeatable = key.is_some();
        let ledger = services.ledger.on_behalf(admin.by(key));
        let product = detached(async move { ledger.create_product(product).await })
            .await?
            .map_err(|error| Problem::from(error).unless_repeatable(repeatable))?;
        tracing::info!(product = %product.id, by = %admin.caller.buyer, "product created");
        Ok(Created::Product(success(product.into())))
    }

    /// All products, the newest first
    #[oai(path = "/", method = "get", operation_id = "products")]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// The most products of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<ProductReply>>, Refusal<ListFailed>> {
        let asked = asked(&limit, &cursor);
        let mut products = services.ledger.products(asked.and_one()).await?;
        let next = asked.cut(&mut products, Product::place);
        let products = products.into_iter().map(Into::into).collect();
        Ok(listed(products, next))
    }

    /// A product and its stock
    #[oai(path = "/:id", method = "get", operation_id = "product")]
    async fn show(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// The product.
        id: Path<Uuid>,
    ) -> Result<Reply<Success<ProductReply>>, Refusal<ShowFailed>> {
        match services.ledger.product(ProductId::from_uuid(id.0)).await? {
            Some(product) => Ok(success(product.into())),
            None => Err(Problem::new(Code::NotFound, "There is no such product.").into()),
        }
    }
}

fn new_product(request: ProductRequest) -> Result<NewProduct, Problem> {
    let currency = match &request.currency {
        Some(code) => code
            .parse()
            .map_err(|error| Problem::validation(format!("currency is not valid: {error}.")))?,
        None => Currency::DEFAULT,
    };
    let product = NewProduct {
        name: request.name,
        description: request.description,
        price: request.price.0,
        currency,
        image_url: request.image_url,
        quantity: request.quantity,
    };
    product.check()?;
    Ok(product)
}
