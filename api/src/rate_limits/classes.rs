//! The class of each request, and the policies of each class.

use poem::http::Method;

use crate::{documentation_paths, settings::RateLimitSettings};

/// A class of requests, with limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Logins, and requests that belong to a login.
    Login,
    /// Buying.
    Purchase,
    /// Reading the documentation, whose replies are large.
    Documentation,
    /// Everything else.
    Reading,
}

impl Class {
    /// The class of a request; none if it is not limited. (The router matches paths literally: no other spelling
    /// leads to the same route.)
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        if path == "/api/purchase" && method == Method::POST {
            return Some(Self::Purchase);
        }
        if documentation_paths::ALL.contains(&path) {
            return Some(Self::Documentation);
        }
        match path.strip_prefix("/api")? {
            "/health" | "/queue/health" => None,
            rest if rest.starts_with("/health/") => None,
            // Pages ask it whenever they are opened, and it offers nothing to guess.
            "/auth/verify" => Some(Self::Reading),
            rest if rest.starts_with("/auth/") => Some(Self::Login),
            rest if rest.is_empty() || rest.starts_with('/') => Some(Self::Reading),
            _ => None,
        }
    }

    /// The policy for the address.
    pub(super) const fn by_address(self) -> Policy {
        match self {
            Self::Login => Policy::LoginByAddress,
            Self::Purchase => Policy::PurchaseByAddress,
            Self::Documentation => Policy::DocumentationByAddress,
            Self::Reading => Policy::ReadingByAddress,
        }
    }

    /// The policy for the user, if the class has one.
    pub(super) const fn by_user(self) -> Option<Policy> {
        match self {
            Self::Login | Self::Documentation => None,
            Self::Purchase => Some(Policy::PurchaseByUser),
            Self::Reading => Some(Policy::ReadingByUser),
        }
    }
}

/// A class of requests, counted together by address, user or account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    LoginByAddress,
    LoginByAccount,
    PurchaseByAddress,
    PurchaseByUser,
    DocumentationByAddress,
    ReadingByAddress,
    ReadingByUser,
}

impl Policy {
    /// In the order of their numbers.
    pub(super) const ALL: [Self; 7] = [
        Self::LoginByAddress,
        Self::LoginByAccount,
        Self::PurchaseByAddress,
        Self::PurchaseByUser,
        Self::DocumentationByAddress,
        Self::ReadingByAddress,
        Self::ReadingByUser,
    ];

    /// The policy's name in the headers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::LoginByAddress => "login-by-address",
            Self::LoginByAccount => "login",
            Self::PurchaseByAddress => "purchase-by-address",
            Self::PurchaseByUser => "purchase",
            Self::DocumentationByAddress => "documentation-by-address",
            Self::ReadingByAddress => "reading-by-address",
            Self::ReadingByUser => "reading",
        }
    }

    /// How many requests a window allows; 0 for no limit.
    pub(super) const fn requests_max(self, settings: &RateLimitSettings) -> u32 {
        match self {
            Self::LoginByAddress => settings.login_max_requests,
            Self::LoginByAccount => settings.login_account_max_requests,
            Self::PurchaseByAddress => settings.purchase_max_requests,
            Self::PurchaseByUser => settings.purchase_user_max_requests,
            Self::DocumentationByAddress => settings.documentation_max_requests,
            Self::ReadingByAddress => settings.max_requests,
            Self::ReadingByUser => settings.user_max_requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::Class;

    #[test]
    fn each_request_is_of_one_class_or_not_limited() {
        for (method, path, class) in [
            (Method::POST, "/api/purchase", Some(Class::Purchase)),
            (Method::GET, "/api/purchase", Some(Class::Reading)),
            (Method::POST, "/api/purchase/", Some(Class::Reading)),
            (Method::GET, "/api/purchase/status", Some(Class::Reading)),
            (Method::POST, "/api/auth/login", Some(Class::Login)),
            (Method::POST, "/api/auth/verify", Some(Class::Reading)),
            (Method::POST, "/api/auth/register", Some(Class::Login)),
            (Method::POST, "/api/admin/products", Some(Class::Reading)),
            (Method::GET, "/api/queue/stats", Some(Class::Reading)),
            (Method::GET, "/api/healthy", Some(Class::Reading)),
            (Method::GET, "/api", Some(Class::Reading)),
            (Method::GET, "/api/health", None),
            (Method::GET, "/api/health/ready", None),
            (Method::GET, "/api/queue/health", None),
            (Method::GET, "/api-docs", Some(Class::Documentation)),
            (
                Method::GET,
                "/api-docs/openapi.json",
                Some(Class::Documentation),
            ),
            (Method::GET, "/api-docs/none", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(Class::of(&method, path), class, "{method} {path}");
        }
    }
}
