//! What a first visit loads: few bytes, compressed, from the shop alone.

use serde_json::Value;
use system::browser::Browser;

use super::scene::Scene;

/// Bytes of a first load that travel, without headers and without data of the API.
const STOREFRONT_MAX_BYTES: u64 = 60_000;
const CONSOLE_MAX_BYTES: u64 = 150_000;

/// Below this, compression is no use: an answer fits one packet.
const PACKET_BYTES: u64 = 1_400;

/// Every file of the page as the browser loaded it: address, bytes that travelled, bytes that they became.
const LOADED: &str = "
    return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(({ name }) => !new URL(name).pathname.startsWith('/api/'))
        .map(({ name, encodedBodySize, decodedBodySize }) => [name, encodedBodySize, decodedBodySize]);";

/// Adds up the files of the present page.
async fn first_load(browser: &Browser, site: &str) -> u64 {
    let loaded = browser.run(LOADED, &[]).await.unwrap();
    let files: Vec<(String, u64, u64)> = serde_json::from_value(loaded).unwrap();
    assert!(files.len() > 5, "{files:?}");
    for (name, travelled, became) in &files {
        assert!(name.starts_with(site), "{name} is not of the shop");
        assert!(*travelled > 0, "{name} is empty, or came from a cache");
        let is_small = *became <= PACKET_BYTES;
        assert!(is_small || travelled < became, "{name} is not compressed");
    }
    files.iter().map(|(_, travelled, _)| travelled).sum()
}

#[tokio::test]
async fn a_first_visit_loads_little() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    let path = scene.sale_path();
    scene.goto(&path).await;
    scene.until_ready_to("Sign in to buy for *").await;
    let bytes = first_load(browser, &scene.site).await;
    assert!(
        bytes <= STOREFRONT_MAX_BYTES,
        "the storefront: {bytes} bytes"
    );

    browser.empty_cache().await.unwrap();
    scene.goto("/admin").await;
    browser.until_seen("textbox", "Password").await.unwrap();
    let console = first_load(browser, &scene.site).await;
    assert!(console <= CONSOLE_MAX_BYTES, "the console: {console} bytes");
    process::output::note(&format!(
        "first loads: the storefront {bytes} bytes, the console {console} bytes"
    ));
    scene.close().await;
}

#[tokio::test]
async fn a_second_visit_loads_no_file_again() {
    let scene = Scene::open(5).await;
    let browser = &scene.browser;
    for _ in 0..2 {
        scene.goto(&scene.sale_path()).await;
        scene.until_ready_to("Sign in to buy for *").await;
    }
    let again = "
        return performance.getEntriesByType('resource')
            .filter(({ name, transferSize }) => /\\/assets\\/[0-9a-f]{8,}\\//u.test(name) && transferSize > 0)
            .map(({ name }) => name);";
    assert_eq!(browser.run(again, &[]).await.unwrap(), Value::Array(vec![]));
    scene.close().await;
}
