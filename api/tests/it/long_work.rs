//! Work of admins that takes long keeps its places, and connections to Postgres, only so long.

use std::time::Duration;

use api::long_work::{EXPORT_STALL_MAX, EXPORTS_AT_ONCE_MAX, SEARCHES_AT_ONCE_MAX};
use chrono::Utc;
use reqwest::{Method, header::AUTHORIZATION};
use sale::{
    ledger::{Posting, SEARCH_TIMEOUT},
    model::{BuyerId, OrderId, SaleId},
};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, NO_LIMITS, bearer, eventually, window},
    raw::PATIENCE,
};

/// Orders whose export is larger than what sockets keep for a reader.
const ORDERS: usize = 3_000;
/// How a reply ends that is complete.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
/// A name of 200 characters makes each line of an export long.
const LONG_NAME: char = '🛋';

#[tokio::test]
async fn searches_that_take_long_have_few_places_and_end_after_their_callers_have_left() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let url = api.settings.postgres.database_url.expose_secret();
    let pool = PgPool::connect(url).await.unwrap();
    // From now on each reader of products waits, up to the time limit of the statement.
    let mut lock = pool.begin().await.unwrap();
    let statement = "LOCK TABLE products IN ACCESS EXCLUSIVE MODE";
    sqlx::query(statement).execute(&mut *lock).await.unwrap();

    let search = "/api/admin/products?search=lamp";
    let began = Instant::now();
    let leaving = (0..SEARCHES_AT_ONCE_MAX).map(|_| {
        let request = api.request(Method::GET, search);
        let request = request.header(AUTHORIZATION, bearer(&api.admin)).send();
        timeout(Duration::from_millis(300), request)
    });
    for left in futures_util::future::join_all(leaving).await {
        assert!(left.is_err());
    }
    // The places are taken: other searches, of any list, get none. Plain lists are read all the same.
    let ask = async |path: &str| api.get_as(&api.admin, path).await;
    let (products, orders, rejections, log, plain) = tokio::join!(
        ask(search),
        ask("/api/admin/orders?status=confirmed"),
        ask("/api/admin/rejections?reason=x"),
        ask("/api/admin/audit-log?action=x."),
        ask("/api/admin/audit-log"),
    );
    for refused in [products, orders, rejections, log] {
        let problem = refused.problem(503, "UNAVAILABLE");
        let said = problem["detail"].as_str().unwrap();
        assert!(said.starts_with("Too many searches"), "{said}");
        assert_eq!(refused.header("retry-after"), Some("5"));
    }
    assert_eq!(plain.status, 200, "{}", plain.text);

    let late = eventually(async || {
        let answer = ask(search).await;
        (!answer.text.contains("Too many searches")).then_some(answer)
    });
    let late = late.await.problem(503, "UNAVAILABLE");
    let said = late["detail"].as_str().unwrap();
    assert!(said.starts_with("The search took too long"), "{said}");
    assert!(began.elapsed() >= 2 * SEARCH_TIMEOUT);
    lock.rollback().await.unwrap();
    assert_eq!(ask(search).await.status, 200);
    api.stop().await;
}

/// A sale with an export of several megabytes.
async fn sale_with_orders(api: &Fixture) -> Uuid {
    let product = json!({
        "name": LONG_NAME.to_string().repeat(200), "price": 19.99, "quantity": ORDERS,
    });
    let products = "/api/admin/products";
    let product = api.post_as(&api.admin, products, &product).await.data();
    let product = crate::fixture::id(&product["productId"]);
    let hour = chrono::TimeDelta::hours(1);
    let sale = window(product, Utc::now() - hour, Utc::now() + hour);
    let sales = "/api/admin/flash-sale";
    let sale = api.post_as(&api.admin, sales, &sale).await.data();
    let id = SaleId::from_uuid(crate::fixture::id(&sale["saleId"]));
    let base = api.ledger.sale(id).await.unwrap().unwrap().base;
    let posting = |_| Posting {
        order: OrderId::random(),
        buyer: BuyerId::from_uuid(Uuid::now_v7()),
        epoch: base,
        admitted_at: Utc::now(),
        source: "test".to_owned(),
    };
    let postings: Vec<Posting> = (0..ORDERS).map(posting).collect();
    api.ledger.post(id, &postings).await.unwrap();
    id.uuid()
}

/// Asks for the export, and reads nothing of it.
async fn stalled(api: &Fixture, sale: Uuid) -> TcpStream {
    let address = api.url.trim_start_matches("http://").parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let head = format!(
        "GET /api/admin/orders.csv?saleId={sale} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {}\r\n\r\n",
        bearer(&api.admin)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// What comes until the server closes the connection.
async fn bytes(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A connection that is broken off may be reset.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("the connection is still open");
    bytes
}

#[tokio::test]
async fn an_export_whose_reader_stands_still_frees_its_place_for_others() {
    let api = Fixture::start_with(&NO_LIMITS).await;
    let sale = sale_with_orders(&api).await;
    let path = format!("/api/admin/orders.csv?saleId={sale}");
    let whole = api.get_as(&api.admin, &path).await.text;
    assert_eq!(whole.lines().count(), ORDERS + 1);

    let mut readers = Vec::new();
    for _ in 0..EXPORTS_AT_ONCE_MAX {
        readers.push(stalled(&api, sale).await);
    }
    sleep(Duration::from_secs(1)).await;
    let refused = api.get_as(&api.admin, &path).await;
    refused.problem(503, "UNAVAILABLE");
    // One of them goes on in time, and gets everything.
    let mut going_on = readers.pop().unwrap();
    let got = bytes(&mut going_on).await;
    assert!(got.len() > whole.len(), "{} bytes", got.len());
    assert!(got.ends_with(LAST_CHUNK));
    sleep(EXPORT_STALL_MAX).await;
    assert_eq!(api.get_as(&api.admin, &path).await.text, whole);
    for mut reader in readers {
        let got = bytes(&mut reader).await;
        assert!(got.len() < whole.len(), "{} bytes", got.len());
        assert!(!got.ends_with(LAST_CHUNK));
    }
    api.stop().await;
}
