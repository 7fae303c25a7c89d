//! The scripts by terms that no script of ours wrote.

use sale::{gate::upkeep::Synced, install::Condition, model::Verdict};

use crate::fixture::{Door, Shop, purchase, terms};

const NUMBERS: [&str; 6] = ["epoch", "version", "limit", "start", "end", "clock"];
const STRANGE: [&str; 14] = [
    "inf",
    "-inf",
    "nan",
    "1e308",
    "0x100",
    " 9",
    "9.5",
    "-1",
    "",
    "9007199254740993",
    "many",
    "007",
    "00000000000000001",
    "+7",
];

#[tokio::test]
async fn a_gate_whose_terms_are_no_numbers_of_ours_decides_nothing() {
    let door = Door::shared().await;
    let sale = terms(3);
    door.warm(&sale).await;
    let first = door.sell(sale.id, 1).await[0];
    let key = door.keys.terms(sale.id);
    for field in NUMBERS {
        let kept = door.term(sale.id, field).await;
        for strange in STRANGE {
            door.redis("HSET", &[&key, field, strange]).await;
            let decision = door.ask(sale.id, &[purchase(), first]).await;
            assert_eq!(
                decision.verdicts,
                [Verdict::Cold, Verdict::Cold],
                "{field} {strange:?}"
            );
            assert_eq!(door.winners(sale.id).await, [first], "{field} {strange:?}");
        }
        match kept {
            Some(kept) => door.redis("HSET", &[&key, field, &kept]).await,
            None => door.redis("HDEL", &[&key, field]).await,
        };
    }
    assert_eq!(door.sell(sale.id, 2).await.len(), 2, "it sells again");
}

#[tokio::test]
async fn a_rebuild_heals_a_gate_whose_terms_are_no_numbers_of_ours() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(200).await.id;
    let mut sold = shop.sell(sale, 1).await;
    let key = shop.keys.terms(sale);
    for field in NUMBERS {
        for strange in STRANGE {
            shop.post_all(sale).await;
            shop.redis("HSET", &[&key, field, strange]).await;
            let installed = shop.install(sale).await;
            assert_eq!(installed.found, Condition::Malformed, "{field} {strange:?}");
            shop.assert_sound(sale, &sold).await;
            sold.extend(shop.sell(sale, 1).await);
        }
    }
}

#[tokio::test]
async fn a_sync_leaves_a_gate_whose_epoch_or_version_is_no_number_of_ours_alone() {
    let door = Door::shared().await;
    let sale = terms(3);
    door.warm(&sale).await;
    let key = door.keys.terms(sale.id);
    let mut newer = sale.clone();
    newer.version.0 += 1;
    for field in ["epoch", "version"] {
        for strange in STRANGE {
            door.redis("HSET", &[&key, field, strange]).await;
            let synced = door.gate.sync(&newer).await.unwrap();
            assert_eq!(synced, Synced::Foreign, "{field} {strange:?}");
        }
        door.redis("HSET", &[&key, field, "1"]).await;
    }
    assert_eq!(door.gate.sync(&newer).await.unwrap(), Synced::Applied);
}

#[tokio::test]
async fn a_witness_that_is_no_number_of_ours_gives_way_to_what_a_caller_has_seen() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    shop.sell(sale, 3).await;
    shop.post_all(sale).await;
    let copy = shop.look(sale).await;
    let key = shop.keys.terms(sale);
    for strange in ["inf", "9007199254740993", "0x7fffffff"] {
        shop.redis("DEL", &[&key]).await;
        let args = [
            key.as_str(),
            "witness_epoch",
            strange,
            "witness_taken",
            strange,
        ];
        shop.redis("HSET", &args).await;
        let known = sale::gate::admission::Known {
            progress: sale::gate::admission::GateProgress {
                epoch: copy.epoch,
                taken: copy.taken,
            },
            ..Default::default()
        };
        let decision = shop.gate.admit(sale, &known, &[purchase()]).await.unwrap();
        assert_eq!(decision.verdicts, [Verdict::Cold]);
        let kept = shop.term(sale, "witness_taken").await;
        assert_eq!(kept.as_deref(), Some("3"), "{strange}");
    }
}
