//! The common rules for the URLs of both servers. A URL holds a password, and a mistyped one may hold a part of it
//! anywhere: no error quotes more than a parameter's name, and only if it looks like one.

use url::Url;

use super::InvalidSetting;

/// A longer parameter name is not quoted.
const NAME_MAX_BYTES: usize = 32;

/// What to do about a URL that splits in the wrong places.
const ENCODE: &str = "a password with any of /?#@:% in it must be percent-encoded";

/// Splits a URL of a server into its parts.
pub(super) fn parse(text: &str) -> Result<Url, InvalidSetting> {
    let url = Url::parse(text)
        .map_err(|error| InvalidSetting::new(format!("not a URL: {error} ({ENCODE})")))?;
    if url.fragment().is_some() || url.path().contains('@') {
        return Err(InvalidSetting::new(format!(
            "the URL splits in an unexpected place ({ENCODE})"
        )));
    }
    Ok(url)
}

/// Refuses an unknown parameter of the query.
pub(super) fn unknown_parameter(name: &str, known: &[&str]) -> InvalidSetting {
    let name = if is_plain(name) {
        format!("parameter `{name}`")
    } else {
        format!("parameter ({ENCODE})")
    };
    let known = if known.is_empty() {
        "this scheme has none".to_owned()
    } else {
        format!("known are {}", known.join(", "))
    };
    InvalidSetting::new(format!("the URL has an unknown {name}; {known}"))
}

/// Refuses a repeated parameter: the URL does not show which of the two counts.
pub(super) fn repeated_parameter(name: &str) -> InvalidSetting {
    InvalidSetting::new(format!("the URL has the parameter `{name}` more than once"))
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    (1..=NAME_MAX_BYTES).contains(&name.len()) && name.bytes().all(plain)
}
