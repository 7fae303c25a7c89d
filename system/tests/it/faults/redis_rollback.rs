//! A Redis that was set back to an older copy.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use sale::{
    ledger::Sale,
    lifecycle::Lifecycle,
    model::{BuyerId, Epoch, OrderId, SaleState},
};
use secrecy::ExposeSecret as _;
use servers::RedisServer;
use sqlx::{Connection, PgConnection};
use system::{
    client::{Buyer, Client},
    history::meaning::{Inactive, Meaning},
    rush::rush,
    stage::Stage,
};

use super::{
    NARROW, own_redis,
    redis_loss::{admitted_when_stopped, name_losses, sell},
    until,
};

/// A copy of the append-only files of a Redis.
struct Copy {
    live: PathBuf,
    copy: PathBuf,
}

impl Copy {
    /// Stops the server in order, copies its files, and restarts it.
    fn of(redis: &RedisServer) -> io::Result<Self> {
        let made = Self {
            live: redis.data_dir().join("appendonlydir"),
            copy: redis.data_dir().join("copy"),
        };
        redis.stop().map_err(io::Error::other)?;
        copy_files(&made.live, &made.copy)?;
        redis.start_again().map_err(io::Error::other)?;
        Ok(made)
    }

    /// Kills the server, and restarts it on the copy.
    fn put_back(self, redis: &RedisServer) -> io::Result<()> {
        redis.kill().map_err(io::Error::other)?;
        fs::remove_dir_all(&self.live)?;
        fs::rename(&self.copy, &self.live)?;
        redis.start_again().map_err(io::Error::other)
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The units of the sale.
const UNITS: u32 = 1_000;

/// The number of units sold and posted before the copy was made,
const POSTED: usize = 100;
/// of those in the journal at that time,
const IN_COPY: usize = 50;
/// and of those sold after it.
const SINCE_COPY: usize = 100;
/// The last buyers, whose entries no reconciler has read.
const LAST: usize = 30;

/// Whether a reconciler was at work between the copy and the last purchases.
#[derive(PartialEq)]
enum HandedOn {
    Yes,
    No,
}

/// A sale whose Redis was set back to the copy. No reconciler runs.
struct RolledBack {
    stage: Stage,
    sale: Sale,
    client: Client,
    /// The buyers after the copy was made, first those whose entries a reconciler may have read.
    since: Vec<Buyer>,
    /// All buyers whom the gate had admitted.
    admitted: HashMap<BuyerId, OrderId>,
}

impl RolledBack {
    async fn new(handed_on: HandedOn) -> Self {
        let mut stage = Stage::open(own_redis()).await.unwrap();
        let sale = stage.open_sale(UNITS).await.unwrap();
        let client = stage.client().unwrap();
        sell(&stage, &client, sale.id, POSTED).await;
        stage.at_rest(sale.id).await.unwrap();
        stage.reconciler().kill().unwrap();
        sell(&stage, &client, sale.id, IN_COPY).await;
        let redis = stage.redis().unwrap();
        let copy = tokio::task::block_in_place(|| Copy::of(redis)).unwrap();
        let mut since = sell(&stage, &client, sale.id, SINCE_COPY).await;
        if handed_on == HandedOn::Yes {
            stage.reconciler().start_again().unwrap();
            stage.at_rest(sale.id).await.unwrap();
            stage.reconciler().kill().unwrap();
        }
        since.extend(sell(&stage, &client, sale.id, LAST).await);
        let admitted = admitted_when_stopped(redis, &stage.gate, sale.id).await;
        assert_eq!(admitted.len(), POSTED + IN_COPY + SINCE_COPY + LAST);
        tokio::task::block_in_place(|| copy.put_back(redis)).unwrap();
        Self {
            stage,
            sale,
            client,
            since,
            admitted,
        }
    }

    /// Restarts the API that sold, so that it forgets what it has seen.
    fn start_api_again(&self) {
        tokio::task::block_in_place(|| {
            self.stage.api().process().kill().unwrap();
            self.stage.api().start_again().unwrap();
        });
    }

    /// New buyers ask until the gate is closed: none of them is admitted.
    async fn is_shut_by_who_asks(&self) {
        until("somebody who knows better asks", async || {
            let buyer = self.stage.buyers(1).unwrap().remove(0);
            let reply = self.client.purchase(&buyer, self.sale.id, None).await;
            assert_eq!(reply.meaning, Meaning::Unknown);
            let gate = self.stage.gate.snapshot(self.sale.id).await.ok()??;
            assert_eq!(gate.taken as usize, POSTED + IN_COPY);
            gate.lost.then_some(())
        })
        .await;
    }

    /// The reconciler comes back, and the last `lost` buyers turn out to be lost. They ask again, and get units; then
    /// everything is sold.
    async fn goes_on(mut self, lost: usize) -> Stage {
        self.stage.reconciler().start_again().unwrap();
        let rest = self.stage.at_rest(self.sale.id).await.unwrap();
        let posted: HashSet<_> = rest.ledger.orders.iter().map(|o| o.id).collect();
        let losers = self.since.split_off(self.since.len() - lost);
        let of = |buyer: &Buyer| self.admitted[&buyer.id];
        assert!(losers.iter().all(|buyer| !posted.contains(&of(buyer))));
        assert!(self.since.iter().all(|buyer| posted.contains(&of(buyer))));

        let again = rush(&self.client, self.sale.id, losers, NARROW, |_| ()).await;
        assert_eq!(
            again.won(),
            lost,
            "a buyer whose purchase is lost buys again"
        );
        let others = self.stage.buyers(UNITS as usize).unwrap();
        let others = rush(&self.client, self.sale.id, others, NARROW, |_| ()).await;
        assert_eq!(others.unknown(), 0);
        name_losses(&mut self.stage, self.sale.id, self.admitted.into_values()).await;
        self.stage
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_has_seen_more_shuts_a_gate_that_was_rolled_back() {
    let case = RolledBack::new(HandedOn::No).await;
    case.is_shut_by_who_asks().await;
    let sale = case.sale.id;
    let stage = case.goes_on(SINCE_COPY + LAST).await;
    let log = stage.reconciler_log(0).unwrap();
    let report = format!("lost={}", SINCE_COPY + LAST);
    assert!(log.contains("condition=Lost"), "{log}");
    assert!(log.contains("ALARM: Redis lost purchases"), "{log}");
    assert!(log.contains(&report), "the rebuild reports {report}: {log}");
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!(proof.confirmed, UNITS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_was_just_started_learns_from_the_ledger_that_a_gate_was_rolled_back() {
    let case = RolledBack::new(HandedOn::Yes).await;
    case.start_api_again();
    case.is_shut_by_who_asks().await;
    let sale = case.sale.id;
    let stage = case.goes_on(LAST).await;
    let log = stage.reconciler_log(0).unwrap();
    assert!(
        !log.contains("Redis lost purchases"),
        "nobody is left who has seen more than the ledger: {log}"
    );
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!(proof.confirmed, UNITS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_sold_shuts_a_gate_that_was_rolled_back_and_filled_again_by_another() {
    let mut case = RolledBack::new(HandedOn::No).await;
    let old = case.stage.api();
    tokio::task::block_in_place(|| old.process().pause()).unwrap();
    let other = case.stage.start_api(&[]).unwrap();
    let url = case.stage.apis()[other].url();
    let other = Client::new(&url, case.stage.history.clone()).unwrap();
    let since = sell(&case.stage, &other, case.sale.id, 2 * SINCE_COPY).await;
    assert!(since.len() > SINCE_COPY + LAST, "the gate is not behind");

    case.stage.api().process().resume().unwrap();
    until("the one that sold asks", async || {
        let buyer = case.stage.buyers(1).unwrap().remove(0);
        let reply = case.client.purchase(&buyer, case.sale.id, None).await;
        assert_eq!(reply.meaning, Meaning::Unknown);
        let gate = case.stage.gate.snapshot(case.sale.id).await.ok()??;
        gate.lost.then_some(())
    })
    .await;
    let sale = case.sale.id;
    let stage = case.goes_on(SINCE_COPY + LAST).await;
    let gate = stage.gate.snapshot(sale).await.unwrap().unwrap();
    assert!(gate.epoch > Epoch(1), "it was rebuilt");
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!(proof.confirmed, UNITS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_was_ended_does_not_sell_by_an_older_copy() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(UNITS).await.unwrap();
    let client = stage.client().unwrap();
    sell(&stage, &client, sale.id, POSTED).await;
    stage.at_rest(sale.id).await.unwrap();
    let redis = stage.redis().unwrap();
    let copy = tokio::task::block_in_place(|| Copy::of(redis)).unwrap();
    let administration = Lifecycle::new(stage.gate.clone(), stage.ledger.clone());
    until("the sale is ended", async || {
        administration.end(sale.id).await.ok()
    })
    .await;
    stage.reconciler().kill().unwrap();
    tokio::task::block_in_place(|| copy.put_back(redis)).unwrap();
    let gate = async || stage.gate.snapshot(sale.id).await.unwrap().unwrap();
    until("the copy is there", async || {
        stage.gate.snapshot(sale.id).await.ok()
    })
    .await;
    assert_eq!(
        (gate().await.state, gate().await.taken as usize),
        (SaleState::Open, POSTED)
    );

    for buyer in stage.buyers(20).unwrap() {
        let reply = client.purchase(&buyer, sale.id, None).await;
        let ended = Meaning::NotActive(Inactive::Ended);
        assert_eq!(reply.meaning, ended, "the API has brought it its terms");
    }
    assert_eq!(gate().await.taken as usize, POSTED);
    stage.reconciler().start_again().unwrap();
    let buyer = stage.buyers(1).unwrap();
    let asked = rush(&client, sale.id, buyer, NARROW, |_| ()).await;
    assert_eq!((asked.won(), asked.unknown()), (0, 0), "it has ended");
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, POSTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_nobody_knows_of_sells_on_and_never_oversells() {
    let case = RolledBack::new(HandedOn::No).await;
    case.start_api_again();
    sell(&case.stage, &case.client, case.sale.id, 2 * SINCE_COPY).await;
    let sale = case.sale.id;
    let stage = case.goes_on(SINCE_COPY + LAST).await;
    let gate = stage.gate.snapshot(sale).await.unwrap().unwrap();
    assert_eq!(gate.epoch, Epoch(1), "there was nothing to be rebuilt");
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!(proof.confirmed, UNITS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reconciler_has_in_hand_of_a_history_that_is_gone_is_posted_and_never_oversells() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(UNITS).await.unwrap();
    let client = stage.client().unwrap();
    sell(&stage, &client, sale.id, POSTED).await;
    stage.at_rest(sale.id).await.unwrap();
    let redis = stage.redis().unwrap();
    let copy = tokio::task::block_in_place(|| Copy::of(redis)).unwrap();
    // A lock on the sale delays the posting once it is under way.
    let url = stage.deployment.database_url.expose_secret();
    let mut other = PgConnection::connect(url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("SELECT FROM flash_sales WHERE id = $1 FOR UPDATE")
        .bind(sale.id)
        .execute(&mut *lock)
        .await
        .unwrap();
    sell(&stage, &client, sale.id, SINCE_COPY).await;
    until("a reconciler has something in hand", async || {
        let backlog = stage.gate.look(sale.id).await.ok()?.backlog();
        (backlog.pending > 0).then_some(())
    })
    .await;
    // Otherwise its keeper may be the one that has seen more.
    stage.reconciler().pause().unwrap();
    let admitted = admitted_when_stopped(redis, &stage.gate, sale.id).await;
    tokio::task::block_in_place(|| copy.put_back(redis)).unwrap();

    // An API that does not know that history sells its units to others.
    tokio::task::block_in_place(|| {
        stage.api().process().kill().unwrap();
        stage.api().start_again().unwrap();
    });
    sell(&stage, &client, sale.id, UNITS as usize - POSTED).await;
    lock.rollback().await.unwrap();
    stage.reconciler().resume().unwrap();
    let lost = name_losses(&mut stage, sale.id, admitted.into_values()).await;
    let log = stage.reconciler_log(0).unwrap();
    assert!(
        log.contains("condition=Behind"),
        "more is posted than taken: {log}"
    );
    let in_hand = SINCE_COPY - lost;
    assert!(in_hand > 0, "what was in hand is not lost");
    let proof = stage.close().await.unwrap()[&sale.id];
    let ended = (proof.confirmed, proof.rejected);
    assert_eq!(
        ended,
        (UNITS as usize, in_hand),
        "there are no units for as many others"
    );
}
