//! The orders of the shop, as admins look for them and export them.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::AUTHORIZATION;
use sale::{
    ledger::Posting,
    model::{BuyerId, OrderId, Role, SaleId},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, NO_LIMITS, bearer, id};

const ORDERS: &str = "/api/admin/orders";
/// More than two steps of an export.
const EXPORTED: usize = 2_001;

/// Posts an order of each buyer, one after the other. Returns their ids.
async fn post(api: &Fixture, sale: Uuid, buyers: &[Uuid]) -> Vec<Uuid> {
    post_from(api, sale, buyers, Utc::now()).await
}

/// [`post`], the first at this instant. Three have one instant, as the winners of one batch.
async fn post_from(api: &Fixture, sale: Uuid, buyers: &[Uuid], begin: DateTime<Utc>) -> Vec<Uuid> {
    let sale = SaleId::from_uuid(sale);
    let base = api.ledger.sale(sale).await.unwrap().unwrap().base;
    let postings: Vec<Posting> = buyers
        .iter()
        .zip(0..)
        .map(|(buyer, at)| Posting {
            order: OrderId::random(),
            buyer: BuyerId::from_uuid(*buyer),
            epoch: base,
            admitted_at: begin + TimeDelta::microseconds(at / 3),
            source: "test".to_owned(),
        })
        .collect();
    let posted = api.ledger.post(sale, &postings).await.unwrap();
    assert_eq!(posted.confirmed, buyers.len() as u64);
    postings
        .iter()
        .map(|posting| posting.order.uuid())
        .collect()
}

/// The ids of the orders that a query lists, read in pages of `limit`.
async fn listed(api: &Fixture, query: &str, limit: usize) -> Vec<Uuid> {
    let (mut orders, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{ORDERS}?limit={limit}{query}{cursor}");
        let page = api.get_as(&api.admin, &path).await.json();
        let rows = page["data"].as_array().unwrap();
        orders.extend(rows.iter().map(|row| id(&row["orderId"])));
        let Some(next) = page["nextCursor"].as_str() else {
            return orders;
        };
        cursor = format!("&cursor={next}");
    }
}

fn reversed(orders: &[Uuid]) -> Vec<Uuid> {
    orders.iter().rev().copied().collect()
}

#[tokio::test]
async fn orders_are_listed_the_newest_first_by_sale_status_and_buyer() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let anna = api.user("anna@example.org", None, Role::User).await;
    let annabel = api.user("annabel@example.org", None, Role::User).await;
    let stranger = Uuid::now_v7();
    let (first, second) = (api.active_sale(5).await, api.active_sale(5).await);
    let mut older = post(&api, first, &[anna]).await;
    older.extend(post(&api, first, &[annabel]).await);
    older.extend(post(&api, first, &[stranger]).await);
    let newer = post(&api, second, &[anna]).await;
    let cancel = format!("{ORDERS}/{}/cancel", older[1]);
    api.post_as(&api.admin, &cancel, &json!({})).await.data();

    let all: Vec<Uuid> = [newer[0], older[2], older[1], older[0]].to_vec();
    for limit in [1, 2, 100] {
        assert_eq!(listed(&api, "", limit).await, all, "{limit}");
        let of_first = format!("&saleId={first}");
        assert_eq!(
            listed(&api, &of_first, limit).await,
            reversed(&older),
            "{limit}"
        );
        for begin in ["anna@", "ANNA%40Example.org", "anna@example.org"] {
            let query = format!("&email={begin}");
            assert_eq!(
                listed(&api, &query, limit).await,
                [newer[0], older[0]],
                "{begin}"
            );
        }
        assert_eq!(
            listed(&api, "&email=anna", limit).await,
            [newer[0], older[1], older[0]]
        );
    }
    assert_eq!(listed(&api, "&status=cancelled", 100).await, [older[1]]);
    assert_eq!(
        listed(
            &api,
            &format!("&status=confirmed&saleId={first}&email=anna"),
            100
        )
        .await,
        [older[0]]
    );
    assert!(listed(&api, "&email=otto", 100).await.is_empty());

    let page = api
        .get_as(&api.admin, &format!("{ORDERS}?limit=2"))
        .await
        .json();
    let (of_anna, of_stranger) = (&page["data"][0], &page["data"][1]);
    assert_eq!(of_anna["email"], "anna@example.org");
    assert_eq!(of_anna["productName"], "A lamp");
    assert_eq!(of_anna["saleId"], json!(second));
    assert_eq!(of_anna["status"], "confirmed");
    assert_eq!(of_anna["quantity"], 1);
    assert_eq!(of_stranger["email"], Value::Null);
    assert_eq!(of_stranger["userId"], json!(stranger));
    api.stop().await;
}

#[tokio::test]
async fn orders_of_several_sales_with_equal_times_are_all_there_once_on_every_page() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let begin = Utc::now();
    let buyer = api.user("anna@example.org", None, Role::User).await;
    // The newest orders of the first four sales have one instant; the fifth has older ones alone, the last none.
    let mut by_age = Vec::new();
    let mut by_sale = Vec::new();
    for first in [0, 0, 0, 0, -1] {
        let sale = api.active_sale(10).await;
        let mut buyers: Vec<Uuid> = (0..6).map(|_| Uuid::now_v7()).collect();
        buyers[4] = buyer;
        let begin = begin + TimeDelta::microseconds(first);
        let orders = post_from(&api, sale, &buyers, begin).await;
        let aged = |(order, at): (&Uuid, i64)| (first + at / 3, *order);
        let mut of_sale: Vec<(i64, Uuid)> = orders.iter().zip(0..).map(aged).collect();
        of_sale.sort_unstable_by_key(|order| Reverse(*order));
        by_age.extend(of_sale.iter().copied());
        by_sale.insert(0, of_sale);
    }
    api.active_sale(10).await;
    by_age.sort_unstable_by_key(|order| Reverse(*order));
    let ids = |orders: &[(i64, Uuid)]| -> Vec<Uuid> { orders.iter().map(|(_, id)| *id).collect() };
    for limit in [1, 2, 3, 4, 7, 29, 30, 100] {
        assert_eq!(listed(&api, "", limit).await, ids(&by_age), "{limit}");
    }
    let of_buyer = listed(&api, "&email=anna", 2).await;
    assert_eq!(of_buyer.len(), 5);
    let mut in_order = ids(&by_age).into_iter();
    assert!(of_buyer.iter().all(|order| in_order.any(|it| it == *order)));

    let export = async |query: &str| {
        let path = format!("{ORDERS}.csv{query}");
        let text = api.get_as(&api.admin, &path).await.text;
        let rows = text.lines().skip(1);
        let ids = rows.map(|row| row.split(',').next().unwrap().parse().unwrap());
        ids.collect::<Vec<Uuid>>()
    };
    assert_eq!(export("").await, ids(&by_sale.concat()));
    assert_eq!(export("?email=anna").await.len(), 5);
    api.stop().await;
}

#[tokio::test]
async fn a_filter_that_cannot_be_used_is_refused_in_words() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    for user in 0..101 {
        api.user(&format!("crowd{user}@example.org"), None, Role::User)
            .await;
    }
    for path in [ORDERS, "/api/admin/orders.csv"] {
        let ask = async |query: &str| api.get_as(&api.admin, &format!("{path}?{query}")).await;
        let problem = ask("email=crowd").await.problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["field"], "email");
        assert_eq!(
            problem["detail"],
            "email must be longer: more than 100 buyers have an address that begins so."
        );
        assert_eq!(ask("email=crowd1").await.status, 200);
        for (query, field) in [
            ("email=", "email"),
            ("status=sold", "status"),
            ("saleId=x", "saleId"),
        ] {
            let problem = ask(query).await.problem(400, "VALIDATION_FAILED");
            assert_eq!(problem["field"], field, "{query}");
        }
        ask(&format!("saleId={}", Uuid::now_v7()))
            .await
            .problem(404, "SALE_NOT_FOUND");
        api.get_as(&api.buyer(), path)
            .await
            .problem(403, "FORBIDDEN");
        api.get(path).await.problem(401, "UNAUTHORIZED");
    }
    api.stop().await;
}

#[tokio::test]
async fn an_export_has_every_order_once_and_no_cell_that_a_spreadsheet_runs() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = api.active_sale(3_000).await;
    let dangerous = api.user("=cmd@example.org", None, Role::User).await;
    let mut buyers: Vec<Uuid> = (1..EXPORTED).map(|_| Uuid::now_v7()).collect();
    buyers.push(dangerous);
    let orders = post(&api, sale, &buyers).await;

    let path = format!("/api/admin/orders.csv?saleId={sale}");
    let answer = api.get_as(&api.admin, &path).await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"orders.csv\"")
    );
    let mut lines = answer.text.lines();
    assert_eq!(
        lines.next(),
        Some(
            "orderId,userId,saleId,productId,quantity,price,currency,status,createdAt,updatedAt,email,productName"
        )
    );
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), EXPORTED);
    let mut exported: Vec<Uuid> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    let mut posted = orders.clone();
    for ids in [&mut exported, &mut posted] {
        ids.sort_unstable();
    }
    assert_eq!(exported, posted);
    let times: Vec<DateTime<Utc>> = rows.iter().map(|row| row[8].parse().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    let last = rows
        .iter()
        .find(|row| row[1] == dangerous.to_string())
        .unwrap();
    assert_eq!(last[4..8], ["1", "19.99", "USD", "confirmed"]);
    assert_eq!(last[10..], ["'=cmd@example.org", "A lamp"]);

    let path = "/api/admin/orders.csv?email=%3Dcmd&status=cancelled";
    let request = api.request(reqwest::Method::GET, path);
    let empty = api
        .send(request.header(AUTHORIZATION, bearer(&api.admin)))
        .await;
    assert_eq!(empty.text.lines().count(), 1, "{}", empty.text);
    api.stop().await;
}
