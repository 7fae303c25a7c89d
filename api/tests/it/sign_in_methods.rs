//! `GET /api/auth/methods`: in which ways people can sign in here.

use reqwest::{Method, header::IF_NONE_MATCH};
use serde_json::json;

use crate::fixture::Fixture;

const PATH: &str = "/api/auth/methods";

#[tokio::test]
async fn it_says_what_the_settings_allow_and_caches_may_keep_it() {
    for (setting, email) in [("password", false), ("email", true)] {
        let api = Fixture::start_with(&[&format!("--buyer-login={setting}")]).await;
        let answer = api.get(PATH).await;
        assert_eq!(
            answer.json(),
            json!({
                "success": true,
                "data": { "password": true, "email": email, "code": false, "registration": true },
            })
        );
        assert_eq!(answer.header("cache-control"), Some("public, max-age=1"));
        let tag = answer.header("etag").unwrap();
        let request = api.request(Method::GET, PATH).header(IF_NONE_MATCH, tag);
        assert_eq!(api.send(request).await.status, 304);
        api.stop().await;
    }
}

#[tokio::test]
async fn asking_it_is_no_attempt_to_sign_in() {
    let api = Fixture::start_with(&["--rate-limit-login-max-requests=1"]).await;
    for _ in 0..3 {
        assert_eq!(api.get(PATH).await.status, 200);
    }
    api.stop().await;
}
