//! Users, for admins.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{OpenApi, param::Query};
use sale::ledger::{AddressPrefix, ListedUser};

use super::Tag;
use crate::{
    auth::Admin,
    payload::Reply,
    problem::{Refusal, failures},
    services::Services,
    types::paging::{Cursor, Limit, Listed, asked, page_of},
    views::AdminUser,
};

failures! {
    /// Why users are not listed.
    ListFailed {
        /// The request is not valid.
        Invalid = 400,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// Users.
pub struct AdminUsersApi;

#[OpenApi(prefix_path = "/api/admin", tag = "Tag::Administration")]
impl AdminUsersApi {
    /// Users with an address, in the order of their addresses
    #[oai(path = "/users", method = "get", operation_id = "adminUsers")]
    async fn list(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// Users whose address begins with this text, in upper or lower case.
        email: Query<Option<String>>,
        /// The most users of a page; 50 if left out.
        limit: Query<Option<Limit>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Reply<Listed<AdminUser>>, Refusal<ListFailed>> {
        let asked = asked(&limit, &cursor);
        let begin = email.0.as_deref().map(AddressPrefix::parse).transpose()?;
        let users = services
            .ledger
            .listed_users(begin.as_ref(), asked.and_one());
        Ok(page_of(asked, users.await?, ListedUser::place, Into::into))
    }
}
