//! Servers that the environment names: the message if the demo cannot use one. Such a server may have belonged to a
//! demo that has ended.

use url::Url;

/// If a server cannot be used, the error says which variable named it, if one did, and how to unset it.
pub(super) fn or_unset<T>(
    variable: &str,
    tried: Result<T, impl Into<anyhow::Error>>,
) -> anyhow::Result<T> {
    tried.map_err(|error| {
        let error = error.into();
        // A variable that is set to nothing counts as unset: `servers::Settings`.
        match std::env::var(variable) {
            Ok(url) if !url.is_empty() => error.context(refusal(variable, &url)),
            Ok(_) | Err(_) => error,
        }
    })
}

fn refusal(variable: &str, url: &str) -> String {
    let shown = without_secrets(url).unwrap_or_else(|| "no URL".to_owned());
    format!(
        "the server that {variable} in the environment names ({shown}) cannot be used; \
         after `unset {variable}` the demo starts one of its own"
    )
}

/// Passwords stand before the host, or in the query.
fn without_secrets(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    // A password with a slash in it ends in the path.
    if url.path().contains('@') {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn no_password_is_shown_wherever_it_stands() {
        for (url, shown) in [
            ("postgres://u:p@h:1/d?password=p@p", "postgres://h:1/d"),
            ("redis://:p@h:1", "redis://h:1"),
            ("redis://p@h:1/0", "redis://h:1/0"),
            ("redis-cluster://u:p@h:1?node=h:2", "redis-cluster://h:1"),
        ] {
            assert_eq!(without_secrets(url).as_deref(), Some(shown));
        }
        assert_eq!(without_secrets("u:p/q@h"), None);
        assert_eq!(without_secrets("postgres://u:1/p@h"), None);
        assert_eq!(without_secrets("p"), None);
    }
}
