//! One broken gate never hides or fails the others: commands over several sales name it and go on.

use std::{process::Stdio, time::Duration};

use fred::types::Value;
use sale::model::{SaleId, SaleState};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use servers::{RedisOptions, RedisServer, testing::shared_postgres};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::sleep,
};

use crate::{
    command::{command, run, run_json},
    fixture::{Stage, until},
    keeping::keep,
};

/// Three sales: the first and the last agree, and the one between has a broken gate. Commands visit them in the order
/// of their start.
struct Sales {
    stage: Stage,
    broken: SaleId,
    last: SaleId,
}

impl Sales {
    async fn open() -> Self {
        let stage = Stage::open(10).await;
        let broken = stage.another_sale(10).await;
        let last = stage.another_sale(10).await;
        Self {
            stage,
            broken,
            last,
        }
    }

    async fn overwrite(&self, key: String) {
        let args = vec![key.into(), "nonsense".into()];
        self.stage.raw("SET", args).await;
    }

    /// All keys of the broken gate.
    fn keys(&self) -> [String; 3] {
        let (keys, sale) = (&self.stage.keys, self.broken);
        [keys.terms(sale), keys.buyers(sale), keys.journal(sale)]
    }

    /// The rows of an audit by their sale: verdict and differences.
    async fn audited(&self, args: &[&str]) -> (i32, Vec<(SaleId, String, Vec<String>)>) {
        let (status, rows) = run_json(&self.stage, args).await;
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let rows = rows.as_array().unwrap().iter().map(|row| {
            let found = row["differences"].as_array().unwrap();
            let kinds = found.iter().map(|found| text(&found["kind"])).collect();
            (
                text(&row["saleId"]).parse().unwrap(),
                text(&row["verdict"]),
                kinds,
            )
        });
        (status, rows.collect())
    }

    fn rows(&self, verdict: &str, kinds: &[&str]) -> Vec<(SaleId, String, Vec<String>)> {
        let row = |sale, verdict: &str, kinds: &[&str]| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            (sale, verdict.to_owned(), kinds)
        };
        vec![
            row(self.stage.sale, "agrees", &[]),
            row(self.broken, verdict, kinds),
            row(self.last, "agrees", &[]),
        ]
    }
}

#[tokio::test]
async fn an_audit_has_a_row_for_the_broken_sale_and_audits_the_others() {
    let sales = Sales::open().await;
    for key in sales.keys() {
        sales.overwrite(key.clone()).await;
        let (status, rows) = sales.audited(&["audit", "--json"]).await;
        assert_eq!(status, 1, "{key}");
        assert_eq!(rows, sales.rows("differs", &["malformed"]), "{key}");
        // The remaining data is enough to repair it.
        let (_, repaired) = sales.audited(&["audit", "--json", "--repair"]).await;
        assert_eq!(repaired, sales.rows("agrees", &[]), "{key}");
    }
    let args = vec![
        sales.stage.keys.terms(sales.broken).into(),
        "end".into(),
        Value::from("99999999999999999999"),
    ];
    sales.stage.raw("HSET", args).await;
    let (status, rows) = sales.audited(&["audit", "--json"]).await;
    assert_eq!((status, rows), (1, sales.rows("differs", &["malformed"])));
}

#[tokio::test]
async fn an_audit_of_a_gate_that_refuses_says_what_the_ledger_knows_and_nothing_of_the_gate() {
    let mut sales = Sales::open().await;
    let (user, prefix) = (
        sales.broken.to_string(),
        &sales.stage.redis_settings.key_prefix,
    );
    // The user may read the keys of the other two sales.
    let readable = [sales.stage.sale, sales.last].map(|sale| format!("~{prefix}:{{{sale}}}:*"));
    let mut rights = vec!["SETUSER", &user, "reset", "on", ">password", "+@all"];
    rights.extend(readable.iter().map(String::as_str));
    let rights = rights.into_iter().map(Value::from).collect();
    sales.stage.raw("ACL", rights).await;
    let url = sales.stage.redis_settings.redis_url.expose_secret();
    let (_, server) = url.rsplit_once('@').unwrap();
    sales.stage.redis_settings.redis_url =
        SecretString::from(format!("redis://{user}:password@{server}"));

    let (status, rows) = sales.audited(&["audit", "--json"]).await;
    assert_eq!((status, rows), (1, sales.rows("differs", &["unanswered"])));
    let (_, rows) = run_json(&sales.stage, &["audit", "--json"]).await;
    let row = &rows[1];
    assert_eq!((&row["units"], &row["posted"]), (&json!(10), &json!(0)));
    for unread in ["limit", "taken", "journal", "pending", "oldest"] {
        assert!(row[unread].is_null(), "{unread}: {row}");
    }
    let why = row["differences"][0]["why"].as_str().unwrap();
    assert!(why.contains("NOPERM"), "{why}");
}

#[tokio::test]
async fn an_audit_names_a_sale_that_outlasts_gates_and_its_last_date() {
    let sales = Sales::open().await;
    sqlx::raw_sql("ALTER TABLE flash_sales DISABLE TRIGGER flash_sales_last_instant")
        .execute(&sales.stage.pool)
        .await
        .unwrap();
    let store = "UPDATE flash_sales SET end_time = '9999-12-31T23:59:59Z', version = version + 1
                 WHERE id = $1";
    sqlx::query(store)
        .bind(sales.broken)
        .execute(&sales.stage.pool)
        .await
        .unwrap();
    let _keeper = keep(&sales.stage);
    until("the gate has learned of it", async || {
        let (status, rows) = sales.audited(&["audit", "--json"]).await;
        status == 1 && rows == sales.rows("differs", &["far_end"])
    })
    .await;
    let before = sales
        .stage
        .ledger
        .sale(sales.broken)
        .await
        .unwrap()
        .unwrap();
    let (_, table) = run(&sales.stage, &["audit"]).await;
    assert!(table.contains("2255-06-05T23:47:34Z"), "{table}");
    assert_eq!(
        sales.stage.buy_in(sales.broken, 2).await.len(),
        2,
        "it sells"
    );
    // Longer than the pause between two looks of the keeper.
    sleep(Duration::from_secs(2)).await;
    let after = sales
        .stage
        .ledger
        .sale(sales.broken)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        after.epoch, before.epoch,
        "it is not installed again and again"
    );
}

#[tokio::test]
async fn a_watch_prints_the_broken_sale_and_goes_on() {
    let sales = Sales::open().await;
    let args = ["audit", "--watch", "--every-seconds", "1"];
    let mut watching = command(&sales.stage, &args)
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut until_printed = async |words: [String; 2]| {
        loop {
            let line = lines.next_line().await.unwrap().expect("it goes on");
            if words.iter().all(|word| line.contains(word)) {
                return;
            }
        }
    };
    until_printed([sales.last.to_string(), "agrees".to_owned()]).await;
    let [terms, ..] = sales.keys();
    sales.overwrite(terms).await;
    until_printed([sales.broken.to_string(), "DIFFERS".to_owned()]).await;
    until_printed([sales.last.to_string(), "agrees".to_owned()]).await;
}

#[tokio::test]
async fn a_rebuild_of_several_mends_what_it_can_and_goes_on_past_what_it_cannot() {
    let sales = Sales::open().await;
    let [_, buyers, journal] = sales.keys();
    sales.overwrite(buyers).await;
    sales.overwrite(journal).await;
    // The first one contradicts itself, and stays closed.
    sales
        .stage
        .sql("UPDATE flash_sales SET posted = posted + 1, version = version + 1 WHERE id = $1")
        .await;
    let unknown = SaleId::random();
    let ids = [sales.stage.sale, unknown, sales.broken, sales.last].map(|sale| sale.to_string());
    let mut args = vec!["rebuild", "--json"];
    args.extend(ids.iter().map(String::as_str));
    let (status, done) = run_json(&sales.stage, &args).await;
    assert_eq!(status, 1, "{done}");
    let done = done.as_array().unwrap();
    let of = |member: &str| {
        done.iter()
            .map(|one| one[member].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("saleId"), ids.map(|id| json!(id)));
    let verdicts = ["differs", "differs", "agrees", "agrees"].map(|word| json!(word));
    assert_eq!(of("verdict"), verdicts);
    assert_eq!(done[1]["error"], "there is no such sale");
    assert_eq!(done[2]["installed"]["found"], "malformed");
    assert_eq!(sales.stage.buy_in(sales.broken, 11).await.len(), 10);
}

#[tokio::test]
async fn a_keeper_mends_each_key_of_another_type_while_the_others_sell_and_are_posted() {
    let sales = Sales::open().await;
    let _keeper = keep(&sales.stage);
    let mut sold = 0;
    for key in sales.keys() {
        sales.overwrite(key.clone()).await;
        assert_eq!(sales.stage.buy_in(sales.last, 2).await.len(), 2);
        sold += 2;
        let posted = async |sale| sales.stage.ledger.sale(sale).await.unwrap().unwrap().posted;
        until("the other sale is posted", async || {
            posted(sales.last).await == sold
        })
        .await;
        until("the broken one sells again", async || {
            let asked = sales.stage.gate.snapshot(sales.broken).await;
            matches!(asked, Ok(Some(gate)) if gate.is_open())
        })
        .await;
        assert_eq!(sales.stage.buy_in(sales.broken, 2).await.len(), 2, "{key}");
        until("and is posted", async || posted(sales.broken).await == sold).await;
    }
    let ledger = &sales.stage.ledger;
    ledger
        .set_state(sales.broken, SaleState::Ended)
        .await
        .unwrap();
    until("it is settled", async || {
        let sale = ledger.sale(sales.broken).await.unwrap().unwrap();
        sale.state == SaleState::Settled && (sale.confirmed, sale.returned) == (6, 4)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poster_of_a_key_that_is_no_journal_asks_seldom_and_posts_once_it_is_one() {
    let redis = RedisServer::start(RedisOptions {
        supervised: false,
        ..RedisOptions::default()
    })
    .unwrap();
    let database = shared_postgres().unwrap().fresh_database().unwrap();
    let stage = Stage::on(redis.url(), &database, 10).await;
    stage.install().await;
    let journal = stage.keys.journal(stage.sale);
    let kept = stage.raw("DUMP", vec![journal.clone().into()]).await;
    stage
        .raw("SET", vec![journal.clone().into(), "nonsense".into()])
        .await;
    let poster = stage.post("poster");
    // By then the pauses have grown: from 50 ms, doubled each time.
    sleep(Duration::from_millis(1_500)).await;
    let asked = redis.command(&["INFO", "commandstats"]).unwrap();
    let asked = asked.split("cmdstat_xreadgroup:calls=").nth(1).unwrap();
    let asked: u32 = asked.split(',').next().unwrap().parse().unwrap();
    assert!((1..=8).contains(&asked), "{asked} reads");
    stage.raw("DEL", vec![journal.clone().into()]).await;
    let args = vec![journal.into(), 0.into(), kept];
    stage.raw("RESTORE", args).await;
    assert_eq!(stage.buy(3).await.len(), 3);
    stage.posted(3).await;
    poster.finish().await;
}
