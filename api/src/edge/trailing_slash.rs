//! A path with a slash at its end means the path without it, as in the replaced system. There is no redirect: clients
//! would send a GET there.

use poem::http::{Uri, uri::PathAndQuery};

/// The address without the slash at the end of its path, if there is one. The root is its own slash, and two of them are
/// not the root.
pub fn without(uri: &Uri) -> Option<Uri> {
    let path = uri
        .path()
        .strip_suffix('/')
        .filter(|path| !matches!(*path, "" | "/"))?;
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse(),
    };
    let path_and_query: PathAndQuery = path_and_query.ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use poem::http::Uri;

    use super::without;

    #[test]
    fn one_slash_at_the_end_of_the_path_is_taken_off() {
        for (asked, plain) in [
            ("/api/purchase/", Some("/api/purchase")),
            ("/api/purchase/?a=/", Some("/api/purchase?a=/")),
            ("/a//", Some("/a/")),
            ("http://shop.example/a/", Some("http://shop.example/a")),
            ("/", None),
            ("//", None),
            ("/?a=/", None),
            ("/api/purchase", None),
            ("/api/purchase?a=/", None),
        ] {
            let plainer = without(&Uri::from_static(asked));
            assert_eq!(plainer, plain.map(Uri::from_static), "{asked}");
        }
    }
}
