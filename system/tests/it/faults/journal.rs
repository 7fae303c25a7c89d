//! Journal entries that no gate wrote. A bug, a damaged file or a person may leave such entries.

use chrono::{DateTime, Utc};
use sale::{
    journal::{Content, Entry, EntryId, Journal},
    keys::Keys,
    ledger::PurchaseOutcome,
    model::{Epoch, OrderId, Purchase, SaleId},
};
use servers::RedisServer;
use system::{
    client::{Buyer, Client},
    history::meaning::{Meaning, PurchaseStatus},
    rush::rush,
    stage::{Setting, Stage},
};

use super::{NARROW, own_redis, setting, until};

/// Writes an entry from hexadecimal digits.
const ADD: &str = "
    local function byte(digits) return string.char(tonumber(digits, 16)) end
    local bytes = string.gsub(ARGV[2], '..', byte)
    return redis.call('XADD', KEYS[1], ARGV[1], 'winners', bytes)";

fn quick_to_claim() -> Setting {
    Setting {
        reconciler: vec![setting("CLAIM_IDLE_MS", 200)],
        ..own_redis()
    }
}

/// Write access to the journal of a sale.
struct Hand<'a> {
    redis: &'a RedisServer,
    key: String,
}

impl<'a> Hand<'a> {
    fn on(stage: &'a Stage, sale: SaleId) -> Self {
        Self {
            redis: stage.redis().unwrap(),
            key: Keys::new(&stage.deployment.key_prefix).journal(sale),
        }
    }

    fn write(&self, id: EntryId, bytes: &[u8]) {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = id.to_string();
        self.redis
            .command(&["EVAL", ADD, "1", &self.key, &id, &digits])
            .unwrap();
    }

    fn take_away(&self, id: EntryId) {
        let taken = self.redis.command(&["XDEL", &self.key, &id.to_string()]);
        assert_eq!(taken.unwrap(), "1");
    }
}

/// An entry in the form in which a gate writes it.
fn bytes_of(winners: &[Purchase], admitted_at: DateTime<Utc>) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(u16::try_from(winners.len()).unwrap().to_be_bytes());
    bytes.extend(admitted_at.timestamp_micros().to_be_bytes());
    for winner in winners {
        bytes.extend(winner.buyer.to_bytes());
        bytes.extend(winner.order.to_bytes());
    }
    bytes
}

/// The id after this one. The gate's next id is larger.
fn behind(id: EntryId) -> EntryId {
    EntryId {
        sequence: id.sequence + 1,
        ..id
    }
}

async fn entries(stage: &Stage, sale: SaleId) -> Vec<Entry> {
    let journal = Journal::new(stage.gate.clone());
    journal.entries(sale).await.unwrap()
}

/// One buyer buys, without a key. No reconciler runs, so the entry stays in the journal.
async fn buy(stage: &Stage, client: &Client, sale: SaleId) -> (Buyer, OrderId, Entry) {
    let buyer = stage.buyers(1).unwrap().remove(0);
    let reply = client.purchase(&buyer, sale, None).await;
    let Meaning::Admitted(order) = reply.meaning else {
        panic!("{:?}", reply.meaning)
    };
    let entry = entries(stage, sale).await.pop().unwrap();
    (buyer, order, entry)
}

async fn until_completed(client: &Client, sale: SaleId, buyer: &Buyer, order: OrderId) {
    until("the purchase is completed", async || {
        let status = client.status(buyer, sale).await.meaning;
        (status == Meaning::Status(PurchaseStatus::Completed, order)).then_some(())
    })
    .await;
}

async fn until_epoch(stage: &Stage, sale: SaleId, epoch: u64) {
    until("the gate is rebuilt", async || {
        let gate = stage.gate.snapshot(sale).await.unwrap()?;
        (gate.is_open() && gate.epoch >= Epoch(epoch)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_entry_is_kept_its_neighbours_go_on_and_its_buyers_have_their_orders() {
    let mut stage = Stage::open(quick_to_claim()).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap().id;
    let client = stage.client().unwrap();
    stage.reconciler().kill().unwrap();
    let first = buy(&stage, &client, sale).await;
    let damaged = buy(&stage, &client, sale).await;
    let hand = Hand::on(&stage, sale);
    // Replaces the gate's entry by the same one with an unknown version.
    let mut bytes = match damaged.2.content {
        Content::Winners {
            admitted_at,
            ref winners,
        } => bytes_of(winners, admitted_at),
        Content::Unreadable { .. } => panic!("the gate's own entry"),
    };
    bytes[0] = 9;
    hand.take_away(damaged.2.id);
    hand.write(behind(damaged.2.id), &bytes);
    let last = buy(&stage, &client, sale).await;
    stage.reconciler().start_again().unwrap();

    for (buyer, order, _) in [&first, &damaged, &last] {
        until_completed(&client, sale, buyer, *order).await;
    }
    let rejections = stage.ledger.rejections_of_sale(sale).await.unwrap();
    assert_eq!(rejections.len(), 1);
    assert_eq!(rejections[0].reason, "unreadable");
    assert!(!rejections[0].counted);
    let log = stage.reconciler_log(0).unwrap();
    assert!(
        !log.contains("marks without a journal entry"),
        "its buyers are posted before it is forgotten: {log}"
    );
    stage.circumstances(sale).unreadable_entries = 1;
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!((proof.confirmed, proof.rejected), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_there_twice_is_posted_once() {
    let mut stage = Stage::open(quick_to_claim()).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap().id;
    let client = stage.client().unwrap();
    stage.reconciler().kill().unwrap();
    let (buyer, order, entry) = buy(&stage, &client, sale).await;
    let Content::Winners {
        admitted_at,
        ref winners,
    } = entry.content
    else {
        panic!("the gate's own entry")
    };
    Hand::on(&stage, sale).write(behind(entry.id), &bytes_of(winners, admitted_at));
    stage.reconciler().start_again().unwrap();

    until_completed(&client, sale, &buyer, order).await;
    // More was forgotten than posted: a rebuild corrects the gate's count.
    until_epoch(&stage, sale, 2).await;
    let reply = client.purchase(&buyer, sale, None).await;
    assert_eq!(reply.meaning, Meaning::Held(order));
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!((proof.confirmed, proof.rejected), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_an_older_install_is_rejected_and_its_buyer_buys_again() {
    let mut stage = Stage::open(quick_to_claim()).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap().id;
    let client = stage.client().unwrap();
    stage.gate.close(sale).await.unwrap();
    until_epoch(&stage, sale, 2).await;
    let buyer = stage.buyers(1).unwrap().remove(0);
    let old = forged(&buyer);
    let id = EntryId {
        epoch: Epoch(1),
        sequence: 1 << 20,
    };
    Hand::on(&stage, sale).write(id, &bytes_of(&[old], Utc::now()));
    stage.circumstances(sale).forged.insert(old.order);

    let failed = Meaning::Status(PurchaseStatus::Failed, old.order);
    until("the old purchase has failed", async || {
        let status = client.job(&buyer, sale, old.order).await.meaning;
        (status == failed).then_some(())
    })
    .await;
    let rejections = stage.ledger.rejections_of_sale(sale).await.unwrap();
    assert_eq!(rejections.len(), 1);
    assert_eq!(rejections[0].reason, "superseded");
    assert!(!rejections[0].counted, "the buyer has no unit");
    let again = rush(&client, sale, vec![buyer.clone()], NARROW, |_| ()).await;
    assert_eq!(again.won(), 1, "the buyer has bought nothing");
    let order = stage.gate.buyers(sale).await.unwrap()[&buyer.id];
    until_completed(&client, sale, &buyer, order).await;
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!((proof.confirmed, proof.rejected), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_a_newer_install_stops_the_sale_until_a_person_takes_it_away() {
    let mut stage = Stage::open(quick_to_claim()).await.unwrap();
    let sale = stage.open_sale(200).await.unwrap().id;
    let client = stage.client().unwrap();
    stage.reconciler().kill().unwrap();
    let before = stage.buyers(50).unwrap();
    let report = rush(&client, sale, before, NARROW, |_| ()).await;
    assert_eq!(report.won(), 50);
    let buyer = stage.buyers(1).unwrap().remove(0);
    let id = EntryId {
        epoch: Epoch(9),
        sequence: 1 << 20,
    };
    let hand = Hand::on(&stage, sale);
    hand.write(id, &bytes_of(&[forged(&buyer)], Utc::now()));
    stage.reconciler().start_again().unwrap();
    until("the alarm is there", async || {
        let log = stage.reconciler_log(0).unwrap();
        log.contains("ALARM: the journal is newer").then_some(())
    })
    .await;
    let posted = stage.ledger.sale(sale).await.unwrap().unwrap().posted;
    assert_eq!(posted, 0, "nothing is posted");
    let reply = client.purchase(&buyer, sale, None).await;
    assert_eq!(reply.meaning, Meaning::Unknown, "nobody is admitted");

    hand.take_away(id);
    // The poster retries after half a minute, or at once after a restart.
    tokio::task::block_in_place(|| {
        stage.reconciler().kill().unwrap();
        stage.reconciler().start_again().unwrap();
    });
    let after = stage.buyers(300).unwrap();
    let report = rush(&client, sale, after, NARROW, |_| ()).await;
    assert_eq!((report.won(), report.unknown()), (150, 0));
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!((proof.confirmed, proof.rejected), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_a_sale_that_the_ledger_does_not_know_is_left_alone() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(50).await.unwrap().id;
    let client = stage.client().unwrap();
    let (unknown, buyer) = (SaleId::random(), stage.buyers(1).unwrap().remove(0));
    let id = EntryId {
        epoch: Epoch(1),
        sequence: 1 << 20,
    };
    let purchase = forged(&buyer);
    Hand::on(&stage, unknown).write(id, &bytes_of(&[purchase], Utc::now()));
    let asked = [
        client.purchase(&buyer, unknown, None).await,
        client.status(&buyer, unknown).await,
    ];
    for reply in asked {
        assert_eq!(reply.meaning, Meaning::Refused, "there is no such sale");
    }
    let report = rush(&client, sale, stage.buyers(100).unwrap(), NARROW, |_| ()).await;
    assert_eq!(report.won(), 50, "others are not held up");
    stage.at_rest(sale).await.unwrap();
    let left = entries(&stage, unknown).await;
    assert_eq!(left.len(), 1, "a person can still look at it");
    let outcome = stage.ledger.outcome(purchase.order).await.unwrap();
    assert!(outcome.is_none(), "{outcome:?}");
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!(proof.confirmed, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_whom_nobody_knows_becomes_a_user_with_an_order() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap().id;
    let client = stage.client().unwrap();
    let (bought, order, entry) = buy_posted(&stage, &client, sale).await;
    // A buyer whom not even the gate knows.
    let stranger = stage.buyers(1).unwrap().remove(0);
    let purchase = forged(&stranger);
    for buyer in [bought.id, stranger.id] {
        let known = stage.ledger.user(buyer.uuid()).await.unwrap();
        assert_eq!(known.is_some(), buyer == bought.id);
    }
    Hand::on(&stage, sale).write(behind(entry), &bytes_of(&[purchase], Utc::now()));
    stage.circumstances(sale).forged.insert(purchase.order);

    // The ledger has posted one more than the gate has taken: a rebuild follows, and the gate knows the stranger.
    until_epoch(&stage, sale, 2).await;
    let user = stage.ledger.user(stranger.id.uuid()).await.unwrap();
    assert_eq!(user.unwrap().email, None);
    let reply = client.purchase(&stranger, sale, None).await;
    assert_eq!(reply.meaning, Meaning::Held(purchase.order));
    until_completed(&client, sale, &bought, order).await;
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!((proof.confirmed, proof.rejected), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_of_a_buyer_proves_a_lost_mark_and_the_gate_is_rebuilt() {
    let mut stage = Stage::open(own_redis()).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap().id;
    let client = stage.client().unwrap();
    let (buyer, order, entry) = buy_posted(&stage, &client, sale).await;
    let second = forged(&buyer);
    Hand::on(&stage, sale).write(behind(entry), &bytes_of(&[second], Utc::now()));
    stage.circumstances(sale).forged.insert(second.order);

    until_epoch(&stage, sale, 2).await;
    let log = stage.reconciler_log(0).unwrap();
    assert!(log.contains("the gate lost a mark"), "{log}");
    assert!(
        !log.contains("more was forgotten"),
        "it is shut together with the forgetting: {log}"
    );
    let outcome = stage.ledger.outcome(second.order).await.unwrap();
    let Some(PurchaseOutcome::Rejected(rejection)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(rejection.reason, "buyer_has_order");
    until_completed(&client, sale, &buyer, order).await;
    let reply = client.purchase(&buyer, sale, None).await;
    assert_eq!(reply.meaning, Meaning::Held(order));
    let proof = stage.close().await.unwrap()[&sale];
    assert_eq!((proof.confirmed, proof.rejected), (1, 1));
}

/// A purchase of this buyer that no gate has admitted.
fn forged(buyer: &Buyer) -> Purchase {
    Purchase {
        buyer: buyer.id,
        order: OrderId::random(),
    }
}

/// One buyer buys, and the order is posted. Also returns the largest id that the gate may have used.
async fn buy_posted(stage: &Stage, client: &Client, sale: SaleId) -> (Buyer, OrderId, EntryId) {
    let buyer = stage.buyers(1).unwrap().remove(0);
    let reply = client.purchase(&buyer, sale, None).await;
    let Meaning::Admitted(order) = reply.meaning else {
        panic!("{:?}", reply.meaning)
    };
    stage.at_rest(sale).await.unwrap();
    let journal = Journal::new(stage.gate.clone());
    let last = journal.last_delivered(sale).await.unwrap().unwrap();
    (buyer, order, last)
}
