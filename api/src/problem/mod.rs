//! The one shape of every failure: `application/problem+json` (RFC 9457) with the members that
//! clients of MinCommerce read (`success`, `error`, `code`).
//!
//! A failure travels as a [`Problem`] value. Handlers return it inside a small enum for each operation, so that the
//! OpenAPI document lists what can happen. Extractors raise it. [`crate::edge`] alone writes it out, because only the
//! edge knows the request it belongs to.
//!
//! | use | for |
//! | --- | --- |
//! | [`Problem::of_field`] | a field, a parameter or a header that the caller can correct |
//! | [`Problem::validation`] | anything else that the caller can correct in the request |
//! | [`Problem::new`] | a refusal with a code of its own |
//! | [`Problem::unavailable`] | an operation that works again later; a retry is safe |
//! | [`Problem::internal`] | a defect; the cause goes to the log and nowhere else |

mod code;
mod domain;
mod wire;

use std::{borrow::Cow, fmt};

use chrono::{DateTime, Utc};
use poem::{
    error::ReadBodyError,
    http::{HeaderValue, StatusCode},
};
use poem_openapi::{
    Object,
    error::{ParseParamError, ParsePathError},
};
use serde::Serialize;
use uuid::Uuid;

pub(crate) use self::wire::failures;
pub use self::{
    code::{Code, Reason},
    domain::TOKEN_REQUIRED,
    wire::Refusal,
};
use crate::purchases::purchase_status::Stage;

/// The largest body that is read, bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The content type of a failure.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The text of a defect.
pub const OUR_FAULT: &str =
    "Something went wrong on our side. If it happens again, report the X-Request-Id of this reply.";

/// When a client should retry after a 503, seconds.
pub const RETRY_AFTER_SECONDS: u64 = 1;

/// The purchase that the caller made before.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct ExistingPurchase {
    /// The order's id.
    pub order_id: Uuid,
    /// The same id, by its other name.
    pub job_id: Uuid,
    /// The sale.
    pub sale_id: Uuid,
    /// What has become of it.
    pub status: Stage,
}

/// Members that only some failures have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_status: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ExistingPurchase>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_quantity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_safe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome_unknown: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid: Option<bool>,
    /// Goes into `WWW-Authenticate`, not into the body.
    #[serde(skip)]
    challenge: Option<&'static str>,
}

/// A failure on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    facts: Box<Facts>,
    retry_after_seconds: Option<u64>,
    allow: Option<HeaderValue>,
    cause: Option<String>,
}

impl fmt::Display for Problem {
    /// What happened, for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Problem {
    /// A failure with a sentence that a person can read.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            facts: Box::default(),
            retry_after_seconds: None,
            allow: None,
            cause: None,
        }
    }

    /// The request is invalid.
    pub fn validation(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationFailed, detail)
    }

    /// A field, a parameter or a header of the request is invalid.
    pub fn of_field(field: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::validation(detail).about(field)
    }

    /// Names the field, the parameter or the header at fault.
    #[must_use]
    pub fn about(mut self, field: impl Into<String>) -> Self {
        self.facts.field = Some(field.into());
        self
    }

    /// The service cannot answer now, and a retry is safe.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::new(Code::Unavailable, detail).retry_after(RETRY_AFTER_SECONDS);
        problem.facts.retry_safe = Some(true);
        problem
    }

    /// A defect. The log gets the cause, the caller never does.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(Code::Internal, OUR_FAULT).because(cause)
    }

    /// There is no such sale.
    pub fn sale_not_found() -> Self {
        Self::new(Code::SaleNotFound, "There is no such sale.")
    }

    /// The sale does not sell now.
    pub fn not_active(reason: Reason) -> Self {
        let mut problem = Self::new(
            Code::SaleNotActive,
            match reason {
                Reason::NotStarted => "The sale has not started yet.",
                Reason::Ended => "The sale has ended.",
                Reason::Paused => "The sale is paused.",
            },
        );
        problem.facts.reason = Some(reason);
        problem
    }

    /// The caller has already bought in this sale.
    pub fn already_purchased(purchase: ExistingPurchase) -> Self {
        let mut problem = Self::new(
            Code::AlreadyPurchased,
            "You have already bought in this sale.",
        );
        problem.facts.order_id = Some(purchase.order_id);
        problem.facts.job_id = Some(purchase.job_id);
        problem.facts.purchase_status = Some(purchase.status);
        problem.facts.data = Some(purchase);
        problem
    }

    /// Adds when the sale starts, and `Retry-After` for that time.
    #[must_use]
    pub fn starting(mut self, start: DateTime<Utc>, in_seconds: u64) -> Self {
        self.facts.start_time = Some(start);
        self.retry_after(in_seconds)
    }

    /// Adds how many units a product has in stock.
    #[must_use]
    pub fn with_stock(mut self, quantity: u32) -> Self {
        self.facts.current_quantity = Some(quantity);
        self
    }

    /// Adds that the requested change may have happened nevertheless.
    #[must_use]
    pub fn outcome_unknown(mut self) -> Self {
        self.facts.outcome_unknown = Some(true);
        self
    }

    /// If the problem says that a retry is safe, takes that back: the change may have happened, and would happen
    /// twice.
    #[must_use]
    pub fn retry_unsafe(mut self) -> Self {
        if self.facts.retry_safe.is_some() {
            self.facts.retry_safe = Some(false);
            self.facts.outcome_unknown = Some(true);
            self.detail = "It is not known whether this was done. Look before trying again.".into();
        }
        self
    }

    /// [`Problem::retry_unsafe`], unless a retry makes the same change only once.
    #[must_use]
    pub fn unless_repeatable(self, repeatable: bool) -> Self {
        if repeatable {
            self
        } else {
            self.retry_unsafe()
        }
    }

    /// Adds `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// Adds `Allow`.
    #[must_use]
    pub fn allow(mut self, methods: HeaderValue) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Sets `WWW-Authenticate`, if it says more than the scheme (RFC 6750, section 3).
    #[must_use]
    pub fn challenge(mut self, value: &'static str) -> Self {
        self.facts.challenge = Some(value);
        self
    }

    /// Adds that the token in question is not valid.
    #[must_use]
    pub fn not_valid(mut self) -> Self {
        self.facts.valid = Some(false);
        self
    }

    /// Adds a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        self.cause = Some(text);
        self
    }

    /// What went wrong, for programs.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Why the sale does not sell, where that is the problem.
    pub const fn reason(&self) -> Option<Reason> {
        self.facts.reason
    }

    /// The cause for the log.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The problem for an error of poem: one of ours on its way, or one from an extractor or the router.
    pub fn of_error(error: &poem::Error) -> Self {
        if let Some(problem) = error.data::<Self>() {
            return problem.clone();
        }
        if let Some(error) = error.downcast_ref::<ParseParamError>() {
            return of_parameter(error);
        }
        // The router names parameters in its own way, and no address has two.
        if error.is::<ParsePathError>() {
            return Self::validation("The id in the address must be a UUID.");
        }
        if let Some(error) = error.downcast_ref::<ReadBodyError>() {
            return Self::of_body(error);
        }
        match error.status() {
            StatusCode::NOT_FOUND => Self::new(Code::NotFound, "There is nothing at this address."),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                Code::MethodNotAllowed,
                "This address does not take this method: the header Allow names those that it takes.",
            ),
            status if status.is_client_error() => {
                Self::validation("The request cannot be read. Check its address and its headers.")
            }
            _ => Self::internal(error),
        }
    }

    /// The problem of a body that the server could not read.
    pub fn of_body(error: &ReadBodyError) -> Self {
        match error {
            ReadBodyError::PayloadTooLarge => {
                let detail =
                    format!("The body is too large: it can have at most {BODY_BYTES_MAX} bytes.");
                Self::new(Code::PayloadTooLarge, detail)
            }
            ReadBodyError::Utf8(_) | ReadBodyError::Io(_) => {
                Self::validation("The body could not be read to its end. Send it again.")
            }
            ReadBodyError::BodyHasBeenTaken => Self::internal(error),
        }
    }
}

/// What is wrong with a parameter. Poem wraps the message of a type into words about the type.
fn of_parameter(error: &ParseParamError) -> Problem {
    let name = error.name;
    let own = error.reason.split_once("must ").map(|(_, rest)| rest);
    let detail = match own {
        // The words that an optional type adds come last.
        Some(rest) => {
            let fault = rest.split(" (occurred while").next().unwrap_or(rest);
            format!("{name} must {fault}.")
        }
        None if error.reason.contains("UUID") || error.reason.contains("uuid") => {
            format!("{name} must be a UUID.")
        }
        None => format!("{name} is not valid."),
    };
    Problem::of_field(name, detail)
}
