//! The tests themselves: what is wrong with a page does not go unnoticed.

use system::browser::driver::PATIENCE;

use super::scene::Scene;

#[tokio::test]
async fn errors_and_violations_of_the_policy_are_noticed() {
    let scene = Scene::open(1).await;
    let browser = &scene.browser;
    scene.goto("/").await;
    browser.until_seen("link", "A thing").await.unwrap();
    assert_eq!(browser.complaints().await.unwrap(), Vec::<String>::new());
    for (wrong, complaint) in [
        ("console.error('a page says so')", "a page says so"),
        (
            "setTimeout(() => { throw new Error('nobody catches it'); })",
            "nobody catches it",
        ),
        (
            "Promise.reject(new Error('nobody waits for it')); return 1",
            "nobody waits for it",
        ),
        ("fetch('/no-such-file').catch(() => {}); return 1", "404"),
        (
            "const style = document.createElement('style');
          style.textContent = 'p { color: red }'; document.head.append(style);",
            "style-src",
        ),
        (
            "try { document.body.innerHTML = '<p>'; } catch {}",
            "TrustedHTML",
        ),
    ] {
        browser.run(wrong, &[]).await.unwrap();
        let noticed = async || {
            let complaints = browser.complaints().await?;
            Ok(complaints.iter().any(|one| one.contains(complaint)))
        };
        browser.until(complaint, PATIENCE, noticed).await.unwrap();
    }
    let complaints = scene.shop.browser.close().await.unwrap_err().to_string();
    assert!(complaints.contains("nobody catches it"), "{complaints}");
    scene.shop.stage.close().await.unwrap();
}

#[tokio::test]
async fn a_picture_without_words_is_noticed() {
    let scene = Scene::open(1).await;
    let browser = &scene.browser;
    scene.goto("/").await;
    browser.until_seen("link", "A thing").await.unwrap();
    let found = browser.accessibility_violations().await.unwrap();
    assert!(found.is_empty(), "{found:?}");
    let picture = "const picture = document.createElement('img'); picture.src = '/assets/logo';
        document.querySelector('main').append(picture);";
    browser.run(picture, &[]).await.unwrap();
    let found = browser.accessibility_violations().await.unwrap();
    assert!(
        found.iter().any(|one| one.starts_with("image-alt")),
        "{found:?}"
    );
    scene.close().await;
}
