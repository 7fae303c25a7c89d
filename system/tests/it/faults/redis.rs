//! A Redis that dies, is emptied, forgets, freezes, loads or is full, and what must still hold.

use std::{collections::HashSet, fs::OpenOptions, io::Write, thread, time::Duration};

use sale::keys::{GROUP, Keys};
use servers::{Error, RedisServer};
use system::{
    history::{What, meaning::Meaning},
    rush::rush,
    stage::{Setting, Stage},
};
use tokio::time::sleep;

use super::{LOOK_PAUSE, NARROW, Running, Selling, own_redis, setting, taken, until, until_taken};

/// How long a Redis is frozen.
const STANDSTILL: Duration = Duration::from_secs(2);

/// The delay for each command that Redis loads from its file.
const LOAD_DELAY_MICROS: u32 = 200;

/// The data of other users in a full Redis.
const OTHERS_BYTES: u64 = 8_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_loses_nothing_that_was_answered() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    // This falls into the time in which units are being sold.
    until_taken(&stage, sale.id, 200).await;
    let redis = stage.redis().unwrap();
    tokio::task::block_in_place(|| redis.kill().and_then(|()| redis.start_again())).unwrap();
    let report = running.end().await;
    assert_eq!((report.won(), report.unknown()), (500, 0));
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (500, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_gate_closes_and_heals_from_the_ledger() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(1_000).await.unwrap();
    let client = stage.client().unwrap();
    let first = stage.buyers(300).unwrap();
    let report = rush(&client, sale.id, first.clone(), NARROW, |_| ()).await;
    assert_eq!(report.won(), 300);
    stage.at_rest(sale.id).await.unwrap();

    // At rest there is nothing left to lose.
    stage.redis().unwrap().command(&["FLUSHALL"]).unwrap();
    stage.circumstances(sale.id).gate_was_lost = true;
    let second = stage.buyers(1_000).unwrap();
    let report = rush(&client, sale.id, second, NARROW, |_| ()).await;
    assert_eq!((report.won(), report.unknown()), (700, 0));
    for buyer in &first {
        let order = client.purchase(buyer, sale.id, None).await.meaning.order();
        assert!(
            order.is_some(),
            "the gate knows who bought before it was emptied"
        );
    }
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_emptied_in_the_middle_of_a_rush_never_oversells() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(3_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    // Before half of the units are sold, so while the sale still sells.
    while stage
        .gate
        .snapshot(sale.id)
        .await
        .unwrap()
        .is_some_and(|gate| gate.taken < 100)
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stage.redis().unwrap().command(&["FLUSHALL"]).unwrap();
    let emptied_at = stage.history.len() as u64;
    let report = running.end().await;
    assert_eq!(report.unknown(), 0);

    // The purchases that were admitted and not posted are lost with the gate. The answers that clients got before give
    // their names. Purchases that were asked for later are not affected.
    let rest = stage.at_rest(sale.id).await.unwrap();
    let posted: HashSet<_> = rest.ledger.orders.iter().map(|order| order.id).collect();
    let told = stage
        .history
        .events()
        .into_iter()
        .filter_map(|event| match event.what {
            What::Answered { request, answer }
                if answer.status == 202 && request.0 < emptied_at =>
            {
                answer.order
            }
            _ => None,
        });
    let losses = told.filter(|order| !posted.contains(order)).collect();
    let circumstances = stage.circumstances(sale.id);
    circumstances.gate_was_lost = true;
    circumstances.losses = losses;
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_forgets_its_scripts_is_told_them_again_and_nobody_notices() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(2_000).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    let redis = stage.redis().unwrap();
    for step in 1..=10 {
        until_taken(&stage, sale.id, step * 150).await;
        redis.command(&["SCRIPT", "FLUSH"]).unwrap();
    }
    let report = running.end().await;
    assert_eq!((report.won(), report.retries), (2_000, 0));
    assert!(info(redis, "errorstats").contains("errorstat_NOSCRIPT"));
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_group_that_is_destroyed_is_made_again_and_no_entry_is_left_out() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(2_000).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let journal = Keys::new(&stage.deployment.key_prefix).journal(sale.id);
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    let redis = stage.redis().unwrap();
    for step in 1..=10 {
        until_taken(&stage, sale.id, step * 150).await;
        redis
            .command(&["XGROUP", "DESTROY", &journal, GROUP])
            .unwrap();
    }
    let report = running.end().await;
    assert_eq!((report.won(), report.retries), (2_000, 0));
    stage.at_rest(sale.id).await.unwrap();
    assert!(info(redis, "errorstats").contains("errorstat_NOGROUP"));
    let log = stage.reconciler_log(0).unwrap();
    assert!(
        !log.contains("stranded"),
        "the new group begins at the first entry: {log}"
    );
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (2_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_while_callers_give_up_decides_each_purchase_once() {
    let impatient = vec![setting("REDIS_COMMAND_TIMEOUT_MS", 100)];
    let setting = Setting {
        api: impatient.clone(),
        reconciler: impatient,
        ..own_redis()
    };
    let mut stage = Stage::open(setting).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(1_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    until_taken(&stage, sale.id, 100).await;
    let redis = stage.redis().unwrap();
    redis.pause().unwrap();
    sleep(STANDSTILL).await;
    redis.resume().unwrap();
    let report = running.end().await;
    assert_eq!((report.won(), report.unknown()), (500, 0));
    assert!(report.retries > 0, "it came while nobody asked");
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (500, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_redis_loads_its_data_nobody_is_admitted_and_nothing_is_lost() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(1_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    until_taken(&stage, sale.id, 100).await;
    let redis = stage.redis().unwrap();
    let others = "for i = 1, 8192 do redis.call('SET', 'other:' .. i, i) end";
    redis.command(&["EVAL", others, "0"]).unwrap();
    // While it loads, Redis serves clients only once in 1,024 commands.
    let config = redis.data_dir().join("redis.conf");
    let mut config = OpenOptions::new().append(true).open(config).unwrap();
    writeln!(config, "key-load-delay {LOAD_DELAY_MICROS}").unwrap();

    let loading = tokio::task::block_in_place(|| {
        redis.kill().unwrap();
        thread::scope(|scope| {
            let starting = scope.spawn(|| redis.start_again());
            let mut loading = 0;
            while !starting.is_finished() {
                if let Err(Error::Reply { reply, .. }) = redis.command(&["GET", "other:1"]) {
                    assert!(reply.starts_with("LOADING"), "{reply}");
                    loading += 1;
                }
                thread::sleep(LOOK_PAUSE);
            }
            starting.join().unwrap().unwrap();
            loading
        })
    });
    assert!(loading > 0, "it was quicker than anyone could see");
    let report = running.end().await;
    assert_eq!((report.won(), report.unknown()), (500, 0));
    let stats = info(redis, "commandstats");
    let (_, scripts) = stats.split_once("cmdstat_evalsha:").unwrap();
    let refused = number(scripts, "rejected_calls=");
    assert!(refused > 0, "no process asked: {stats}");
    let log = stage.reconciler_log(0).unwrap();
    assert!(log.contains("LOADING"), "it says why: {log}");
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (500, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_admits_nobody_goes_on_posting_and_sells_again_when_there_is_room() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(5_000).await.unwrap();
    let selling = Selling::start(&stage, sale.id, NARROW);
    selling.until_sold(&stage, sale.id, 100).await;
    stage.reconciler().pause().unwrap();
    selling.until_sold(&stage, sale.id, 100).await;
    let redis = stage.redis().unwrap();
    let others = OTHERS_BYTES.to_string();
    redis
        .command(&["SETRANGE", "others", &others, "x"])
        .unwrap();
    let used = number(&info(redis, "memory"), "used_memory:");
    let limit = (used - OTHERS_BYTES / 2).to_string();
    redis
        .command(&["CONFIG", "SET", "maxmemory", &limit])
        .unwrap();

    // Every earlier request is decided before this look.
    let full_at = taken(&stage, sale.id).await;
    let entries = stage.gate.look(sale.id).await.unwrap().backlog().entries;
    assert!(entries > 0, "there is something to be posted");
    let (client, buyer) = (stage.client().unwrap(), stage.buyers(1).unwrap().remove(0));
    let reply = client.purchase(&buyer, sale.id, None).await;
    assert_eq!(reply.meaning, Meaning::Unknown);
    assert!(reply.retry_after.is_some());
    stage.reconciler().resume().unwrap();
    until("what was sold is posted and forgotten", async || {
        let posted = stage.ledger.sale(sale.id).await.unwrap()?.posted;
        let entries = stage.gate.look(sale.id).await.unwrap().backlog().entries;
        (u64::from(posted) == full_at && entries == 0).then_some(())
    })
    .await;
    assert_eq!(taken(&stage, sale.id).await, full_at, "nobody is admitted");
    let order = stage.gate.order_of(sale.id, buyer.id).await.unwrap();
    assert_eq!(order, None, "a refusal has no effect");
    until("the reconciler says why it cannot sync", async || {
        let log = stage.reconciler_log(0).unwrap();
        log.contains("OOM").then_some(())
    })
    .await;

    redis.command(&["DEL", "others"]).unwrap();
    selling.until_sold(&stage, sale.id, 100).await;
    let won = selling.end().await;
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (won, 0));
}

/// One section of Redis' INFO.
fn info(redis: &RedisServer, section: &str) -> String {
    redis.command(&["INFO", section]).unwrap()
}

/// The number after this name.
fn number(info: &str, name: &str) -> u64 {
    let (_, rest) = info.split_once(name).unwrap();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    rest[..end].parse().unwrap()
}
