//! The archive of products, for admins.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{OpenApi, param::Path};
use sale::model::ProductId;
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::Admin,
    payload::{Reply, Success, success},
    problem::{Refusal, failures},
    services::Services,
    views::ProductReply,
};

failures! {
    /// Why a product was neither archived nor taken out of the archive.
    ArchiveFailed {
        /// The request is not valid.
        Invalid = 400,
        /// There is no such product.
        NotFound = 404,
        /// It cannot be done at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

type Archived = Result<Reply<Success<ProductReply>>, Refusal<ArchiveFailed>>;

/// The archive.
pub struct AdminArchiveApi;

#[OpenApi(prefix_path = "/api/admin/products", tag = "Tag::Administration")]
impl AdminArchiveApi {
    /// Archive a product
    ///
    /// It is not listed any more, unless the archive is asked for, and gets no new sale. Its sales go on.
    #[oai(
        path = "/:id/archive",
        method = "post",
        operation_id = "archiveProduct"
    )]
    async fn archive(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The product.
        id: Path<Uuid>,
    ) -> Archived {
        set(&services, &admin, id.0, true).await
    }

    /// Take a product out of the archive
    #[oai(
        path = "/:id/unarchive",
        method = "post",
        operation_id = "unarchiveProduct"
    )]
    async fn unarchive(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The product.
        id: Path<Uuid>,
    ) -> Archived {
        set(&services, &admin, id.0, false).await
    }
}

async fn set(services: &Services, admin: &Admin, id: Uuid, archived: bool) -> Archived {
    let ledger = services.ledger.on_behalf(admin.by(None));
    let id = ProductId::from_uuid(id);
    let product = services
        .detached
        .run(async move { ledger.archive_product(id, archived).await })
        .await??;
    tracing::info!(product = %product.id, by = %admin.caller.buyer, archived, "product changed");
    Ok(success(product.into()))
}
