//! An API that gets a stop signal while it cannot answer a request: it ends in time nevertheless, and no client gets a
//! wrong answer.

use std::{
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::StatusCode;
use sale::{
    journal::Journal,
    model::{OrderId, Role, SaleId},
};
use secrecy::ExposeSecret as _;
use sqlx::{Connection, PgConnection};
use system::{
    client::Buyer,
    history::meaning::Meaning,
    stage::{Setting, Stage},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use uuid::Uuid;

use super::{DEADLINE, setting, until};

/// Shorter than Postgres' lock timeout, so that the handler is still waiting.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);
/// As in `api/src/server/mod.rs`.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// Extra time for a machine that is busy with other work.
const MARGIN: Duration = Duration::from_secs(2);
/// Buyers who have their answer before the API gets the stop signal.
const WINNERS: usize = 20;
const TOO_LATE: &str = "not everyone could be answered in time";
const NOT_CLOSED: &str = "not everything could be closed in time";

fn hurried() -> Setting {
    Setting {
        api: vec![setting(
            "SHUTDOWN_DEADLINE_SECONDS",
            SHUTDOWN_DEADLINE.as_secs(),
        )],
        ..Setting::default()
    }
}

/// Signals the first API to end, and does nothing else.
fn tell_to_end(stage: &Stage) -> Instant {
    let pid = stage.api().process().pid().unwrap();
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).unwrap();
    Instant::now()
}

async fn until_ended(stage: &Stage) -> ExitStatus {
    until("the API ends", async || stage.api().process().ended()).await
}

async fn until_logged(stage: &Stage, words: &str) {
    until(words, async || {
        let log = stage.api_log(0).unwrap();
        log.contains(words).then_some(())
    })
    .await;
}

/// An admin pauses a sale; returns the status of the answer.
fn pause(stage: &Stage, sale: SaleId) -> JoinHandle<reqwest::Result<StatusCode>> {
    let (token, _) = stage
        .tokens
        .mint(Uuid::now_v7(), None, Role::Admin)
        .unwrap();
    let url = format!("{}/api/admin/flash-sale/{sale}/pause", stage.api().url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    tokio::spawn(async move {
        let answer = http.post(url).bearer_auth(token).send().await?;
        Ok(answer.status())
    })
}

/// Until a session of the API waits for a lock.
async fn until_waiting(other: &mut PgConnection) {
    until("a handler waits for a lock", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'
               AND application_name = 'mincommerce'",
        )
        .fetch_one(&mut *other)
        .await
        .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
}

/// A purchase whose head has reached the API, which waits for the body.
struct Begun {
    stream: TcpStream,
    body: String,
}

impl Begun {
    async fn of(stage: &Stage, sale: SaleId, buyer: &Buyer) -> Self {
        let url = stage.api().url();
        let address = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let body = serde_json::json!({ "saleId": sale }).to_string();
        let head = format!(
            "POST /api/purchase HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            buyer.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"));
        Self { stream, body }
    }

    /// Sends the body. Returns the answer up to the end of the connection, whether orderly or not.
    async fn end(mut self) -> String {
        let mut answer = Vec::new();
        let talk = async {
            self.stream.write_all(self.body.as_bytes()).await?;
            self.stream.read_to_end(&mut answer).await
        };
        let _ended_or_broken = timeout(DEADLINE, talk).await.expect("not in time");
        String::from_utf8(answer).unwrap()
    }
}

/// The orders of this many buyers, each of whom got a 202.
async fn sell(stage: &Stage, sale: SaleId, count: usize) -> Vec<OrderId> {
    let client = stage.client().unwrap();
    let mut purchases = JoinSet::new();
    for buyer in stage.buyers(count).unwrap() {
        let client = client.clone();
        purchases.spawn(async move { client.purchase(&buyer, sale, None).await.meaning });
    }
    let answers = purchases.join_all().await.into_iter();
    answers
        .map(|meaning| match meaning {
            Meaning::Admitted(order) => order,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_ends_in_time_while_a_handler_waits_for_a_lock_and_what_it_sold_is_in_the_journal() {
    let mut stage = Stage::open(hurried()).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let database = stage.deployment.database_url.clone();
    let mut holder = PgConnection::connect(database.expose_secret())
        .await
        .unwrap();
    let mut watcher = PgConnection::connect(database.expose_secret())
        .await
        .unwrap();
    // From now on nothing is posted, and no admin makes progress.
    let mut lock = holder.begin().await.unwrap();
    sqlx::query("SELECT FROM flash_sales WHERE id = $1 FOR UPDATE")
        .bind(sale.id)
        .execute(&mut *lock)
        .await
        .unwrap();
    let orders = sell(&stage, sale.id, WINNERS).await;
    let admin = pause(&stage, sale.id);
    until_waiting(&mut watcher).await;
    let late = stage.buyers(1).unwrap().remove(0);
    let begun = Begun::of(&stage, sale.id, &late).await;

    let told = tell_to_end(&stage);
    until_logged(&stage, TOO_LATE).await;
    let answer = begun.end().await;
    let status = until_ended(&stage).await;
    let took = told.elapsed();

    assert_eq!((status.code(), status.signal()), (Some(0), None));
    assert!(took >= SHUTDOWN_DEADLINE, "{took:?}: nobody was waited for");
    assert!(
        took <= SHUTDOWN_DEADLINE + CLOSE_DEADLINE + MARGIN,
        "{took:?}"
    );
    until_logged(&stage, NOT_CLOSED).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 503 "),
        "too late to buy: {answer}"
    );
    let admin = timeout(DEADLINE, admin).await.unwrap().unwrap();
    assert!(
        admin
            .as_ref()
            .map_or(true, |status| *status == StatusCode::SERVICE_UNAVAILABLE),
        "{admin:?}"
    );
    let journal = Journal::new(stage.gate.clone());
    for order in orders {
        let found = journal.find(sale.id, order).await.unwrap();
        assert!(found.is_some(), "{order} was sold, and is not there");
    }
    let mark = stage.gate.order_of(sale.id, late.id).await.unwrap();
    assert_eq!(mark, None, "a purchase that was turned away was not made");

    lock.rollback().await.unwrap();
    tokio::task::block_in_place(|| stage.api().start_again()).unwrap();
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.acknowledged), (WINNERS, WINNERS));
}
