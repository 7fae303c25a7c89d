//! Identifies the caller: extractors that read the `Authorization` header. Every faulty token gets the same 401; only
//! an expired one has a code of its own. A valid token also counts against the rate limit of its user.

use std::sync::Arc;

use identity::token::Caller;
use poem::{Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use sale::{
    ledger::{By, Via},
    model::Role,
};

use crate::{
    problem::{Code, Problem, TOKEN_REQUIRED},
    replies::request_id::RequestId,
    services::Services,
};

/// The name of the scheme in the OpenAPI document.
const SCHEME: &str = "Token";

/// A caller with a valid token.
#[derive(Debug)]
pub struct User(pub Caller);

/// A caller with the token of an admin.
#[derive(Debug)]
pub struct Admin {
    /// The admin.
    pub caller: Caller,
    request_id: Option<RequestId>,
}

/// Any caller. If a token is sent, it must be valid all the same.
#[derive(Debug)]
pub struct Visitor(pub Option<Caller>);

fn unauthorized() -> Problem {
    Problem::new(Code::Unauthorized, TOKEN_REQUIRED)
}

fn caller(request: &Request) -> Result<Option<Caller>, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // Of two headers, a proxy may have read the other one.
    if values.next().is_some() {
        return Err(unauthorized());
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unauthorized());
    }
    let services = request.data::<Arc<Services>>().ok_or_else(unauthorized)?;
    let caller = services.tokens.verify(token.trim_start())?;
    services.rate_limits.user(caller.buyer)?;
    Ok(Some(caller))
}

impl User {
    fn of(request: &Request) -> Result<Self, Problem> {
        caller(request)?.map(Self).ok_or_else(unauthorized)
    }
}

impl Admin {
    fn of(request: &Request) -> Result<Self, Problem> {
        let User(caller) = User::of(request)?;
        match caller.role {
            Role::Admin => Ok(Self {
                caller,
                request_id: request.data().cloned(),
            }),
            Role::User => Err(Problem::new(Code::Forbidden, "Only an admin may do this.")),
        }
    }
}

impl Admin {
    /// The admin as the author of a change in the ledger. A change with the same `key` happens once.
    pub fn by(&self, key: Option<String>) -> By {
        By {
            actor: self.caller.buyer.to_string(),
            via: Via::Api,
            request_id: self.request_id.as_ref().map(RequestId::to_string),
            key,
        }
    }
}

impl Visitor {
    fn of(request: &Request) -> Result<Self, Problem> {
        caller(request).map(Self)
    }
}

macro_rules! extractor {
    ($name:ident, optional: $optional:literal) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                registry.create_security_scheme(SCHEME, scheme());
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![SCHEME]
            }

            fn has_security_fallback() -> bool {
                $optional
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                Ok(Self::of(request)?)
            }
        }
    };
}

extractor!(User, optional: false);
extractor!(Admin, optional: false);
extractor!(Visitor, optional: true);

fn scheme() -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty: "http",
        description: Some(
            "The token that a login answers with. After `expiresAt` it is answered with 401 and the \
             code TOKEN_EXPIRED.",
        ),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        flows: None,
        openid_connect_url: None,
    }
}
