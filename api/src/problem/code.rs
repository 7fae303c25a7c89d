//! The codes of failures, and the HTTP status of each.

use poem::http::StatusCode;
use poem_openapi::Enum;
use serde::Serialize;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename = "ProblemCode", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The request is not what it should be.
    ValidationFailed,
    /// The product does not have so many units.
    InsufficientStock,
    /// There is no token, or none that counts.
    Unauthorized,
    /// The token was good, and has expired: log in again.
    TokenExpired,
    /// The caller may not do this.
    Forbidden,
    /// There is nothing at this address.
    NotFound,
    /// There is no such sale.
    SaleNotFound,
    /// The address does not take this method.
    MethodNotAllowed,
    /// The sale does not sell now.
    SaleNotActive,
    /// Everything is sold.
    OutOfStock,
    /// The caller has bought in this sale before.
    AlreadyPurchased,
    /// It contradicts what is there.
    Conflict,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not JSON by its content type.
    UnsupportedMediaType,
    /// The caller has asked too often.
    TooManyAttempts,
    /// Something failed here.
    Internal,
    /// It cannot be answered now.
    Unavailable,
}

impl Code {
    /// The HTTP status of a failure with this code.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::ValidationFailed | Self::InsufficientStock => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::TokenExpired => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::SaleNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::SaleNotActive | Self::OutOfStock | Self::AlreadyPurchased | Self::Conflict => {
                StatusCode::CONFLICT
            }
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// `type` and `title`: the same for every failure of this code.
    pub(super) const fn kind_and_title(self) -> (&'static str, &'static str) {
        match self {
            Self::ValidationFailed => ("urn:mincommerce:validation-failed", "Validation failed"),
            Self::InsufficientStock => ("urn:mincommerce:insufficient-stock", "Insufficient stock"),
            Self::Unauthorized => ("urn:mincommerce:unauthorized", "Unauthorized"),
            Self::TokenExpired => ("urn:mincommerce:token-expired", "Token expired"),
            Self::Forbidden => ("urn:mincommerce:forbidden", "Forbidden"),
            Self::NotFound => ("urn:mincommerce:not-found", "Not found"),
            Self::SaleNotFound => ("urn:mincommerce:sale-not-found", "Sale not found"),
            Self::MethodNotAllowed => ("urn:mincommerce:method-not-allowed", "Method not allowed"),
            Self::SaleNotActive => ("urn:mincommerce:sale-not-active", "Sale not active"),
            Self::OutOfStock => ("urn:mincommerce:out-of-stock", "Out of stock"),
            Self::AlreadyPurchased => ("urn:mincommerce:already-purchased", "Already purchased"),
            Self::Conflict => ("urn:mincommerce:conflict", "Conflict"),
            Self::PayloadTooLarge => ("urn:mincommerce:payload-too-large", "Payload too large"),
            Self::UnsupportedMediaType => (
                "urn:mincommerce:unsupported-media-type",
                "Unsupported media type",
            ),
            Self::TooManyAttempts => ("urn:mincommerce:too-many-attempts", "Too many attempts"),
            Self::Internal => ("urn:mincommerce:internal", "Internal error"),
            Self::Unavailable => ("urn:mincommerce:unavailable", "Unavailable"),
        }
    }
}

/// Why a sale does not sell now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It begins at `startTime`.
    NotStarted,
    /// It is over.
    Ended,
    /// It is paused.
    Paused,
}
