//! The words of refusals of parameters.

use serde_json::json;
use uuid::Uuid;

use super::{LOGIN, NO_LIMITS, PRODUCTS, PURCHASE, REGISTER, SALES, assert_no_parser_speaks};
use crate::fixture::Fixture;

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named_with_what_it_must_be() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let id = Uuid::nil();
    let user = format!("/api/purchase/user/{id}");
    let sales = "/api/flash-sales";
    let status = "/api/purchase/status";
    let orders = "/api/admin/orders";
    let state = "status must be one of confirmed, cancelled.";
    let limit = "limit must be a whole number from 1 to 100.";
    let cursor = "cursor must be the `nextCursor` of the page before, as it was sent.";
    let twice = "The parameter `saleId` is there more than once: send it once.";
    let near = "Unknown parameter `saleID`: did you mean `saleId`?";
    let none = "Unknown parameter `x`: this request takes no parameters.";
    let same = format!("saleId={id}&saleId={id}");
    let encoded = format!("saleId={id}&sale%49d={id}");
    let shown = format!("{SALES}/{id}");
    let wrong: &[(&str, &str, &str, &str)] = &[
        (sales, "limit=0", limit, "limit"),
        (sales, "limit=101", limit, "limit"),
        (sales, "limit=many", limit, "limit"),
        (&user, "limit=", limit, "limit"),
        (sales, "cursor=next", cursor, "cursor"),
        (status, "saleId=1", "saleId must be a UUID.", "saleId"),
        (status, "saleID=1", near, "saleID"),
        (status, "sale%49D=1", near, "saleID"),
        ("/api/flash-sale/status", "saleID=1", near, "saleID"),
        (status, &same, twice, "saleId"),
        (status, &encoded, twice, "saleId"),
        (
            sales,
            "page=2",
            "Unknown parameter `page`: this request takes the parameters `limit`, `cursor`.",
            "page",
        ),
        (orders, "status=sold", state, "status"),
        (orders, "status=", state, "status"),
        ("/api/admin/orders.csv", "status=Confirmed", state, "status"),
        (
            PRODUCTS,
            "archived=maybe",
            "archived must be true or false.",
            "archived",
        ),
        ("/api/health", "x=1", none, "x"),
        ("/api/health/live", "x", none, "x"),
        ("/api/queue/health", "x=1", none, "x"),
        ("/api/queue/stats", "x=1", none, "x"),
        (&shown, "x=1", none, "x"),
        ("/api/purchase/job/1", "x=1", none, "x"),
    ];
    for (path, query, detail, field) in wrong {
        let path = format!("{path}?{query}");
        let answer = api.get_as(&api.admin, &path).await;
        let problem = answer.problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["detail"], *detail, "{path}");
        assert_eq!(problem["field"], *field, "{path}");
        assert_no_parser_speaks(detail);
    }
    let pause = format!("{shown}/pause");
    let posted: &[&str] = &[
        PURCHASE,
        LOGIN,
        REGISTER,
        "/api/auth/verify",
        PRODUCTS,
        SALES,
        &pause,
    ];
    for path in posted {
        let path = format!("{path}?x=1");
        let answer = api.post_as(&api.admin, &path, &json!({})).await;
        let problem = answer.problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["detail"], none, "{path}");
    }
    let address = api.get_as(&api.admin, "/api/purchase/user/1").await;
    let problem = address.problem(400, "VALIDATION_FAILED");
    assert_eq!(problem["detail"], "The id in the address must be a UUID.");
    // Documentation accepts every query string, and an empty query string counts as none.
    for path in [
        "/api-docs/openapi.json?v=1",
        "/api/health?",
        "/api/flash-sales?&",
    ] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
    api.stop().await;
}
