//! The host that a request names. It must be exactly one, and well formed (RFC 9112 section 3.2): of two hosts, one
//! reader would use the first and another the second.
//!
//! HTTP/1.1 names it in `Host`; a request with the whole address in its first line must name the same host there.
//! HTTP/2 has `:authority` in place of `Host`. HTTP/1.0 need not name any.

use poem::http::{Request, Version, header, uri::Authority};

/// The longest port, digits.
const PORT_DIGITS_MAX: usize = 5;

/// What is wrong with the host that a request names, in words for its sender.
pub fn fault<B>(request: &Request<B>) -> Option<&'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() {
        return Some("A request must name one host: it carries more than one Host header.");
    }
    let authority = request.uri().authority();
    let Some(host) = host else {
        let named = match request.version() {
            Version::HTTP_09 | Version::HTTP_10 => true,
            Version::HTTP_11 => false,
            _ => match authority {
                Some(authority) if !is_host(authority.as_str().as_bytes()) => {
                    return Some(
                        "The host must be a name, and may have a port: shop.example:8080.",
                    );
                }
                authority => authority.is_some(),
            },
        };
        return (!named).then_some("A request must name its host: it carries no Host header.");
    };
    if !is_host(host.as_bytes()) {
        return Some("The Host header must be a host, and may have a port: shop.example:8080.");
    }
    let same = |authority: &Authority| {
        let authority = authority.as_str().as_bytes();
        authority.eq_ignore_ascii_case(host.as_bytes())
    };
    let differs = authority.is_some_and(|authority| !same(authority));
    differs.then_some("A request must name one host: its address and its Host header differ.")
}

fn is_host(text: &[u8]) -> bool {
    let (name_is_good, rest) = if let Some(text) = text.strip_prefix(b"[") {
        let Some(end) = text.iter().position(|byte| *byte == b']') else {
            return false;
        };
        let in_address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        (
            end > 0 && text[..end].iter().all(in_address),
            &text[end + 1..],
        )
    } else {
        let end = text.iter().position(|byte| *byte == b':');
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        (!name.is_empty() && name.iter().all(in_name), rest)
    };
    let port_is_good = match rest.strip_prefix(b":") {
        Some(port) => port.len() <= PORT_DIGITS_MAX && port.iter().all(u8::is_ascii_digit),
        None => rest.is_empty(),
    };
    name_is_good && port_is_good
}

/// Whether a name may have this byte (RFC 3986: `reg-name`).
const fn in_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

#[cfg(test)]
mod tests {
    use poem::http::{Request, Version};

    use super::{fault, is_host};

    #[test]
    fn over_http_2_the_authority_is_a_host_too() {
        let named = |uri: &str| {
            let request = Request::builder().version(Version::HTTP_2).uri(uri);
            fault(&request.body(()).unwrap())
        };
        assert_eq!(named("http://shop.example:80/"), None);
        for uri in ["http://u:p@a/", "http://a:999999/", "/"] {
            assert!(named(uri).is_some(), "{uri}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_may_have_a_port() {
        for host in [
            "a",
            "shop.example",
            "api_1:3001",
            "127.0.0.1:80",
            "[::1]",
            "[2001:db8::1]:443",
            "a:",
            "xn--bcher-kva.example",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "", ":80", "a b", "a/b", "user@a", "a:b", "a:123456", "a:1:2", "[::1", "[]", "[::1]x",
            "[g::1]", "a\u{e9}", "a\"", "a#", "a?", "a\\b", "a, b",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
