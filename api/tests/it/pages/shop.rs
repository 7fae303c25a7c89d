//! What is a shop's own: name, language, logo, colours.

use std::{fs, path::PathBuf};

use reqwest::{
    Method,
    header::{HeaderMap, IF_NONE_MATCH},
};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{fetch, fetch_in, fetch_with};
use crate::{
    fixture::{Fixture, SECRET, shared_urls},
    process::{PATIENCE, command},
};

const THEME: &str = ":root {\n  --accent-hue: 20;\n}\n";
const LOGO: &[u8] = b"\x89PNG\r\n\x1a\nnot a whole picture, but one by its beginning";

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test]
async fn a_shop_has_its_own_name_language_logo_and_colours() {
    let folder = TempDir::new().unwrap();
    let (theme, logo) = (
        file(&folder, "theme.css", THEME),
        file(&folder, "logo", LOGO),
    );
    let api = Fixture::start_with(&[
        "--shop-name= Läden & \"Söhne\" ",
        "--shop-lang=de-CH",
        "--shop-theme",
        theme.to_str().unwrap(),
        "--shop-logo",
        logo.to_str().unwrap(),
    ])
    .await;
    for path in ["/", "/admin"] {
        let page = fetch(&api, path).await;
        let text = page.text();
        assert!(text.contains("Läden &amp; &quot;Söhne&quot;"), "{text}");
        assert!(text.contains("<html lang=\"de-CH\""), "{text}");
    }
    let shown = fetch(&api, "/assets/theme.css").await;
    assert_eq!(shown.text(), THEME);
    assert_eq!(
        shown.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let shown = fetch_in(&api, "/assets/logo", "gzip, br").await;
    assert!(shown.bytes == LOGO);
    assert_eq!(shown.header("content-type"), Some("image/png"));
    assert_eq!(shown.header("content-encoding"), None, "it is compressed");
    assert_eq!(shown.header("cache-control"), Some("public, max-age=300"));
    let policy = shown.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox"), "{policy}");
    let tag = shown.header("etag").unwrap().parse().unwrap();
    let headers = HeaderMap::from_iter([(IF_NONE_MATCH, tag)]);
    let again = fetch_with(&api, Method::GET, "/assets/logo", headers).await;
    assert_eq!(again.status, 304);
    api.stop().await;
}

#[tokio::test]
async fn without_settings_there_are_a_logo_and_colours() {
    let api = Fixture::start().await;
    let logo = fetch(&api, "/assets/logo").await;
    assert_eq!(logo.status, 200);
    assert_eq!(logo.header("content-type"), Some("image/svg+xml"));
    assert!(fetch(&api, "/assets/theme.css").await.text().contains("--"));
    api.stop().await;
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_stops_the_start_with_one_line() {
    let folder = TempDir::new().unwrap();
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    let large = path(file(&folder, "large", vec![b'<'; 256 * 1024 + 1]));
    let text = path(file(&folder, "text", "<!doctype html>"));
    let red = path(file(&folder, "red.css", ":root {\n  color: red;\n}"));
    let bytes = path(file(&folder, "bytes.css", b":root { --a: \xff }"));
    let theme =
        "a theme sets custom properties (--accent-hue: 20;) and color-scheme alone, and not color";
    for (setting, value, line) in [
        (
            "SHOP_LOGO",
            "/nowhere/logo.svg",
            "SHOP_LOGO: /nowhere/logo.svg cannot be read: No such file or directory (os error 2)"
                .to_owned(),
        ),
        (
            "SHOP_LOGO",
            &large,
            format!("SHOP_LOGO: {large} has more than 256 KiB"),
        ),
        (
            "SHOP_LOGO",
            &text,
            format!("SHOP_LOGO: {text} is no SVG, PNG, WebP or JPEG"),
        ),
        (
            "SHOP_THEME",
            &large,
            format!("SHOP_THEME: {large} has more than 64 KiB"),
        ),
        (
            "SHOP_THEME",
            &red,
            format!("SHOP_THEME: {red}, line 2: {theme}"),
        ),
        (
            "SHOP_THEME",
            &bytes,
            format!("SHOP_THEME: {bytes} is not UTF-8"),
        ),
        (
            "SHOP_NAME",
            "a\nb",
            "invalid value 'a\nb' for '--shop-name <SHOP_NAME>'".to_owned(),
        ),
        (
            "SHOP_LANG",
            "english",
            "invalid value 'english' for '--shop-lang <SHOP_LANG>': no tag of a language, such as en or de-CH"
                .to_owned(),
        ),
        (
            "PAGES",
            "yes",
            "invalid value 'yes' for '--pages <PAGES>'".to_owned(),
        ),
    ] {
        let (redis, database) = shared_urls().await;
        let output = command()
            .envs([
                ("REDIS_URL", &*redis),
                ("DATABASE_URL", &*database),
                ("JWT_SECRET", SECRET),
                ("PORT", "0"),
                ("METRICS_ADDRESS", "off"),
                ("RUST_LOG", "off"),
            ])
            .env(setting, value)
            .output();
        let output = timeout(PATIENCE, output).await.unwrap().unwrap();
        assert_eq!(output.status.code(), Some(2), "{setting}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(&format!("error: {line}")), "{setting}: {said}");
        if setting == "SHOP_LOGO" || setting == "SHOP_THEME" {
            assert_eq!(said, format!("error: {line}\n"));
        }
    }
}
