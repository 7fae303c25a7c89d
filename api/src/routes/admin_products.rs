//! Products, for admins.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    types::MaybeUndefined,
};
use sale::{
    input,
    invalid::Invalid,
    ledger::{Ledger, NewProduct, Product, ProductChange, ProductFilter, StockChange},
    model::ProductId,
    money::Currency,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{Tag, headers::IdempotencyKey};
use crate::{
    auth::Admin,
    payload::{Incoming, Reply, Success, optional_whole, success, whole},
    problem::{Code, Problem, Refusal, failures},
    services::Services,
    types::{
        one_of::OneOf,
        paging::{Cursor, Limit, Listed, asked, page_of},
        price::AskedPrice,
    },
    views::ProductReply,
};

/// The longest text to look for in names, characters: as long as a name.
const SEARCH_CHARACTERS_MAX: usize = 200;

/// A product to be created.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct ProductRequest {
    /// Its name, at most 200 characters. It is kept with one space for each run of white space, and none at its ends.
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
    /// Its description, at most 10,000 characters.
    #[oai(validator(max_length = 10_000))]
    description: Option<String>,
    /// Its price, with at most the decimals of its currency; 0 for what is free.
    price: AskedPrice,
    /// The currency of the price, by its ISO 4217 code in capitals; USD if left out.
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

/// What is to be changed of a product: what is left out stays (RFC 7396).
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct ProductPatch {
    /// Its name, at most 200 characters. It is kept with one space for each run of white space, and none at its ends.
    #[oai(validator(min_length = 1, max_length = 200))]
    name: Option<String>,
    /// Its description, at most 10,000 characters; null takes it away.
    #[oai(validator(max_length = 10_000))]
    #[serde(default)]
    description: MaybeUndefined<String>,
    /// Its price, with at most the decimals of its currency. Sales keep the price that they were created
    /// with.
    price: Option<AskedPrice>,
    /// The currency of the price, by its ISO 4217 code in capitals. Without a price, the present one must
    /// fit it.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    currency: Option<String>,
    /// Where a picture of it is: https://, http:// or a path, at most 2,048 characters; null takes it away.
    #[oai(validator(
        max_length = 2_048,
        pattern = "^(https?://|/)[^\\s\\u0000-\\u001f\\u007f-\\u009f]*$"
    ))]
    #[serde(default)]
    image_url: MaybeUndefined<String>,
    /// Units in stock that are in no sale. `expectedQuantity` must stand beside it.
    #[oai(validator(minimum(value = "0"), maximum(value = "2147483647")))]
    #[serde(default, deserialize_with = "optional_whole")]
    quantity: Option<u32>,
    /// The units that the caller read. If there are others now, nothing is changed (409).
    #[oai(validator(minimum(value = "0"), maximum(value = "2147483647")))]
    #[serde(default, deserialize_with = "optional_whole")]
    expected_quantity: Option<u32>,
    /// Units that come to those in stock, instead of `quantity`.
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    #[serde(default, deserialize_with = "optional_whole")]
    add_quantity: Option<u32>,
    /// Units that leave those in stock, instead of `quantity`.
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    #[serde(default, deserialize_with = "optional_whole")]
    remove_quantity: Option<u32>,
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
        /// It cannot be done at the moment. Without an Idempotency-Key it may have been done: look
        /// before trying again.
        Unavailable = 503,
    }
}

failures! {
    /// Why a product was not changed.
    ChangeFailed {
        /// The request is not valid, or INSUFFICIENT_STOCK: there are fewer units than are to be removed.
        Invalid = 400,
        /// There is no such product.
        NotFound = 404,
        /// The stock was changed since it was read (`currentQuantity` says what it is now), it cannot hold so
        /// many units, or the Idempotency-Key was used for another change.
        Conflict = 409,
        /// It cannot be done at the moment. `retrySafe` says whether to look before trying again.
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
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why products are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// It cannot be answered at the moment; it is safe to try again.
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
        let product = services
            .detached
            .run(async move { ledger.create_product(product).await })
            .await?
            .map_err(|error| Problem::from(error).unless_repeatable(repeatable))?;
        tracing::info!(product = %product.id, by = %admin.caller.buyer, "product created");
        Ok(Created::Product(success(product.into())))
    }

    /// Products, the newest first
    #[oai(path = "/", method = "get", operation_id = "products")]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// `true` lists the archived products instead of the others.
        archived: Query<Option<OneOf<bool>>>,
        /// Those with this text in their name, in upper or lower case.
        search: Query<Option<String>>,
        /// The most products of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<ProductReply>>, Refusal<ListFailed>> {
        let asked = asked(&limit, &cursor);
        if let Some(search) = &search.0 {
            input::text("search", search, SEARCH_CHARACTERS_MAX)?;
        }
        let filter = ProductFilter {
            archived: archived.0.is_some_and(|OneOf(archived)| archived),
            search: search.0,
        };
        let page = asked.and_one();
        let products = if filter.search.is_some() {
            let find = move |ledger: Ledger| async move { ledger.products(&filter, page).await };
            services.search(find).await?
        } else {
            services.ledger.products(&filter, page).await?
        };
        Ok(page_of(asked, products, Product::place, Into::into))
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

    /// Change a product, or what of it is in stock
    ///
    /// A new quantity needs the quantity that was read beside it, so that nobody overwrites what others
    /// have changed since. `addQuantity` and `removeQuantity` need none.
    #[oai(path = "/:id", method = "patch", operation_id = "changeProduct")]
    async fn change(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The product.
        id: Path<Uuid>,
        /// Changes the product once, however often it is sent.
        #[oai(name = "Idempotency-Key")]
        IdempotencyKey(key): IdempotencyKey,
        Incoming(patch): Incoming<ProductPatch>,
    ) -> Result<Reply<Success<ProductReply>>, Refusal<ChangeFailed>> {
        let change = product_change(patch)?;
        let adds = matches!(
            change.stock,
            Some(StockChange::Add(_) | StockChange::Remove(_))
        );
        let repeatable = key.is_some() || !adds;
        let ledger = services.ledger.on_behalf(admin.by(key));
        let id = ProductId::from_uuid(id.0);
        let product = services
            .detached
            .run(async move { ledger.update_product(id, change).await })
            .await?
            .map_err(|error| Problem::from(error).unless_repeatable(repeatable))?;
        tracing::info!(product = %product.id, by = %admin.caller.buyer, "product changed");
        Ok(success(product.into()))
    }
}

fn new_product(request: ProductRequest) -> Result<NewProduct, Problem> {
    let currency = request
        .currency
        .as_deref()
        .map(input::currency)
        .transpose()?;
    let product = NewProduct {
        name: request.name,
        description: request.description,
        price: input::price(request.price.0, currency.unwrap_or(Currency::DEFAULT))?,
        image_url: request.image_url,
        quantity: request.quantity,
    };
    product.check()?;
    Ok(product)
}

fn product_change(patch: ProductPatch) -> Result<ProductChange, Problem> {
    let change = ProductChange {
        stock: stock_change(&patch)?,
        name: patch.name,
        description: patch.description.into(),
        price: patch.price.map(|price| price.0),
        currency: patch.currency.as_deref().map(input::currency).transpose()?,
        image_url: patch.image_url.into(),
    };
    if change.is_empty() {
        return Err(Problem::validation("Say what is to be changed."));
    }
    change.check()?;
    Ok(change)
}

fn stock_change(patch: &ProductPatch) -> Result<Option<StockChange>, Problem> {
    let asked = (
        patch.quantity,
        patch.expected_quantity,
        patch.add_quantity,
        patch.remove_quantity,
    );
    match asked {
        (None, None, None, None) => Ok(None),
        (Some(quantity), Some(expected), None, None) => {
            Ok(Some(StockChange::Set { quantity, expected }))
        }
        (None, None, Some(units), None) => Ok(Some(StockChange::Add(units))),
        (None, None, None, Some(units)) => Ok(Some(StockChange::Remove(units))),
        (Some(_), None, None, None) => Err(invalid(
            "expectedQuantity",
            "must stand beside quantity: it is the quantity that you read. Or send addQuantity or \
             removeQuantity instead",
        )),
        (None, Some(_), None, None) => Err(invalid(
            "quantity",
            "must stand beside expectedQuantity: it is the quantity that you want",
        )),
        _ => Err(Problem::validation(
            "Send one of quantity (with expectedQuantity), addQuantity and removeQuantity.",
        )),
    }
}

fn invalid(field: &'static str, fault: &str) -> Problem {
    let fault = fault.to_owned();
    Invalid { field, fault }.into()
}
