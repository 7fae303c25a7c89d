//! A replica that is promoted in a rush, with all data or with a part. All processes reach Redis through the proxy,
//! which then redirects to the replica.

use sale::keys::Keys;
use servers::RedisServer;
use system::stage::{Ground, Stage};

use super::{
    NARROW, Running, own_redis,
    proxy::Proxy,
    redis_loss::{NO_WRITES_MS, admitted_when_stopped, name_losses},
    until, until_taken,
};

/// A stage that reaches Redis only through the proxy, and a replica that follows.
async fn with_a_replica() -> (Stage, RedisServer, Proxy) {
    let setting = own_redis();
    let options = setting.own_redis.clone().unwrap();
    let mut ground = Ground::prepare(setting).await.unwrap();
    let primary = ground.redis().unwrap();
    let replica = tokio::task::block_in_place(|| primary.start_replica(&options)).unwrap();
    let proxy = Proxy::start(ground.deployment.redis_address().unwrap()).await;
    ground.deployment = ground.deployment.with_redis_at(proxy.address());
    ground.processes = ground.deployment.clone();
    let stage = Stage::open_on(ground).await.unwrap();
    until("the replica follows", async || {
        replication(&replica, "master_link_status")
            .eq("up")
            .then_some(())
    })
    .await;
    (stage, replica, proxy)
}

/// One field of a server's replication state.
fn replication(redis: &RedisServer, name: &str) -> String {
    let info = redis.command(&["INFO", "replication"]).unwrap();
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find(|(found, _)| *found == name);
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

fn promote(replica: &RedisServer) {
    replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
}

async fn lead_to(proxy: &Proxy, redis: &RedisServer) {
    proxy.lead_to(&format!("127.0.0.1:{}", redis.port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_promoted_once_it_has_everything_goes_on_without_a_loss() {
    let (mut stage, replica, proxy) = with_a_replica().await;
    let sale = stage.open_sale(500).await.unwrap();
    let buyers = stage.buyers(1_000).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    until_taken(&stage, sale.id, 100).await;
    let primary = stage.redis().unwrap();
    primary
        .command(&["CLIENT", "PAUSE", NO_WRITES_MS, "WRITE"])
        .unwrap();
    until("the replica has everything", async || {
        let sent = replication(primary, "master_repl_offset");
        let had = replication(&replica, "slave_repl_offset");
        (sent == had).then_some(())
    })
    .await;
    primary.kill().unwrap();
    promote(&replica);
    lead_to(&proxy, &replica).await;
    let report = running.end().await;
    assert_eq!((report.won(), report.unknown()), (500, 0));
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.rejected), (500, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_behind_is_found_out_and_the_losses_are_named() {
    let (mut stage, replica, proxy) = with_a_replica().await;
    let sale = stage.open_sale(500).await.unwrap();
    stage.reconciler().pause().unwrap();
    let buyers = stage.buyers(1_500).unwrap();
    let running = Running::start(stage.client().unwrap(), sale.id, buyers, NARROW);
    until_taken(&stage, sale.id, 100).await;
    // The old primary goes on selling for a while, and no process is notified.
    promote(&replica);
    let copied = {
        let prefix = Keys::new(&stage.deployment.key_prefix);
        let taken = replica.command(&["HLEN", &prefix.buyers(sale.id)]);
        taken.unwrap().parse::<usize>().unwrap()
    };
    until_taken(&stage, sale.id, copied as u64 + 100).await;
    let primary = stage.redis().unwrap();
    let admitted = admitted_when_stopped(primary, &stage.gate, sale.id).await;
    primary.kill().unwrap();
    lead_to(&proxy, &replica).await;
    stage.reconciler().resume().unwrap();
    let report = running.end().await;
    assert_eq!(report.unknown(), 0, "everyone asked until it was decided");

    let all = admitted.len();
    let lost = name_losses(&mut stage, sale.id, admitted.into_values()).await;
    assert!(lost <= all - copied, "{lost} of {all}, {copied} copied");
    assert!(lost > 0, "the old primary sold on");
    let log = stage.reconciler_log(0).unwrap();
    assert!(log.contains("Redis lost purchases"), "{log}");
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 500);
}
