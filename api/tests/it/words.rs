//! The exact words of refusals: they name the request's fields, not a parser's terms.

mod parameters;

use std::iter;

use reqwest::{Method, header::AUTHORIZATION};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Fixture, bearer};

const PURCHASE: &str = "/api/purchase";
const LOGIN: &str = "/api/auth/login";
const REGISTER: &str = "/api/auth/register";
const PRODUCTS: &str = "/api/admin/products";
const SALES: &str = "/api/admin/flash-sale";

/// No limit of requests.
const NO_LIMITS: [&str; 2] = [
    "--rate-limit-max-requests=0",
    "--rate-limit-login-max-requests=0",
];

/// Words of parsers and of types, which must not reach a client.
const OF_PARSERS: [&str; 16] = [
    "invalid type",
    "invalid value",
    "expected",
    "at line",
    "EOF",
    "recursion",
    "key must be",
    "missing field",
    "struct",
    "u32",
    "string_",
    "integer_",
    "occurred while",
    "failed to parse",
    "parsing failed",
    "unknown member",
];

/// A rejected body, the message, and the field that it concerns.
type Wrong<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

/// A sale with one additional or changed member.
fn sale(member: &str) -> String {
    let mut members = [
        ("productId", format!("\"{}\"", Uuid::nil())),
        ("startTime", "\"2026-11-29T20:00:00Z\"".to_owned()),
        ("endTime", "\"2026-11-29T21:00:00Z\"".to_owned()),
    ]
    .map(|(name, value)| format!("\"{name}\": {value}"))
    .to_vec();
    let name = member.split(':').next().unwrap().to_owned();
    members.retain(|known| !known.starts_with(&name));
    members.push(member.to_owned());
    format!("{{{}}}", members.join(", "))
}

async fn say(api: &Fixture, wrong: &[Wrong<'_>]) {
    for (path, body, detail, field) in wrong {
        let answer = api.post_raw(path, "application/json", body).await;
        let problem = answer.problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["detail"], *detail, "{path} {body}");
        assert_eq!(problem["error"], *detail);
        assert_eq!(
            problem.get("field").and_then(|field| field.as_str()),
            *field
        );
        assert_no_parser_speaks(detail);
    }
}

fn assert_no_parser_speaks(detail: &str) {
    for words in OF_PARSERS {
        assert!(!detail.contains(words), "{detail}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_said_to_be_none() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let deep = "[".repeat(2_000);
    let deep_field = format!(r#"{{"email": {}{}}}"#, "[".repeat(500), "]".repeat(500));
    say(
        &api,
        &[
            (LOGIN, "", "A JSON body is required.", None),
            (LOGIN, " \n", "A JSON body is required.", None),
            (
                LOGIN,
                r#"{"email":"#,
                "The body is not valid JSON: it ends too early (line 1, column 9).",
                None,
            ),
            (
                LOGIN,
                &deep,
                "The body is not valid JSON: it ends too early (line 1, column 2000).",
                None,
            ),
            (
                LOGIN,
                "{\n  email: 1}",
                "The body is not valid JSON: it cannot be read on from line 2, column 3.",
                None,
            ),
            (
                LOGIN,
                r#"{"email": "a@example.org"} x"#,
                "The body is not valid JSON: it cannot be read on from line 1, column 28.",
                None,
            ),
            (LOGIN, "[]", "The body must be a JSON object.", None),
            (LOGIN, "null", "The body must be a JSON object.", None),
            (LOGIN, "\"a\"", "The body must be a JSON object.", None),
            (PURCHASE, "5", "The body must be a JSON object.", None),
            (LOGIN, &deep_field, "email must be a text.", Some("email")),
        ],
    )
    .await;
    let request = api
        .request(Method::POST, LOGIN)
        .header("content-type", "application/json")
        .body(b"{\"email\": \"\xff\"}".to_vec());
    let problem = api.send(request).await.problem(400, "VALIDATION_FAILED");
    assert_eq!(
        problem["detail"],
        "The body is not valid JSON: it is not UTF-8."
    );
    api.stop().await;
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named_with_what_it_must_be() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let units = "quantity must be a whole number from 1 to 2147483647.";
    let time = |field: &str| {
        format!("{field} must be a time such as 2026-01-31T18:00:00Z, or milliseconds since 1970.")
    };
    let (start, end) = (time("startTime"), time("endTime"));
    let quantity = |value: &str| format!(r#"{{"name": "x", "price": 1, "quantity": {value}}}"#);
    let wholes: Vec<String> = ["\"5\"", "1.5", "-1", "1e30", "1e999", "true", "[1]"]
        .map(quantity)
        .to_vec();
    let mut wrong: Vec<Wrong<'_>> = wholes
        .iter()
        .map(|body| (PRODUCTS, body.as_str(), units, Some("quantity")))
        .collect();
    let zero = quantity("0");
    let null = quantity("null");
    let no_price = r#"{"name": "x", "quantity": 1}"#;
    let sales = [
        r#""startTime": "tomorrow""#,
        r#""startTime": true"#,
        r#""endTime": 1.5"#,
        r#""endTime": null"#,
        r#""endTime": 1795982400"#,
        r#""productId": "x""#,
        r#""quantity": "5""#,
        r#""saleId": 5"#,
    ]
    .map(sale);
    let more: &[Wrong<'_>] = &[
        (LOGIN, "{}", "email is required.", Some("email")),
        (
            LOGIN,
            r#"{"email": null}"#,
            "email is required.",
            Some("email"),
        ),
        (
            LOGIN,
            r#"{"email": 5}"#,
            "email must be a text.",
            Some("email"),
        ),
        (
            LOGIN,
            r#"{"email": "a@b", "password": {}}"#,
            "password must be a text.",
            Some("password"),
        ),
        (
            LOGIN,
            r#"{"email": "\ud800"}"#,
            "email must be a text.",
            Some("email"),
        ),
        (
            REGISTER,
            r#"{"email": "a@b"}"#,
            "password is required.",
            Some("password"),
        ),
        (
            "/api/auth/verify",
            "{}",
            "token is required.",
            Some("token"),
        ),
        (
            PURCHASE,
            r#"{"saleId": 1}"#,
            "saleId must be a UUID.",
            Some("saleId"),
        ),
        (
            PURCHASE,
            r#"{"saleId": "x"}"#,
            "saleId must be a UUID.",
            Some("saleId"),
        ),
        (
            PRODUCTS,
            &zero,
            "quantity must be from 1 to 2147483647.",
            Some("quantity"),
        ),
        (PRODUCTS, &null, "quantity is required.", Some("quantity")),
        (PRODUCTS, no_price, "price is required.", Some("price")),
        (SALES, &sales[0], &start, Some("startTime")),
        (SALES, &sales[1], &start, Some("startTime")),
        (SALES, &sales[2], &end, Some("endTime")),
        (SALES, &sales[3], "endTime is required.", Some("endTime")),
        (
            SALES,
            &sales[4],
            "endTime must be in milliseconds since 1970: 1795982400 looks like seconds.",
            Some("endTime"),
        ),
        (
            SALES,
            &sales[5],
            "productId must be a UUID.",
            Some("productId"),
        ),
        (SALES, &sales[6], units, Some("quantity")),
        (SALES, &sales[7], "saleId must be a UUID.", Some("saleId")),
    ];
    wrong.extend(more);
    say(&api, &wrong).await;
    api.stop().await;
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_named_with_the_nearest_known_one() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let id = Uuid::nil();
    let slip = format!(r#"{{"saleID": "{id}"}}"#);
    let twice = format!(r#"{{"saleId": "{id}", "saleId": "{id}"}}"#);
    let more = format!(r#"{{"saleId": "{id}", "quantity": 5}}"#);
    let qty = sale(r#""qty": 5"#);
    let zebra = sale(r#""zebra": 5"#);
    let long = format!(r#"{{"{}": 1}}"#, "x".repeat(10_000));
    let shown = format!("{}…", "x".repeat(64));
    let long_said = format!("Unknown field `{shown}`: this request takes no field but `saleId`.");
    let pause = format!("/api/admin/flash-sale/{id}/pause");
    let cancel = format!("/api/admin/orders/{id}/cancel");
    let takes_none = "Unknown field `quantity`: this request takes no fields.";
    say(
        &api,
        &[
            (
                PURCHASE,
                &slip,
                "Unknown field `saleID`: did you mean `saleId`?",
                Some("saleID"),
            ),
            (
                PURCHASE,
                &more,
                "Unknown field `quantity`: this request takes no field but `saleId`.",
                Some("quantity"),
            ),
            (
                PURCHASE,
                &twice,
                "The field `saleId` is there more than once: send it once.",
                Some("saleId"),
            ),
            (PURCHASE, &long, &long_said, Some(&shown)),
            (
                SALES,
                &qty,
                "Unknown field `qty`: did you mean `quantity`?",
                Some("qty"),
            ),
            (
                SALES,
                &zebra,
                "Unknown field `zebra`: this request takes the fields `productId`, `startTime`, \
                 `endTime`, `quantity`, `saleId`.",
                Some("zebra"),
            ),
            (
                LOGIN,
                r#"{"Email": "a@b"}"#,
                "Unknown field `Email`: did you mean `email`?",
                Some("Email"),
            ),
            (
                pause.as_str(),
                r#"{"quantity": 5}"#,
                takes_none,
                Some("quantity"),
            ),
            (&cancel, r#"{"quantity": 5}"#, takes_none, Some("quantity")),
            (&pause, "[]", "The body must be a JSON object.", None),
        ],
    )
    .await;
    // An empty value counts as no body.
    for body in ["{}", "null", " "] {
        let answer = api.post_raw(&pause, "application/json", body).await;
        answer.problem(404, "SALE_NOT_FOUND");
    }
    api.stop().await;
}

#[tokio::test]
async fn restocking_more_than_there_can_be_says_how_many_there_are() {
    let api = Fixture::start().await;
    let sale = api.active_sale(3).await;
    let path = format!("{SALES}/{sale}/restock");
    let restock = async |quantity: u32| {
        api.post_as(&api.admin, &path, &json!({ "quantity": quantity }))
            .await
    };
    let full = restock(2_147_483_645)
        .await
        .problem(400, "VALIDATION_FAILED");
    assert_eq!(
        full["detail"],
        "quantity must be at most 2147483644: the sale has 3 units, and can have at most 2147483647."
    );
    assert_eq!(full["field"], "quantity");
    let short = restock(2_147_483_644).await;
    let short = short.problem(400, "INSUFFICIENT_STOCK");
    assert_eq!(
        short["detail"],
        "The product has no units in stock. Add to its stock first."
    );
    let body = json!({
        "productId": api.product(2).await,
        "startTime": "2026-11-29T20:00:00Z",
        "endTime": "2199-11-29T20:00:00Z",
        "quantity": 3,
    });
    let short = api.post_as(&api.admin, SALES, &body).await;
    let short = short.problem(400, "INSUFFICIENT_STOCK");
    assert_eq!(
        short["detail"],
        "quantity must be from 1 to 2: the product has that many units in stock, and 3 were asked for."
    );
    api.stop().await;
}

#[tokio::test]
async fn what_is_said_of_a_body_does_not_depend_on_how_much_of_it_is_wrong() {
    // Each prefix of a valid body is rejected in plain words.
    let api = Fixture::start_with(&NO_LIMITS).await;
    let body = r#"{"email": "ada@example.org", "password": "cörrect \u00e9 horse"}"#;
    let prefixes = body.char_indices().map(|(at, _)| &body[..at]).skip(1);
    for body in prefixes.chain(iter::once("{\"\\ud800\": 1}")) {
        let answer = api.post_raw(REGISTER, "application/json", body).await;
        let problem = answer.problem(400, "VALIDATION_FAILED");
        assert_no_parser_speaks(problem["detail"].as_str().unwrap());
    }
    let get = api
        .request(Method::GET, "/api/flash-sale/status")
        .header(AUTHORIZATION, bearer(&api.buyer()));
    let problem = api.send(get.json(&json!({ "saleId": Uuid::nil() }))).await;
    let problem = problem.problem(400, "VALIDATION_FAILED");
    assert_eq!(
        problem["detail"],
        "Unknown field `saleId`: this request takes no fields."
    );
    api.stop().await;
}
