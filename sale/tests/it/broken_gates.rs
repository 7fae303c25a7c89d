//! A gate whose keys hold another type or nonsense: reports name it, a rebuild repairs it, it sells to no buyer twice,
//! and the other sales are not affected.

use std::{sync::Arc, time::Duration};

use sale::{
    audit::{self, Difference},
    gate::{GateError, admission::Known, snapshot::Sight},
    install::Condition,
    keys::Keys,
    ledger::LedgerError,
    lifecycle::{Lifecycle, LifecycleError},
    model::{OrderId, SaleId, Verdict},
    queue,
    store::StoreError,
};

use servers::{RedisOptions, RedisServer};
use tokio::{task::spawn_blocking, time::timeout};

use crate::fixture::{BOUND, Door, Shop, purchase, terms};

const PARTS: [&str; 3] = ["terms", "buyers", "journal"];

fn key(keys: &Keys, sale: SaleId, part: &str) -> String {
    match part {
        "terms" => keys.terms(sale),
        "buyers" => keys.buyers(sale),
        _ => keys.journal(sale),
    }
}

/// Overwrites a key of a gate with a text.
async fn overwrite(shop: &Shop, sale: SaleId, part: &str) {
    shop.redis("SET", &[&key(&shop.keys, sale, part), "nonsense"])
        .await;
}

#[tokio::test]
async fn a_key_of_another_type_is_seen_as_that_and_named() {
    let shop = Shop::open().await;
    for part in PARTS {
        let sale = shop.on_sale(5).await.id;
        shop.sell(sale, 2).await;
        overwrite(&shop, sale, part).await;
        let sight = shop.gate.look(sale).await.unwrap();
        let Sight::Malformed { why, remains } = &sight else {
            panic!("{part}: {sight:?}");
        };
        assert!(why.contains(part), "{why}");
        let left = (remains.taken, remains.backlog.entries);
        let expected = match part {
            "buyers" => (0, 1),
            "journal" => (2, 0),
            _ => (2, 1),
        };
        assert_eq!(left, expected, "{part}");
        let evidence = audit::read(&shop.gate, &shop.ledger, sale).await.unwrap();
        let found = evidence.differences();
        assert!(
            matches!(found[..], [Difference::Malformed { .. }]),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_loaded_gate_that_is_gone_or_cannot_be_read_is_a_difference() {
    let shop = Shop::open().await;
    for part in PARTS {
        let sale = shop.on_sale(5).await.id;
        let loaded = audit::read(&shop.gate, &shop.ledger, sale).await.unwrap();
        assert_eq!(loaded.differences_of_loaded(), [], "{part}");
        let sound = loaded.before.clone();
        if part == "terms" {
            shop.wipe(sale).await;
        } else {
            overwrite(&shop, sale, part).await;
        }
        let broken = shop.gate.look(sale).await.unwrap();
        for (before, after) in [(&sound, &broken), (&broken, &sound), (&broken, &broken)] {
            let mut evidence = loaded.clone();
            (evidence.before, evidence.after) = (before.clone(), after.clone());
            let found = evidence.differences_of_loaded();
            assert!(
                matches!(found[..], [Difference::Malformed { .. }]),
                "{part}: {found:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_gate_with_a_key_of_another_type_decides_nothing() {
    let shop = Shop::open().await;
    for part in PARTS {
        let sale = shop.on_sale(5).await.id;
        shop.sell(sale, 2).await;
        shop.post_all(sale).await;
        overwrite(&shop, sale, part).await;
        let known = Known::default();
        match shop.gate.admit(sale, &known, &[purchase()]).await {
            Ok(decision) => assert_eq!(decision.verdicts, [Verdict::Cold], "{part}"),
            Err(error) => assert!(matches!(error, GateError::Unavailable(_)), "{error:?}"),
        }
        assert_eq!(shop.assert_conserved(sale).await.confirmed, 2);
    }
}

#[tokio::test]
async fn an_install_makes_a_key_of_another_type_again_and_keeps_it_aside() {
    let shop = Shop::open().await;
    for part in PARTS {
        let sale = shop.on_sale(5).await.id;
        let mut sold = shop.sell(sale, 2).await;
        shop.post_all(sale).await;
        sold.extend(shop.sell(sale, 1).await);
        overwrite(&shop, sale, part).await;
        let _reconciler = shop.reconciler_unless_overwritten(sale, part);
        let installed = shop.install(sale).await;
        assert_eq!(installed.found, Condition::Malformed, "{part}");
        // The third buyer is in the journal, or has a mark.
        shop.assert_sound(sale, &sold).await;
        assert_eq!(shop.assert_conserved(sale).await.confirmed, 3, "{part}");
        let aside = shop.keys.aside(sale);
        let place = PARTS.iter().position(|one| *one == part).unwrap();
        let kept = shop.redis("GET", &[&aside[place]]).await;
        assert_eq!(kept.into_string().as_deref(), Some("nonsense"), "{part}");
        let lifetime = shop.redis("TTL", &[&aside[place]]).await.as_i64().unwrap();
        assert!((1..=7 * 86_400).contains(&lifetime), "{lifetime}");
        assert_eq!(shop.sell(sale, 2).await.len(), 2);
        let late = shop.ask(sale, &[sold[0], purchase()]).await.verdicts;
        assert_eq!(late, [Verdict::Admitted, Verdict::SoldOut]);
    }
}

#[tokio::test]
async fn a_key_that_is_set_aside_replaces_none_that_was_set_aside_before() {
    let shop = Shop::open().await;
    for (place, part) in PARTS.into_iter().enumerate() {
        let sale = shop.on_sale(5).await.id;
        let aside = shop.keys.aside(sale)[place].clone();
        for round in 1..=100 {
            let text = format!("nonsense {round}");
            shop.redis("SET", &[&key(&shop.keys, sale, part), &text])
                .await;
            shop.gate.close(sale).await.unwrap();
        }
        for round in 1..=100 {
            let name = match round {
                1 => aside.clone(),
                _ => format!("{aside}:{round}"),
            };
            let kept = shop.redis("GET", &[&name]).await.into_string();
            assert_eq!(kept, Some(format!("nonsense {round}")), "{part}");
            let lifetime = shop.redis("TTL", &[&name]).await.as_i64().unwrap();
            assert!((1..=7 * 86_400).contains(&lifetime), "{lifetime}");
        }
        // One more stays where it is, and the gate stays closed.
        overwrite(&shop, sale, part).await;
        shop.gate.close(sale).await.unwrap_err();
        let kept = shop.redis("GET", &[&key(&shop.keys, sale, part)]).await;
        assert_eq!(kept.into_string().as_deref(), Some("nonsense"), "{part}");
        shop.redis("DEL", &[&aside]).await;
        assert_eq!(shop.install(sale).await.found, Condition::Malformed);
        shop.assert_sound(sale, &[]).await;
    }
}

#[tokio::test]
async fn all_keys_of_another_type_lose_no_more_than_redis_lost() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await.id;
    let posted = shop.sell(sale, 2).await;
    shop.post_all(sale).await;
    for part in PARTS {
        overwrite(&shop, sale, part).await;
    }
    assert_eq!(shop.install(sale).await.found, Condition::Malformed);
    shop.assert_sound(sale, &posted).await;
}

#[tokio::test]
async fn a_close_shuts_a_gate_whose_other_keys_were_overwritten_in_the_same_step() {
    let shop = Shop::open().await;
    for part in ["buyers", "journal"] {
        let sale = shop.on_sale(5).await.id;
        shop.sell(sale, 1).await;
        overwrite(&shop, sale, part).await;
        shop.gate.close(sale).await.unwrap();
        assert!(shop.look(sale).await.lost, "{part}");
        let decision = shop.ask(sale, &[purchase()]).await;
        assert_eq!(decision.verdicts, [Verdict::Cold], "{part}");
        // Once more, now with nothing to set aside.
        shop.gate.close(sale).await.unwrap();
    }
}

#[tokio::test]
async fn the_queue_counts_the_others_and_names_the_broken_one() {
    let shop = Shop::open().await;
    let sound = shop.on_sale(5).await.id;
    shop.sell(sound, 3).await;
    let mut broken = Vec::new();
    for part in PARTS {
        let sale = shop.on_sale(5).await.id;
        shop.sell(sale, 1).await;
        overwrite(&shop, sale, part).await;
        broken.push(sale);
    }
    for (field, value) in [("limit", "nonsense"), ("end", "99999999999999999999")] {
        let sale = shop.on_sale(5).await.id;
        shop.redis("HSET", &[&shop.keys.terms(sale), field, value])
            .await;
        broken.push(sale);
    }
    broken.sort();
    let queue = queue::look(&shop.gate, &shop.ledger).await.unwrap();
    assert_eq!(queue.degraded.into_iter().collect::<Vec<_>>(), broken);
    assert_eq!((queue.sales, queue.waiting), (6, 3));
}

#[tokio::test]
async fn a_broken_journal_hides_no_order_of_another_sale() {
    let shop = Shop::open().await;
    let sales = Lifecycle::new(shop.gate.clone(), shop.ledger.clone());
    let (first, second) = (shop.on_sale(5).await.id, shop.on_sale(5).await.id);
    let on_its_way = shop.sell(second, 1).await[0].order;
    overwrite(&shop, first, "journal").await;
    let pending = sales.cancel(on_its_way).await;
    assert!(
        matches!(pending, Err(LifecycleError::OrderPending)),
        "{pending:?}"
    );
    let unknown = sales.cancel(OrderId::random()).await;
    assert!(
        matches!(
            unknown,
            Err(LifecycleError::Store(StoreError::Ledger(
                LedgerError::UnknownOrder
            )))
        ),
        "a key of another type has no entries: {unknown:?}"
    );
}

#[tokio::test]
async fn a_redis_that_a_script_keeps_busy_is_silent_and_no_broken_gate() {
    let server = RedisServer::start(RedisOptions {
        append_only: false,
        supervised: false,
        ..RedisOptions::default()
    });
    let server = Arc::new(server.expect("redis"));
    let door = Door::at(server.url()).await;
    let sale = terms(5);
    door.warm(&sale).await;
    let held = door.sell(sale.id, 1).await[0];
    door.redis("CONFIG", &["SET", "busy-reply-threshold", "20"])
        .await;
    let spinning = Arc::clone(&server);
    let spinning = spawn_blocking(move || spinning.command(&["EVAL", "while true do end", "0"]));
    let busy = async {
        loop {
            if let Err(error) = door.gate.order_of(sale.id, held.buyer).await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let busy = timeout(BOUND, busy).await.expect("busy");
    server.command(&["SCRIPT", "KILL"]).expect("killed");
    assert!(format!("{busy:?}").contains("BUSY"), "{busy:?}");
    assert!(busy.is_silence() && !busy.is_wrong_type(), "{busy:?}");
    spinning.await.expect("ended").expect_err("killed");
    let order = door.gate.order_of(sale.id, held.buyer).await.unwrap();
    assert_eq!(order, Some(held.order));

    door.redis("DEL", &[&door.keys.buyers(sale.id)]).await;
    door.redis("SET", &[&door.keys.buyers(sale.id), "nonsense"])
        .await;
    let broken = door.gate.order_of(sale.id, held.buyer).await.unwrap_err();
    assert!(broken.is_wrong_type() && !broken.is_silence(), "{broken:?}");
}

impl Shop {
    /// A reconciler, unless the journal was overwritten.
    fn reconciler_unless_overwritten(
        &self,
        sale: SaleId,
        part: &str,
    ) -> Option<crate::fixture::Reconciler> {
        (part != "journal").then(|| self.reconciler(sale))
    }
}
