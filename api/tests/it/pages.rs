//! The storefront and the console, as browsers and CDNs fetch them.

mod hostile;
mod sale_page;
mod shop;

use std::{collections::BTreeMap, fs, io::Read, path::Path};

use brotli::BrotliDecompress;
use flate2::read::GzDecoder;
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT_ENCODING, HeaderMap, IF_NONE_MATCH, ORIGIN},
};

use crate::fixture::Fixture;

/// The folder of the pages.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
const HTML: &str = "text/html; charset=utf-8";

struct Fetched {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Fetched {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

async fn fetch_with(api: &Fixture, method: Method, path: &str, headers: HeaderMap) -> Fetched {
    let request = api.request(method, path).headers(headers);
    let response = request.send().await.unwrap();
    Fetched {
        status: response.status(),
        headers: response.headers().clone(),
        bytes: response.bytes().await.unwrap().to_vec(),
    }
}

async fn fetch(api: &Fixture, path: &str) -> Fetched {
    fetch_with(api, Method::GET, path, HeaderMap::new()).await
}

async fn fetch_in(api: &Fixture, path: &str, codings: &str) -> Fetched {
    let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, codings.parse().unwrap())]);
    fetch_with(api, Method::GET, path, headers).await
}

/// The plain bytes of a reply.
fn decoded(fetched: &Fetched) -> Vec<u8> {
    let mut plain = Vec::new();
    match fetched.header("content-encoding") {
        None => plain.clone_from(&fetched.bytes),
        Some("gzip") => {
            GzDecoder::new(&*fetched.bytes)
                .read_to_end(&mut plain)
                .unwrap();
        }
        Some("br") => BrotliDecompress(&mut &*fetched.bytes, &mut plain).unwrap(),
        Some(other) => panic!("{other}"),
    }
    plain
}

/// The address of all files, by a page that names it.
async fn assets(api: &Fixture) -> String {
    let page = fetch(api, "/").await;
    let text = page.text();
    let from = text.match_indices("/assets/").map(|(at, _)| &text[at..]);
    let mut versions = from.filter_map(|rest| {
        let version = rest.split('/').nth(2)?;
        let is_version = version.len() == 24 && version.bytes().all(|b| b.is_ascii_hexdigit());
        is_version.then(|| format!("/assets/{version}"))
    });
    versions.next().unwrap()
}

/// All files below `assets`, by their path there.
fn files() -> BTreeMap<String, Vec<u8>> {
    fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                read(&entry.path(), &format!("{path}/"), files);
            } else {
                files.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files_found = BTreeMap::new();
    read(&Path::new(FOLDER).join("assets"), "", &mut files_found);
    assert!(files_found.contains_key("theme.css"));
    files_found
}

#[tokio::test]
async fn each_address_of_the_pages_shows_its_page() {
    let api = Fixture::start().await;
    let store = fetch(&api, "/").await;
    let console = fetch(&api, "/admin").await;
    assert_ne!(store.bytes, console.bytes);
    for (path, page) in [
        ("/", &store),
        ("/?utm_source=mail", &store),
        ("/orders", &store),
        ("/orders/", &store),
        ("/sign-in?next=%2Forders", &store),
        ("/admin", &console),
        ("/admin/", &console),
        ("/admin/sales/1", &console),
        ("/admin/log", &console),
    ] {
        let shown = fetch(&api, path).await;
        assert_eq!(shown.status, 200, "{path}");
        assert_eq!(shown.header("content-type"), Some(HTML), "{path}");
        assert!(shown.bytes == page.bytes, "{path}: {}", shown.text());
    }
    for page in [store.text(), console.text()] {
        assert!(page.contains("<html lang=\"en\""), "{page}");
        assert!(page.contains("MinCommerce"), "{page}");
        assert!(!page.contains("{{"), "{page}");
    }
    api.stop().await;
}

#[tokio::test]
async fn pages_run_and_load_their_own_files_alone() {
    let api = Fixture::start().await;
    for path in ["/", "/admin/sales", "/assets/theme.css"] {
        let page = fetch(&api, path).await;
        let policy = page.header("content-security-policy").unwrap();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            let mut directives = policy.split(';').map(str::trim);
            assert!(directives.any(|one| one == directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(page.header(name), Some(value), "{path}");
        }
        let permissions = page.header("permissions-policy").unwrap();
        assert!(permissions.contains("camera=()"), "{permissions}");
        assert!(page.header("x-request-id").is_some());
    }
    api.stop().await;
}

#[tokio::test]
async fn each_file_is_kept_for_ever_and_every_form_of_it_is_the_file() {
    let api = Fixture::start().await;
    let assets = assets(&api).await;
    for (path, file) in files() {
        let address = format!("{assets}/{path}");
        let mut tags = Vec::new();
        for codings in ["identity", "gzip, deflate", "gzip, deflate, br, zstd"] {
            let fetched = fetch_in(&api, &address, codings).await;
            assert_eq!(fetched.status, 200, "{path}");
            assert!(decoded(&fetched) == file, "{path} in {codings}");
            assert!(fetched.bytes.len() <= file.len(), "{path} in {codings}");
            assert_eq!(fetched.header("vary"), Some("Accept-Encoding"));
            assert_eq!(
                fetched.header("cache-control"),
                Some("public, max-age=31536000, immutable")
            );
            let kind = fetched.header("content-type").unwrap();
            assert_ne!(kind, "application/octet-stream", "{path}");
            let encoding = fetched.header("content-encoding").map(str::to_owned);
            tags.push((encoding, fetched.header("etag").unwrap().to_owned()));
        }
        tags.sort_unstable();
        tags.dedup();
        let named: Vec<&str> = tags.iter().map(|(_, tag)| tag.as_str()).collect();
        let mut different = named.clone();
        different.dedup();
        assert_eq!(different, named, "{path}: one tag for each form");
    }
    api.stop().await;
}

#[tokio::test]
async fn pages_are_compressed_with_both_codings() {
    let api = Fixture::start().await;
    let plain = fetch(&api, "/").await;
    assert_eq!(plain.header("content-encoding"), None);
    for (codings, coding) in [
        ("gzip", "gzip"),
        ("gzip, br", "br"),
        ("br;q=0, gzip", "gzip"),
    ] {
        let packed = fetch_in(&api, "/", codings).await;
        assert_eq!(packed.header("content-encoding"), Some(coding));
        assert!(packed.bytes.len() < plain.bytes.len(), "{coding}");
        assert!(decoded(&packed) == plain.bytes, "{coding}");
    }
    api.stop().await;
}

/// Bytes of a page and of all files of these folders, as a browser gets them.
async fn weight(api: &Fixture, page: &str, folders: &[&str]) -> usize {
    let assets = assets(api).await;
    let mut bytes = fetch_in(api, page, "br").await.bytes.len();
    for (path, _) in files() {
        let folder = path.split('/').next().unwrap();
        if folders.contains(&folder) {
            let file = fetch_in(api, &format!("{assets}/{path}"), "br").await;
            bytes += file.bytes.len();
        }
    }
    bytes
}

#[tokio::test]
async fn the_storefront_takes_less_than_60_kb_and_the_console_less_than_150_kb() {
    let api = Fixture::start().await;
    let store = weight(&api, "/", &["store", "shared", "theme.css"]).await;
    assert!(store < 60_000, "{store} bytes");
    let console = weight(&api, "/admin", &["console", "shared", "theme.css"]).await;
    assert!(console < 150_000, "{console} bytes");
    api.stop().await;
}

#[tokio::test]
async fn a_page_of_another_version_is_led_to_the_present_files() {
    let api = Fixture::start().await;
    let assets = assets(&api).await;
    let other = "/assets/0123456789abcdef01234567";
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let address = format!("{}{other}/theme.css", api.url);
    let led = client.get(address).send().await.unwrap();
    assert_eq!(led.status(), 307);
    assert_eq!(led.headers()["location"], format!("{assets}/theme.css"));
    assert_eq!(led.headers()["cache-control"], "no-store");
    for path in [
        format!("{other}/none.css"),
        format!("{assets}/none.css"),
        format!("{assets}/"),
        format!("{assets}/../store.html"),
        format!("{assets}/%2e%2e/store.html"),
        "/assets/none/theme.css".to_owned(),
        "/assets/".to_owned(),
        "/assets".to_owned(),
        "/store.html".to_owned(),
    ] {
        api.get(&path).await.problem(404, "NOT_FOUND");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_browser_that_has_the_page_gets_304() {
    let api = Fixture::start().await;
    for path in ["/", "/admin/log", "/assets/theme.css", "/assets/logo"] {
        let first = fetch(&api, path).await;
        assert_eq!(first.status, 200, "{path}");
        let kept = first.header("cache-control").unwrap();
        assert!(kept.starts_with("public, max-age="), "{path}: {kept}");
        assert!(!kept.contains("immutable"), "{path}: {kept}");
        let tag = first.header("etag").unwrap().to_owned();
        // A CDN that compresses by itself makes the tag a weak one.
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, known.parse().unwrap())]);
            let again = fetch_with(&api, Method::GET, path, headers).await;
            assert_eq!(again.status, 304, "{path}");
            assert_eq!(again.header("etag"), Some(&*tag));
            assert_eq!(again.header("cache-control"), Some(kept));
            assert!(again.bytes.is_empty());
        }
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, "\"x\"".parse().unwrap())]);
        let other = fetch_with(&api, Method::GET, path, headers).await;
        assert!(other.bytes == first.bytes, "{path}");
    }
    api.stop().await;
}

#[tokio::test]
async fn head_says_what_get_would() {
    let api = Fixture::start().await;
    for path in ["/", "/admin", "/assets/theme.css"] {
        let get = fetch(&api, path).await;
        let head = fetch_with(&api, Method::HEAD, path, HeaderMap::new()).await;
        assert_eq!(head.status, 200);
        assert!(head.bytes.is_empty());
        let length = get.bytes.len().to_string();
        assert_eq!(get.header("content-length"), Some(&*length));
        for name in ["content-length", "content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn pages_are_read_alone() {
    let api = Fixture::start_with(&["--cors-allowed-origins=https://shop.example"]).await;
    for path in ["/", "/sales/1", "/admin/products", "/assets/theme.css"] {
        let answer = api.send(api.request(Method::POST, path)).await;
        answer.problem(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{path}");
        let preflight = api.request(Method::OPTIONS, path);
        let preflight = preflight
            .header(ORIGIN, "https://shop.example")
            .header("access-control-request-method", "GET");
        let allowed = api.send(preflight).await;
        assert_eq!(allowed.status, 204, "{path}");
        let methods = allowed.header("access-control-allow-methods");
        assert_eq!(methods, Some("GET, HEAD"), "{path}");
    }
    api.stop().await;
}

#[tokio::test]
async fn pages_count_against_no_limit_and_are_measured_by_their_pattern() {
    let api = Fixture::start_with(&[
        "--rate-limit-max-requests=1",
        "--rate-limit-purchase-max-requests=1",
        "--rate-limit-window-ms=86400000",
    ])
    .await;
    for path in ["/", "/admin/a", "/admin/b", "/assets/theme.css", "/orders"] {
        let page = fetch(&api, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("ratelimit"), None, "{path}");
    }
    assert_eq!(api.get("/api/flash-sale/status").await.status, 200);
    let metrics = reqwest::get(&api.metrics_url).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for (route, requests) in [("/admin/*path", 2), ("/assets/*path", 1), ("/", 1)] {
        let line = format!(
            "mincommerce_http_request_duration_seconds_count{{route=\"{route}\",status=\"2xx\"}} {requests}"
        );
        assert!(metrics.lines().any(|found| found == line), "{line}");
    }
    api.stop().await;
}

#[tokio::test]
async fn pages_can_be_switched_off() {
    let api = Fixture::start_with(&["--pages=off"]).await;
    for path in [
        "/",
        "/orders",
        "/sign-in",
        "/sales/1",
        "/admin",
        "/admin/products",
        "/assets/theme.css",
    ] {
        let problem = api.get(path).await.problem(404, "NOT_FOUND");
        assert_eq!(problem["instance"], path);
    }
    api.stop().await;
}
