//! A sale on a Redis Cluster: all its keys on one shard, and other sales on others.

use std::collections::BTreeSet;

use fred::util::redis_keyslot;
use sale::{
    ledger::Sale,
    model::{SaleState, Verdict},
    settle::settle,
};
use servers::{RedisCluster, RedisOptions};

use crate::fixture::{DRAIN, Door, Shop, purchase};

const MASTERS: usize = 3;
const SLOTS: usize = 16_384;
/// More sales than it takes to meet every shard, even with bad luck.
const SALES_MAX: usize = 100;

/// The master that holds a sale's keys.
fn shard(shop: &Shop, sale: &Sale) -> usize {
    let keys = [
        shop.keys.terms(sale.id),
        shop.keys.buyers(sale.id),
        shop.keys.journal(sale.id),
        shop.keys.prepared(sale.id, sale.epoch),
    ];
    let slots: BTreeSet<u16> = keys.iter().map(|it| redis_keyslot(it.as_bytes())).collect();
    assert_eq!(slots.len(), 1, "one sale, one slot");
    usize::from(slots.into_iter().next().unwrap()) * MASTERS / SLOTS
}

async fn life_of_a_sale(shop: &Shop, sale: &Sale) {
    let id = sale.id;
    assert!(shop.install(id).await.was_installed());
    let purchases = shop.sell(id, 2).await;
    assert_eq!(shop.look(id).await.backlog.entries, 1);
    shop.post_all(id).await;
    let found = shop.look(id).await;
    assert_eq!((found.taken, found.forgotten), (2, 2));
    assert_eq!(found.backlog.entries, 0);
    shop.assert_sound(id, &purchases).await;

    shop.ledger.cancel(purchases[0].order).await.unwrap();
    shop.sync(id).await;
    assert_eq!(shop.look(id).await.remaining(), 2);
    let verdicts = shop.ask(id, &[purchase(), purchase(), purchase()]).await;
    let expected = [Verdict::Admitted, Verdict::Admitted, Verdict::SoldOut];
    assert_eq!(verdicts.verdicts, expected);
    shop.post_all(id).await;

    shop.wipe(id).await;
    assert_eq!(shop.install(id).await.buyers, 4);
    let settled = settle(&shop.gate, &shop.ledger, id, DRAIN).await.unwrap();
    assert_eq!(settled.state, SaleState::Settled);
    assert_eq!((settled.confirmed, settled.returned), (3, 0));
    shop.assert_conserved(id).await;
}

#[tokio::test]
async fn sales_on_every_shard_live_their_whole_lives() {
    let options = RedisOptions {
        append_only: false,
        supervised: false,
        ..RedisOptions::default()
    };
    let cluster = RedisCluster::start(MASTERS, options).expect("cluster");
    let shop = Shop::behind(Door::at(cluster.url()).await).await;
    let mut met = BTreeSet::new();
    for _ in 0..SALES_MAX {
        let sale = shop.sale(3).await;
        if met.insert(shard(&shop, &sale)) {
            life_of_a_sale(&shop, &sale).await;
        }
        if met.len() == MASTERS {
            return;
        }
    }
    panic!("only met the shards {met:?}");
}
