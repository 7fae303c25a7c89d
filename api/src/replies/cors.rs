//! Which web pages may call from other origins: the pages of an allow-list (`CORS_ALLOWED_ORIGINS`).
//!
//! Nothing is refused here. A browser sends `Origin` with a POST to the page's own origin too, and clients other than
//! browsers may send any `Origin`. So a reply for an allowed origin gets headers that let the page read it, and every
//! other reply gets none. Tokens travel in a header that pages set themselves: no cookies, so no credentials in the
//! sense of CORS.
//!
//! A browser first asks what it may send where (a preflight: `OPTIONS` with `Origin` and
//! `Access-Control-Request-Method`). The table of routes answers a preflight from an allowed origin with 204. Any
//! other preflight is a method that no route takes.

use std::str::FromStr;

use poem::{
    Request, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
};

const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, X-Request-Id",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Preference-Applied",
);
/// The methods of an address without a route: the page can then read its 404.
const ANY_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PATCH, POST");
/// How long a browser may remember the answer to a preflight, seconds: the most that Chromium accepts.
const MAX_AGE_SECONDS: u64 = 7_200;

/// Whose pages may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// All pages.
    Any,
    /// The pages of these origins, as browsers write them.
    These(Vec<HeaderValue>),
}

impl FromStr for AllowedOrigins {
    type Err = String;

    /// `*`, or a list with commas: `https://shop.example, http://localhost:5173`. An empty one
    /// allows nobody.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        text.split(',')
            .map(str::trim)
            .filter(|element| !element.is_empty())
            .map(|element| {
                origin(element)
                    .ok_or_else(|| format!("{element} is no origin, such as https://shop.example"))
            })
            .collect::<Result<_, _>>()
            .map(Self::These)
    }
}

/// An origin as browsers write it: in lower case, and without the port that its scheme implies.
fn origin(text: &str) -> Option<HeaderValue> {
    let (scheme, authority) = text.split_once("://")?;
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    if authority.contains(['/', '?', '#', '@', '*']) {
        return None;
    }
    let uri: Uri = format!("{scheme}://{authority}").parse().ok()?;
    let (host, port) = (uri.host()?, uri.port());
    let implied = match &*scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let number = port.as_ref().map(|port| port.as_u16());
    let bare = host.len() == authority.len();
    if host.is_empty() || (number.is_none() && !bare) {
        return None;
    }
    let origin = match number {
        Some(number) if Some(number) != implied => format!("{scheme}://{host}:{number}"),
        Some(_) | None => format!("{scheme}://{host}"),
    };
    HeaderValue::try_from(origin).ok()
}

impl AllowedOrigins {
    /// What the reply to a request says in `Access-Control-Allow-Origin`, if anything.
    pub fn allow(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::These(origins) if origins.is_empty() => None,
            Self::These(origins) => {
                let from = headers.get(header::ORIGIN)?;
                origins.iter().find(|origin| *origin == from).cloned()
            }
        }
    }

    /// Sets the headers that say who may read the reply.
    pub fn announce(&self, allowed: Option<HeaderValue>, headers: &mut HeaderMap) {
        // A cache must not give this reply to pages of other origins.
        if matches!(self, Self::These(origins) if !origins.is_empty()) {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}

/// Whether a browser asks what it may send here.
pub fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight for a route with these methods.
pub fn preflight(methods: Option<&HeaderValue>) -> Response {
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
    let headers = response.headers_mut();
    let methods = methods.cloned().unwrap_or(ANY_METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS.into());
    response
}

#[cfg(test)]
mod tests {
    use super::{AllowedOrigins, origin};

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (text, written) in [
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example:443", "https://shop.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://shop.example:80", "http://shop.example"),
            ("https://shop.example:80", "https://shop.example:80"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(origin(text).unwrap(), written);
        }
    }

    #[test]
    fn what_is_no_origin_is_told() {
        for text in [
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example/path",
            "https://*.example",
            "https://a@shop.example",
            "https://shop.example:port",
            "https://shop.example:99999",
            "https://shop.example:",
            "null",
            "https://a b",
        ] {
            assert_eq!(origin(text), None, "{text}");
            assert!(text.parse::<AllowedOrigins>().unwrap_err().contains(text));
        }
    }

    #[test]
    fn a_list_of_origins_may_be_empty_or_a_star() {
        assert_eq!("".parse(), Ok(AllowedOrigins::These(Vec::new())));
        assert_eq!(" * ".parse(), Ok(AllowedOrigins::Any));
        let two = "https://a.example, https://b.example".parse().unwrap();
        assert!(matches!(two, AllowedOrigins::These(origins) if origins.len() == 2));
        assert!("*, https://a.example".parse::<AllowedOrigins>().is_err());
    }
}
