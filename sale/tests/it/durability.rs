//! An admission is answered once it is as safe as required, and not before.

use std::time::Duration;

use sale::{
    gate::{
        Gate, GateError,
        admission::Known,
        durability::{DurabilitySettings, Level},
    },
    ledger::Sale,
    model::{Purchase, Verdict},
};
use servers::{Fsync, RedisOptions, RedisServer};
use tokio::time::{Instant, sleep};

use crate::fixture::{BOUND, Door, purchase, redis_settings, terms};

/// How long replicas may take: long if they answer, so that a busy machine does not fail the test, and short if they do
/// not.
const PATIENT_MS: u64 = 4_000;
const IMPATIENT_MS: u64 = 300;

fn server(fsync: Fsync) -> RedisServer {
    RedisServer::start(options(fsync)).expect("redis")
}

const fn options(fsync: Fsync) -> RedisOptions {
    RedisOptions {
        append_only: !matches!(fsync, Fsync::No),
        fsync,
        maxmemory_bytes: None,
        supervised: false,
        tls: None,
        environment: Vec::new(),
    }
}

const fn settings(level: Level) -> DurabilitySettings {
    waiting(level, PATIENT_MS)
}

const fn waiting(level: Level, gate_replica_timeout_ms: u64) -> DurabilitySettings {
    DurabilitySettings {
        gate_durability: level,
        gate_replicas: 1,
        gate_replica_timeout_ms,
    }
}

async fn refusal(server: &RedisServer, level: Level) -> Option<String> {
    let gate = Gate::connect(&redis_settings(server.url())).await.unwrap();
    match gate.with_durability(&settings(level)).await {
        Ok(_) => None,
        Err(GateError::Unsafe(why)) => Some(why),
        Err(other) => panic!("{other:?}"),
    }
}

fn set(server: &RedisServer, name: &str, value: &str) {
    let answer = server.command(&["CONFIG", "SET", name, value]);
    assert_eq!(answer.expect("set"), "OK");
}

#[tokio::test]
async fn a_redis_that_does_not_sync_before_it_answers_is_refused_for_aof() {
    let server = server(Fsync::EverySecond);
    let why = refusal(&server, Level::Aof).await.expect("refused");
    assert!(why.contains("appendfsync always"), "{why}");
    set(&server, "appendfsync", "always");
    assert_eq!(refusal(&server, Level::Aof).await, None);
    set(&server, "appendonly", "no");
    let why = refusal(&server, Level::Aof).await.expect("refused");
    assert!(why.contains("appendonly yes"), "{why}");
}

#[tokio::test]
async fn a_redis_that_writes_without_replicas_is_refused_for_replica() {
    let server = server(Fsync::No);
    let why = refusal(&server, Level::Replica).await.expect("refused");
    assert!(why.contains("min-replicas-to-write 1"), "{why}");
    set(&server, "min-replicas-to-write", "2");
    assert_eq!(refusal(&server, Level::Replica).await, None);
}

#[tokio::test]
async fn a_wait_that_is_longer_than_a_command_may_take_is_refused() {
    let server = server(Fsync::No);
    set(&server, "min-replicas-to-write", "1");
    let gate = Gate::connect(&redis_settings(server.url())).await.unwrap();
    let too_long = DurabilitySettings {
        gate_replica_timeout_ms: 5_000,
        ..settings(Level::Replica)
    };
    let refused = gate.with_durability(&too_long).await;
    assert!(
        matches!(refused, Err(GateError::Settings(why)) if why.to_string().contains("REDIS_COMMAND_TIMEOUT_MS"))
    );
}

#[tokio::test]
async fn what_was_answered_under_aof_is_there_after_a_kill() {
    let server = server(Fsync::Always);
    let door = Door::at(server.url()).await;
    let gate = door
        .gate
        .clone()
        .with_durability(&settings(Level::Aof))
        .await
        .unwrap();
    let sale = terms(100);
    door.warm(&sale).await;
    let told: Vec<Purchase> = (0..50).map(|_| purchase()).collect();
    for one in &told {
        assert_eq!(ask(&gate, &sale, *one).await.unwrap(), Verdict::Admitted);
    }
    server.kill().unwrap();
    server.start_again().unwrap();
    let again = Door::with(sale::connections::RedisSettings {
        key_prefix: prefix(&door, &sale),
        ..redis_settings(server.url())
    })
    .await;
    let buyers = again.gate.buyers(sale.id).await.unwrap();
    assert!(
        told.iter()
            .all(|one| buyers.get(&one.buyer) == Some(&one.order))
    );
    assert_eq!(
        again.winners(sale.id).await,
        told,
        "and so are their entries"
    );
}

/// The prefix of a door's keys.
fn prefix(door: &Door, sale: &Sale) -> String {
    let key = door.keys.terms(sale.id);
    key.split(":{").next().unwrap().to_owned()
}

async fn ask(gate: &Gate, sale: &Sale, purchase: Purchase) -> Result<Verdict, GateError> {
    let decision = gate.admit(sale.id, &Known::default(), &[purchase]).await?;
    Ok(decision.verdicts[0])
}

/// A primary with one replica that must acknowledge, and a sale.
struct Pair {
    primary: RedisServer,
    replica: RedisServer,
    door: Door,
    gate: Gate,
    sale: Sale,
}

impl Pair {
    async fn open(units: u32) -> Self {
        Self::open_waiting(units, PATIENT_MS).await
    }

    async fn open_waiting(units: u32, timeout_ms: u64) -> Self {
        let primary = server(Fsync::No);
        let replica = primary
            .start_replica(&options(Fsync::No))
            .expect("a replica");
        set(&primary, "min-replicas-to-write", "1");
        until("the replica is good enough to write", || {
            primary.command(&["SET", "probe", "x"]).is_ok()
        })
        .await;
        let door = Door::at(primary.url()).await;
        let gate = door.gate.clone();
        let gate = gate
            .with_durability(&waiting(Level::Replica, timeout_ms))
            .await
            .unwrap();
        let sale = terms(units);
        door.warm(&sale).await;
        Self {
            primary,
            replica,
            door,
            gate,
            sale,
        }
    }

    /// Retries until the replica has acknowledged: it may have to catch up first, and until then callers get the answer
    /// that the outcome is unknown.
    async fn ask_until_known(&self, purchase: Purchase) -> Verdict {
        loop {
            match self.ask(purchase).await {
                Err(GateError::Unacknowledged { .. }) => {}
                answered => break answered.unwrap(),
            }
        }
    }

    async fn ask(&self, purchase: Purchase) -> Result<Verdict, GateError> {
        ask(&self.gate, &self.sale, purchase).await
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_was_answered_under_replica_is_in_the_replica_that_takes_over() {
    let pair = Pair::open(100).await;
    let told: Vec<Purchase> = (0..50).map(|_| purchase()).collect();
    for one in &told {
        assert_eq!(pair.ask(*one).await.unwrap(), Verdict::Admitted);
    }
    pair.primary.kill().unwrap();
    pair.replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    let promoted = Door::with(sale::connections::RedisSettings {
        key_prefix: prefix(&pair.door, &pair.sale),
        ..redis_settings(pair.replica.url())
    })
    .await;
    let buyers = promoted.gate.buyers(pair.sale.id).await.unwrap();
    assert!(
        told.iter()
            .all(|one| buyers.get(&one.buyer) == Some(&one.order))
    );
    assert_eq!(promoted.winners(pair.sale.id).await, told);
}

#[tokio::test]
async fn a_purchase_is_not_told_of_its_order_before_the_replica_has_it_however_often_it_asks() {
    let pair = Pair::open_waiting(2, IMPATIENT_MS).await;
    let one = purchase();
    pair.replica.pause().unwrap();
    // The purchase, its repetitions, and another one of the same buyer: on any connection.
    let other = Purchase {
        order: purchase().order,
        ..one
    };
    for asked in [one, one, one, other, other] {
        let unknown = pair.ask(asked).await;
        assert!(
            matches!(
                unknown,
                Err(GateError::Unacknowledged {
                    acknowledged: 0,
                    wanted: 1
                })
            ),
            "{unknown:?}"
        );
    }
    pair.replica.resume().unwrap();
    assert_eq!(pair.ask_until_known(one).await, Verdict::Admitted);
    let duplicate = Verdict::Duplicate { order: one.order };
    assert_eq!(pair.ask_until_known(other).await, duplicate);
    assert_eq!(
        pair.door.look(pair.sale.id).await.taken,
        1,
        "one unit, once"
    );
}

#[tokio::test]
async fn who_is_refused_does_not_wait_for_a_replica() {
    let pair = Pair::open(1).await;
    assert_eq!(pair.ask(purchase()).await.unwrap(), Verdict::Admitted);
    pair.replica.pause().unwrap();
    assert_eq!(pair.ask(purchase()).await.unwrap(), Verdict::SoldOut);
    pair.replica.resume().unwrap();
}

#[tokio::test]
async fn without_its_replica_redis_refuses_and_nothing_is_sold() {
    let pair = Pair::open(5).await;
    pair.replica.kill().unwrap();
    until("redis knows that it is alone", || {
        pair.primary
            .command(&["SET", "probe", "x"])
            .is_err_and(|error| error.to_string().contains("NOREPLICAS"))
    })
    .await;
    let refused = pair.ask(purchase()).await;
    assert!(
        matches!(refused, Err(GateError::Unavailable(_))),
        "{refused:?}"
    );
    pair.replica.start_again().unwrap();
    until("the replica is back", || {
        pair.primary.command(&["SET", "probe", "x"]).is_ok()
    })
    .await;
    assert_eq!(
        pair.door.look(pair.sale.id).await.taken,
        0,
        "the refusal had no effect"
    );
    assert_eq!(pair.ask(purchase()).await.unwrap(), Verdict::Admitted);
}
