//! How a failure is written, and what the OpenAPI document says of it.

use poem::{
    IntoResponse, Response,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    payload::Payload,
    registry::{MetaResponses, MetaSchemaRef, Registry},
    types::Type,
};
use serde::Serialize;
use uuid::Uuid;

use super::{CONTENT_TYPE, Code, ExistingPurchase, Facts, Problem, Reason};
use crate::{
    purchases::purchase_status::Stage,
    replies::{reply::with_body, request_id::RequestId},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    success: bool,
    error: &'a str,
    code: Code,
    #[serde(flatten)]
    facts: &'a Facts,
}

/// Every failure has this shape.
#[derive(Object)]
#[oai(rename = "Problem", rename_all = "camelCase")]
struct Document {
    /// Names the kind of failure; the same for every failure with this code.
    #[oai(rename = "type")]
    kind: String,
    /// The kind of failure in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, for a person.
    detail: String,
    /// The path that was asked for.
    instance: String,
    /// Always false.
    success: bool,
    /// The same as `detail`.
    error: String,
    /// What happened, for a program.
    code: Code,
    /// VALIDATION_FAILED: the field, parameter or header that it is about, where it is about one.
    field: Option<String>,
    /// SALE_NOT_ACTIVE: why.
    reason: Option<Reason>,
    /// SALE_NOT_ACTIVE, not started: when it starts.
    start_time: Option<chrono::DateTime<chrono::Utc>>,
    /// ALREADY_PURCHASED: the order that the caller holds.
    order_id: Option<Uuid>,
    /// ALREADY_PURCHASED: the same id, by its other name.
    job_id: Option<Uuid>,
    /// ALREADY_PURCHASED: what has become of it. (`status` is the HTTP status.)
    purchase_status: Option<Stage>,
    /// ALREADY_PURCHASED: the same facts in the shape of an accepted purchase.
    data: Option<ExistingPurchase>,
    /// CONFLICT, INSUFFICIENT_STOCK on a change of a product's stock: the units in stock now.
    current_quantity: Option<u32>,
    /// UNAVAILABLE: whether asking again is safe.
    retry_safe: Option<bool>,
    /// UNAVAILABLE: what was asked for may have happened.
    outcome_unknown: Option<bool>,
    /// A token that was to be looked up: false.
    valid: Option<bool>,
}

impl Problem {
    /// The reply to a connection on which no request could be read, as raw bytes. It ends the connection.
    pub fn render_raw(&self, id: &RequestId) -> Vec<u8> {
        let body = self.body("/");
        let mut reply = format!(
            "HTTP/1.1 {}\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {}\r\n\
             x-request-id: {id}\r\nconnection: close\r\n",
            self.code.status(),
            body.len(),
        );
        if let Some(seconds) = self.retry_after_seconds {
            reply.push_str(&format!("retry-after: {seconds}\r\n"));
        }
        reply.push_str("\r\n");
        let mut reply = reply.into_bytes();
        reply.extend(body);
        reply
    }

    /// The reply for the request with this path.
    pub fn render(&self, path: &str) -> Response {
        let mut response = with_body(CONTENT_TYPE, self.body(path));
        response.set_status(self.code.status());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = &self.allow {
            headers.insert(header::ALLOW, methods.clone());
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            let challenge = self.facts.challenge.unwrap_or("Bearer");
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        response
    }

    fn body(&self, path: &str) -> Vec<u8> {
        let (kind, title) = self.code.kind_and_title();
        let status = self.code.status();
        let wire = Wire {
            kind,
            title,
            status: status.as_u16(),
            detail: &self.detail,
            instance: path,
            success: false,
            error: &self.detail,
            code: self.code,
            facts: &self.facts,
        };
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}

impl Payload for Problem {
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        Document::schema_ref()
    }

    fn register(registry: &mut Registry) {
        Document::register(registry);
    }
}

impl IntoResponse for Problem {
    /// Only carries the problem: the edge writes the reply.
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.code().status()).finish();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        let mut error = Self::from_status(problem.code().status());
        error.set_data(problem);
        error
    }
}

/// The failures of one operation, `E`, on their way out. It makes `?` work in handlers: any error that has a problem
/// becomes a failure of the operation. (Poem keeps only the text of a response that becomes an error; this type keeps
/// the problem.)
#[derive(Debug)]
pub struct Refusal<E>(E);

impl<T: Into<Problem>, E: From<Problem>> From<T> for Refusal<E> {
    fn from(failure: T) -> Self {
        Self(E::from(failure.into()))
    }
}

/// Declares the failures of one operation for the OpenAPI document, by status. `INTERNAL` is always among them. A
/// problem with an undeclared status is a defect, which tests find.
macro_rules! failures {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $status:tt),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, poem_openapi::ApiResponse)]
        enum $name {
            $($(#[$variant_doc])* #[oai(status = $status)] $variant($crate::problem::Problem),)+
            /// Something went wrong on our side.
            #[oai(status = 500)]
            Internal($crate::problem::Problem),
        }

        impl From<$crate::problem::Problem> for $name {
            fn from(problem: $crate::problem::Problem) -> Self {
                match problem.code().status().as_u16() {
                    $($status => Self::$variant(problem),)+
                    status => {
                        debug_assert_eq!(status, 500, "not declared for this operation");
                        Self::Internal(problem)
                    }
                }
            }
        }
    };
}
pub(crate) use failures;

impl<E: IntoResponse> From<Refusal<E>> for poem::Error {
    fn from(refusal: Refusal<E>) -> Self {
        let mut response = refusal.0.into_response();
        match response.extensions_mut().remove::<Problem>() {
            Some(problem) => problem.into(),
            None => Self::from_response(response),
        }
    }
}

impl<E: ApiResponse> ApiResponse for Refusal<E> {
    fn meta() -> MetaResponses {
        E::meta()
    }

    fn register(registry: &mut Registry) {
        E::register(registry);
    }
}
