//! The classes of requests, and the policies of each. `operations` says which operation is of which class.

use crate::settings::RateLimitSettings;

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
