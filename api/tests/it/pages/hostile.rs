//! Requests for pages and their files that no browser would send.

use reqwest::{
    Method,
    header::{ACCEPT_ENCODING, HeaderMap, IF_NONE_MATCH, RANGE},
};

use super::{assets, fetch, fetch_in, fetch_with};
use crate::{
    fixture::Fixture,
    raw::{answer, last_problem},
};

#[tokio::test]
async fn an_address_that_leads_out_of_the_files_leads_nowhere() {
    let api = Fixture::start().await;
    let assets = assets(&api).await;
    // Byte by byte: clients resolve dots before they send an address.
    for path in [
        "../store.html",
        "../../store.html",
        "../../../Cargo.toml",
        "%2e%2e/store.html",
        "..%2fstore.html",
        "..%5cstore.html",
        "shared%2fapi.js",
        "shared/../shared/api.js",
        "./shared/api.js",
        "/shared/api.js",
        "shared/api.js%00",
        "shared/api.js%00.css",
        "%00",
        "shared",
        &"a/".repeat(20_000),
        &"..%2f".repeat(1_000),
    ] {
        let line = format!("GET {assets}/{path} HTTP/1.1\r\n");
        let request = format!("{line}Host: a\r\nConnection: close\r\n\r\n");
        let problem = last_problem(&answer(&api, &request).await, "404");
        assert_eq!(problem["code"], "NOT_FOUND", "{line}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_part_of_a_page_is_not_sent_for_the_whole() {
    let api = Fixture::start().await;
    for path in ["/", "/assets/theme.css"] {
        let whole = fetch(&api, path).await;
        for range in ["bytes=0-9", "bytes=-1", "bytes=5-1", "bytes=0-0,2-2"] {
            let headers = HeaderMap::from_iter([(RANGE, range.parse().unwrap())]);
            let asked = fetch_with(&api, Method::GET, path, headers).await;
            assert_eq!(asked.status, 200, "{path}: {range}");
            assert!(asked.bytes == whole.bytes, "{path}: {range}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_tag_stands_for_one_form_with_any_method() {
    let api = Fixture::start().await;
    let plain = fetch(&api, "/").await;
    let packed = fetch_in(&api, "/", "br").await;
    let tags = [&plain, &packed].map(|page| page.header("etag").unwrap());
    for method in [Method::GET, Method::HEAD] {
        for (codings, own, other) in [("identity", tags[0], tags[1]), ("br", tags[1], tags[0])] {
            for (known, status) in [(own, 304), ("*", 304), (other, 200), ("\"", 200), ("", 200)] {
                let headers = [(ACCEPT_ENCODING, codings), (IF_NONE_MATCH, known)];
                let headers = headers.map(|(name, value)| (name, value.parse().unwrap()));
                let headers = HeaderMap::from_iter(headers);
                let answer = fetch_with(&api, method.clone(), "/", headers).await;
                assert_eq!(answer.status, status, "{method} {codings} {known}");
                assert_eq!(answer.header("etag"), Some(own));
            }
        }
    }
    api.stop().await;
}
