//! Every route of the OpenAPI document, called once as a client would. (Every request of every test checks that its
//! reply is documented: see `documented`.)

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    documented,
    events::reader::Reader,
    fixture::{Fixture, NO_LIMITS, eventually, id, window},
    rejections,
};

#[tokio::test]
async fn every_documented_route_is_there_and_does_what_it_is_for() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    probes(&api).await;
    let token = accounts(&api).await;
    let product = products(&api).await;
    let sale = sale(&api, product).await;
    events(&api, &token, sale).await;
    let order = purchase(&api, &token, sale).await;
    console(&api, sale, order).await;
    life(&api, sale, order).await;

    let answers = api.answers.lock().unwrap().clone();
    let succeeded: BTreeSet<&str> = answers
        .iter()
        .filter(|(_, status)| (200..300).contains(status))
        .map(|(operation, _)| *operation)
        .collect();
    let missing: Vec<&str> = documented::all()
        .filter(|operation| !succeeded.contains(operation))
        .collect();
    assert!(missing.is_empty(), "never called with success: {missing:?}");
    api.stop().await;
}

async fn probes(api: &Fixture) {
    let health = api.get("/api/health").await.json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(api.get("/api/health/live").await.json()["status"], "alive");
    assert_eq!(api.get("/api/health/ready").await.json()["status"], "ready");
    // There is no sale that needs a reconciler.
    let queue = api.get("/api/queue/health").await.json();
    assert_eq!(queue["system"]["isRunning"], true);
}

async fn accounts(api: &Fixture) -> String {
    let methods = api.get("/api/auth/methods").await.data();
    let known = json!({ "password": true, "email": false, "code": false, "registration": true });
    assert_eq!(methods, known);
    let account = json!({ "email": "buyer@example.org", "password": "correct horse" });
    let registered = api.post("/api/auth/register", &account).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    let login = api.post("/api/auth/login", &account).await.json();
    assert_eq!(login["success"], true);
    assert_eq!(login["userType"], "user");
    let token = login["token"].as_str().unwrap().to_owned();
    let verified = api
        .post("/api/auth/verify", &json!({ "token": token }))
        .await
        .json();
    assert_eq!(verified["valid"], true);
    assert_eq!(verified["userId"], login["userId"]);
    token
}

async fn products(api: &Fixture) -> Uuid {
    let product = api.product(10).await;
    let listed = api.get_as(&api.admin, "/api/admin/products").await.json();
    assert_eq!(listed["data"][0]["productId"], json!(product));
    assert_eq!(listed["nextCursor"], Value::Null);
    let shown = api
        .get_as(&api.admin, &format!("/api/admin/products/{product}"))
        .await
        .data();
    assert_eq!(shown, listed["data"][0]);
    let path = format!("/api/admin/products/{product}");
    let request = api.request(Method::PATCH, &path).bearer_auth(&api.admin);
    let change = json!({ "description": "It shines.", "addQuantity": 1 });
    let changed = api.send(request.json(&change)).await.data();
    assert_eq!(changed["description"], "It shines.");
    assert_eq!(changed["quantity"], 11);
    product
}

async fn sale(api: &Fixture, product: Uuid) -> Uuid {
    let mut body = window(
        product,
        Utc::now() - TimeDelta::minutes(1),
        Utc::now() + TimeDelta::hours(1),
    );
    body["quantity"] = json!(5);
    let created = api
        .post_as(&api.admin, "/api/admin/flash-sale", &body)
        .await
        .data();
    let sale = id(&created["saleId"]);
    for path in ["/api/flash-sales", "/api/admin/flash-sales"] {
        let listed = api.get_as(&api.admin, path).await.json();
        assert_eq!(listed["data"][0]["saleId"], json!(sale), "{path}");
    }
    let status = api.get("/api/flash-sale/status").await.data();
    assert_eq!(status["status"], "active");
    sale
}

async fn events(api: &Fixture, token: &str, sale: Uuid) {
    let mut stream = Reader::of(api, sale, Some(token)).await;
    stream.purchase("not_purchased").await;
    let path = format!("/api/admin/flash-sale/{sale}/events");
    let request = api.request(Method::GET, &path).bearer_auth(&api.admin);
    let mut console = Reader::open(request).await;
    console.next().await.unwrap();
    let operations = [stream.operation.unwrap(), console.operation.unwrap()];
    let mut answers = api.answers.lock().unwrap();
    answers.extend(operations.map(|operation| (operation, 200)));
}

async fn purchase(api: &Fixture, token: &str, sale: Uuid) -> Uuid {
    let accepted = api.buy(token, sale).await;
    assert_eq!(accepted.status, 202);
    let order = id(&accepted.data()["orderId"]);
    assert_eq!(
        accepted.header("location"),
        Some(format!("/api/purchase/job/{order}").as_str())
    );
    // The API reuses a look at the queue for half a second.
    eventually(async || {
        let queue = api.get_as(&api.admin, "/api/queue/stats").await.data();
        (queue["queue"]["waiting"] == 1).then_some(())
    })
    .await;
    assert_eq!(
        api.get("/api/queue/health").await.status,
        503,
        "nobody reads"
    );
    api.post_journal(sale).await;

    for path in [
        format!("/api/purchase/status?saleId={sale}"),
        format!("/api/purchase/job/{order}"),
    ] {
        let status = api.get_as(token, &path).await.data();
        assert_eq!(status["status"], "completed", "{path}");
    }
    let old = api
        .get(&format!("/api/flash-sale/stats?saleId={sale}"))
        .await
        .json();
    assert_eq!(old["totalOrders"], 1, "{old}");
    let job = format!("/api/queue/job/{order}");
    assert_eq!(api.get_as(token, &job).await.data()["id"], json!(order));
    let job = api.get_as(token, &format!("{job}/status")).await.data();
    assert_eq!(job["status"], "completed");
    let me = api
        .post("/api/auth/verify", &json!({ "token": token }))
        .await
        .json();
    let mine = format!("/api/purchase/user/{}", id(&me["userId"]));
    let orders = api.get_as(token, &mine).await.json();
    assert_eq!(orders["data"][0]["orderId"], json!(order));
    assert_eq!(orders["data"][0]["status"], "confirmed");
    order
}

/// What a console shows.
async fn console(api: &Fixture, sale: Uuid, order: Uuid) {
    let path = format!("/api/admin/orders?saleId={sale}&email=buyer@example.org");
    let listed = api.get_as(&api.admin, &path).await.json();
    assert_eq!(listed["data"][0]["orderId"], json!(order));
    let exported = api.get_as(&api.admin, "/api/admin/orders.csv").await;
    assert_eq!(exported.text.lines().count(), 2, "{}", exported.text);

    let ask = async |path: &str| api.get_as(&api.admin, path).await.json();
    let log = ask(&format!(
        "/api/admin/audit-log?saleId={sale}&action=sale.create"
    ))
    .await;
    let product = &log["data"][0]["details"]["productId"];
    let users = ask("/api/admin/users?email=buyer@").await;
    assert_eq!(users["data"][0]["email"], "buyer@example.org");
    let system = ask("/api/admin/processes").await;
    assert_eq!(system["data"]["redis"]["reachable"], true);
    for (step, is_archived) in [("archive", true), ("unarchive", false)] {
        let path = format!("/api/admin/products/{}/{step}", id(product));
        let product = api.post_as(&api.admin, &path, &json!({})).await.data();
        assert_eq!(product["archivedAt"].is_string(), is_archived);
    }

    let audit = format!("/api/admin/flash-sale/{sale}/audit");
    assert_eq!(ask(&audit).await["data"]["agrees"], true);
    let repaired = api
        .post_as(&api.admin, &format!("{audit}/repair"), &json!({}))
        .await;
    assert_eq!(repaired.data()["repair"]["outcome"], "nothing");
    let other = api.active_sale(1).await;
    let rejected = rejections::superseded(api, other, Uuid::now_v7()).await;
    let rejections = ask("/api/admin/rejections").await;
    assert_eq!(rejections["data"][0]["rejectionId"], json!(rejected));
    let _reconciler = rejections::reconciler(api).await;
    let replayed = rejections::replay(api, rejected).await.data();
    assert_eq!(replayed["result"], "replayed");
}

async fn life(api: &Fixture, sale: Uuid, order: Uuid) {
    let path = format!("/api/admin/flash-sale/{sale}");
    let step = async |step: &str, body: Value| {
        let request = api.request(Method::POST, &format!("{path}/{step}"));
        let request = request.bearer_auth(&api.admin);
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        api.send(request).await.data()
    };
    assert_eq!(step("warm", Value::Null).await["warm"], true);
    assert_eq!(step("pause", Value::Null).await["status"], "paused");
    assert_eq!(step("resume", Value::Null).await["status"], "active");
    let restocked = step("restock", json!({ "quantity": 2 })).await;
    assert_eq!(restocked["totalQuantity"], 7);
    let cancel = format!("/api/admin/orders/{order}/cancel");
    let cancelled = api.post_as(&api.admin, &cancel, &json!({})).await.data();
    assert_eq!(cancelled["status"], "cancelled");
    let stats = api
        .get_as(&api.admin, &format!("{path}/stats"))
        .await
        .data();
    assert_eq!(
        (&stats["totalOrders"], &stats["cancelledOrders"]),
        (&json!(1), &json!(1))
    );
    let traffic = api
        .get_as(&api.admin, &format!("{path}/traffic"))
        .await
        .data();
    assert!(traffic["buckets"].is_array(), "{traffic}");
    assert_eq!(step("end", Value::Null).await["status"], "ended");
    let settled = step("settle", Value::Null).await;
    assert_eq!(settled["state"], "settled");
    let shown = api.get_as(&api.admin, &path).await.data();
    assert_eq!(shown["soldQuantity"], 0);
}
