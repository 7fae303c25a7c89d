//! Products, for admins.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi};
use sale::{
    ledger::{NewProduct, Product},
    money::Currency,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Tag, validation};
use crate::{
    auth::Admin,
    detached::detached,
    payload::{Incoming, Reply, Success, success},
    price::Price,
    problem::{Problem, Refusal, failures},
    services::Services,
};

/// The longest name, characters.
const NAME_CHARACTERS_MAX: usize = 200;
/// The longest description, characters.
const DESCRIPTION_CHARACTERS_MAX: usize = 10_000;
/// The longest address of a picture, characters.
const IMAGE_URL_CHARACTERS_MAX: usize = 2_048;

/// A product to be created.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct ProductRequest {
    /// Its name, at most 200 characters.
    name: String,
    /// Its description, at most 10,000 characters.
    description: Option<String>,
    /// Its price, more than 0, with at most two decimals.
    price: Price,
    /// The currency of the price, of those with two decimals; USD if left out.
    currency: Option<String>,
    /// Where a picture of it is, at most 2,048 characters.
    image_url: Option<String>,
    /// Units in stock.
    quantity: u32,
}

/// A product and its stock.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Product", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct ProductReply {
    /// Its id.
    id: Uuid,
    /// The same id, by its other name.
    product_id: Uuid,
    /// Its name.
    name: String,
    /// Its description.
    description: Option<String>,
    /// Its price.
    price: Price,
    /// The currency of the price.
    currency: String,
    /// Where a picture of it is.
    image_url: Option<String>,
    /// Units in stock that are in no sale.
    quantity: u32,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<Product> for ProductReply {
    fn from(product: Product) -> Self {
        Self {
            id: product.id.uuid(),
            product_id: product.id.uuid(),
            name: product.name,
            description: product.description,
            price: Price(product.price),
            currency: product.currency.to_string(),
            image_url: product.image_url,
            quantity: product.quantity,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
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
        /// It can not be done at the moment. It may have been done: look before trying again.
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
        Admin(caller): Admin,
        Incoming(request): Incoming<ProductRequest>,
    ) -> Result<Created, Refusal<CreateFailed>> {
        let product = new_product(request)?;
        let services = Arc::clone(&services);
        let product = detached(async move { services.ledger.create_product(product).await })
            .await?
            .map_err(|error| Problem::from(error).retry_unsafe())?;
        tracing::info!(product = %product.id, by = %caller.buyer, "product created");
        Ok(Created::Product(success(product.into())))
    }
}

fn new_product(request: ProductRequest) -> Result<NewProduct, Problem> {
    validation::filled_text("name", &request.name, NAME_CHARACTERS_MAX)?;
    if let Some(description) = &request.description {
        validation::text("description", description, DESCRIPTION_CHARACTERS_MAX)?;
    }
    if let Some(url) = &request.image_url {
        validation::text("imageUrl", url, IMAGE_URL_CHARACTERS_MAX)?;
    }
    if request.price.0.cents() == 0 {
        return Err(Problem::validation("price must be more than 0."));
    }
    let currency = match &request.currency {
        Some(code) => code
            .parse()
            .map_err(|error| Problem::validation(format!("currency is not valid: {error}.")))?,
        None => Currency::DEFAULT,
    };
    Ok(NewProduct {
        name: request.name,
        description: request.description,
        price: request.price.0,
        currency,
        image_url: request.image_url,
        quantity: validation::units("quantity", request.quantity, 1)?,
    })
}
