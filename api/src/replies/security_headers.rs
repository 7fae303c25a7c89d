//! Headers that keep browsers from misusing a reply. A header that a handler has set stays as it is.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

const EVERYWHERE: [(HeaderName, HeaderValue); 4] = [
    // Browsers must not guess a type: the content is what its type says.
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    // No reply is a page, so none may be part of one. The policy says it, and the older header too.
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Ids in addresses must not reach other sites.
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
];

/// Adds them to a reply, which may be one of the API.
pub fn add(of_api: bool, headers: &mut HeaderMap) {
    for (name, value) in EVERYWHERE {
        headers.entry(name).or_insert(value);
    }
    // The API's answers are true only now, and may be about one user.
    if of_api {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use poem::http::{HeaderMap, HeaderValue, header};

    use super::add;

    #[test]
    fn what_a_handler_has_set_stays() {
        let mut headers = HeaderMap::new();
        let own = HeaderValue::from_static("default-src 'self'");
        headers.insert(header::CONTENT_SECURITY_POLICY, own.clone());
        add(true, &mut headers);
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], own);
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers.len(), 5);
    }

    #[test]
    fn only_what_the_api_says_may_not_be_kept() {
        let mut headers = HeaderMap::new();
        add(false, &mut headers);
        assert!(!headers.contains_key(header::CACHE_CONTROL));
        add(true, &mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }
}
