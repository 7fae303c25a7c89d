//! The routes at the root: `LEGACY_ROOT_PATHS`.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{APP, BASES, OldClient, assert_failed, email, start};
use crate::fixture::{Fixture, id};

/// Every route of the replaced server that is served, with a valid body. `{sale}`, `{job}` and `{user}` stand for ids.
/// (The health of the queue differs in a test without a reconciler: see `health`.)
const ROUTES: [(&str, &str, Option<&str>); 17] = [
    ("POST", "/auth/login", Some(r#"{"email": "anna@test.com"}"#)),
    ("POST", "/auth/verify", Some(r#"{"token": "{token}"}"#)),
    ("GET", "/flash-sale/status", None),
    ("GET", "/flash-sale/stats?saleId={sale}", None),
    ("GET", "/admin/flash-sale/{sale}", None),
    ("GET", "/admin/flash-sale/{sale}/stats", None),
    (
        "POST",
        "/admin/flash-sale",
        Some(
            r#"{"saleId": "{sale}", "productId": "{product}", "startTime": "2026-01-01T10:00:00.000Z",
                "endTime": "2096-01-01T10:00:00.000Z"}"#,
        ),
    ),
    ("GET", "/purchase/status", None),
    ("GET", "/purchase/job/{job}", None),
    ("GET", "/purchase/user/{user}", None),
    ("GET", "/queue/stats", None),
    ("GET", "/queue/job/{job}", None),
    ("GET", "/queue/job/{job}/status", None),
    ("GET", "/health", None),
    ("GET", "/health/ready", None),
    ("GET", "/health/live", None),
    // The only failure: the purchase was made before.
    ("POST", "/purchase", None),
];

async fn ask(client: &OldClient<'_>, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
    let request = client.request(method.parse().unwrap(), path);
    let request = match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(body.to_owned()),
        None => request,
    };
    let answer = client.api.send(request).await;
    (answer.status.as_u16(), answer.json())
}

/// Removes the members that change with each request.
fn without_instants(mut value: Value) -> Value {
    const INSTANTS: [&str; 11] = [
        "timestamp",
        "serverTime",
        "timeUntilEnd",
        "timeUntilStart",
        "uptime",
        "token",
        "expiresAt",
        "updatedAt",
        "averageProcessingTime",
        "jobsPerSecond",
        "purchasesPerGateCall",
    ];
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| !INSTANTS.contains(&name.as_str()));
            for member in members.values_mut() {
                *member = without_instants(member.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without_instants(item.take());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

#[tokio::test]
async fn every_old_route_answers_at_the_root_as_it_does_under_api() {
    let api = start().await;
    let sale = api.active_sale(5).await;
    let user = Uuid::now_v7();
    let token = api.token_of(user);
    let job = id(&api.buy(&token, sale).await.data()["jobId"]);
    api.post_journal(sale).await;
    let product = api.get("/api/flash-sale/status").await.data()["productId"].clone();
    let filled = |text: &str| {
        text.replace("{sale}", &sale.to_string())
            .replace("{job}", &job.to_string())
            .replace("{user}", &user.to_string())
            .replace("{token}", &token)
            .replace("{product}", product.as_str().unwrap())
    };
    for (method, path, body) in ROUTES {
        let of_admin = path.starts_with("/admin") || path == "/queue/stats";
        let token = if of_admin { &api.admin } else { &token };
        let (path, body) = (filled(path), body.map(filled));
        let mut answers = Vec::new();
        for base in BASES {
            let client = OldClient::with_token(&api, base, token);
            let (status, mut body) = ask(&client, method, &path, body.as_deref()).await;
            let expected = if path == "/purchase" { 409 } else { 200 };
            assert_eq!(status, expected, "{method} {base}{path}: {body}");
            if let Some(instance) = body.get_mut("instance") {
                assert_eq!(instance.take(), json!(format!("{base}{path}")));
            }
            answers.push(without_instants(body));
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_failure_at_the_root_names_the_address_that_was_asked_for() {
    let api = start().await;
    let anyone = OldClient::anyone(&api, "");
    let problem = anyone.buy().await.problem(401, "UNAUTHORIZED");
    assert_eq!(problem["instance"], "/purchase");

    let answer = anyone.get("/purchase").await;
    let problem = answer.problem(405, "METHOD_NOT_ALLOWED");
    assert_eq!(problem["instance"], "/purchase");
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let delete = anyone.request(Method::DELETE, "/flash-sale/status");
    let answer = api.send(delete).await;
    answer.problem(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));

    for path in ["/nothing", "/flash-sale", "/purchase/job", "/metrics"] {
        let problem = anyone.get(path).await.problem(404, "NOT_FOUND");
        assert_eq!(problem["instance"], path);
    }
    api.stop().await;
}

#[tokio::test]
async fn without_the_setting_nothing_is_served_at_the_root() {
    // With pages, `/admin` and what is below it is the console.
    let api = Fixture::start_with(&["--buyer-login=email", "--pages=off"]).await;
    let sale = api.active_sale(1).await;
    let anyone = OldClient::with_token(&api, "", &api.admin);
    for (method, path, body) in ROUTES {
        let path = path.replace("{sale}", &sale.to_string());
        let (status, problem) = ask(&anyone, method, &path, body).await;
        assert_eq!(status, 404, "{method} {path}");
        assert_eq!(problem["code"], "NOT_FOUND");
    }
    api.stop().await;
}

#[tokio::test]
async fn at_the_root_a_browser_gets_the_console_and_a_client_the_route() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    const APP: &str = "application/json, text/plain, */*";
    let api = start().await;
    let admin = OldClient::with_token(&api, "", &api.admin);
    for path in ["/", "/admin"] {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
    }
    for (accepted, content_type) in [
        (BROWSER, "text/html; charset=utf-8"),
        (APP, "application/json; charset=utf-8"),
    ] {
        let request = admin.request(Method::GET, "/admin/products");
        let answer = api.send(request.header("accept", accepted)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(content_type));
        // A cache must not give the one for the other.
        let varies = answer
            .header("vary")
            .unwrap_or_default()
            .contains("Accept,");
        let is_kept = answer.header("cache-control") != Some("no-store");
        assert_eq!(varies, is_kept, "{accepted}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_request_at_the_root_counts_as_one_for_its_route() {
    let api = Fixture::start_with(&[
        "--legacy-root-paths=true",
        "--rate-limit-window-ms=86400000",
        "--rate-limit-purchase-user-max-requests=2",
    ])
    .await;
    let sale = api.active_sale(1).await;
    let token = api.buyer();
    let [root, below] = BASES.map(|base| OldClient::with_token(&api, base, &token));
    let body = json!({ "saleId": sale });
    let first = root.post("/purchase", Some(&body)).await;
    assert_eq!(first.status, 202, "{}", first.text);
    assert_eq!(
        first.header("ratelimit-policy"),
        Some(r#""purchase";q=2;w=86400"#)
    );
    below
        .post("/purchase", Some(&body))
        .await
        .problem(409, "ALREADY_PURCHASED");
    for client in [&root, &below] {
        let answer = client.post("/purchase", Some(&body)).await;
        answer.problem(429, "TOO_MANY_ATTEMPTS");
    }
    assert_eq!(root.get("/health").await.header("ratelimit"), None);

    let text = reqwest::get(&api.metrics_url).await.unwrap();
    let text = text.text().await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        r#"mincommerce_http_request_duration_seconds_count{route="/api/purchase",status="2xx"} 1"#,
        r#"mincommerce_http_request_duration_seconds_count{route="/api/purchase",status="4xx"} 3"#,
        r#"mincommerce_http_request_duration_seconds_count{route="/api/health",status="2xx"} 1"#,
        r#"mincommerce_rate_limited_total{class="purchase"} 2"#,
    ] {
        assert!(lines.contains(&line), "{line} is not in {text}");
    }
    api.stop().await;
}

#[tokio::test]
async fn where_a_purchase_is_to_be_asked_for_can_be_asked_at_once() {
    let api = start().await;
    api.active_sale(2).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        let bought = buyer.buy().await;
        let job = bought.data()["jobId"].clone();
        let location = bought.header("location").unwrap();
        let found = api.get_as(buyer.token.as_deref().unwrap(), location).await;
        assert_eq!(found.data()["jobId"], job, "{base}");
    }
    api.stop().await;
}

#[tokio::test]
async fn the_old_apps_page_may_ask_at_the_root() {
    let api = start().await;
    let anyone = OldClient::anyone(&api, "");
    for (path, method, methods) in [
        ("/purchase", "POST", "POST"),
        ("/flash-sale/status", "GET", "GET, HEAD"),
        ("/admin/flash-sale", "POST", "POST"),
    ] {
        let preflight = anyone
            .request(Method::OPTIONS, path)
            .header("access-control-request-method", method)
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let answer = api.send(preflight).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods));
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("Authorization") && headers.contains("Content-Type"));
    }
    let failed = anyone.buy().await;
    assert_failed(&failed, 401);
    assert_eq!(failed.header("access-control-allow-origin"), Some(APP));
    api.stop().await;
}

#[tokio::test]
async fn a_slash_at_the_end_of_an_address_changes_nothing() {
    let api = start().await;
    let sale = api.active_sale(3).await;
    for base in BASES {
        let buyer = OldClient::buyer(&api, base, &email()).await;
        assert_eq!(buyer.post("/purchase/", None).await.status, 202, "{base}");
        for path in [
            "/flash-sale/status/",
            "/purchase/status/",
            "/health/",
            "/health/live/",
            &format!("/flash-sale/stats/?saleId={sale}"),
        ] {
            let answer = buyer.get(path).await;
            assert_eq!(answer.status, 200, "{base}{path}: {}", answer.text);
        }
    }
    api.stop().await;
}
