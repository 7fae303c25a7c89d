//! Replays beside a sale that sells, beside each other, and beside the same buyer who buys again.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use sale::{
    ledger::{Bar, By, PurchaseOutcome, Replay},
    model::{Obstacle, OrderId, OrderStatus, Purchase, SaleId, Verdict},
    replay::replay,
};
use serde_json::json;
use tokio::{runtime::Handle, task::block_in_place, time::timeout};

use super::{
    PATIENCE, assert_open, post_at, replayed, settle, superseded, try_replays, without_unit,
};
use crate::fixture::{BOUND, Shop, purchase};

#[tokio::test]
async fn two_replays_at_once_make_one_order() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(3).await;
    let late = superseded(&shop, &sale).await;
    let ids = [late.order.uuid()];
    let both = join_all((0..2).map(|_| try_replays(&shop, sale.id, &ids, PATIENCE))).await;
    let mut told: Vec<Replay> = both.into_iter().flat_map(Result::unwrap).collect();
    told.sort_by_key(|it| matches!(it, Replay::Barred(_)));
    let already = Bar::Already(late.order, OrderStatus::Confirmed);
    assert_eq!(
        told,
        [Replay::Replayed(late.order), Replay::Barred(already)]
    );
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.confirmed, after.available), (1, 2));
    assert_open(&shop, sale.id).await;
}

/// Waits until a statement in the test's database waits for a lock.
async fn until_locked_out(shop: &Shop) {
    let waiting = async {
        let wanted = "SELECT EXISTS (SELECT FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock')";
        while !sqlx::query_scalar::<_, bool>(wanted)
            .fetch_one(&shop.pool)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, waiting).await.expect("somebody waits");
}

#[tokio::test]
async fn a_look_up_beside_a_replay_finds_the_purchase() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    settle(&shop, sale.id).await;
    for way in ["outcome", "outcome_of", "outcomes"] {
        let late = purchase();
        post_at(&shop, sale.id, sale.base, &[late]).await;
        // The replay commits while the look-up waits for its reading of the rejections.
        let mut replay = shop.pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE rejections IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *replay)
            .await
            .unwrap();
        let ledger = shop.ledger.clone();
        let look = tokio::spawn(async move {
            match way {
                "outcome" => ledger.outcome(late.order).await.unwrap(),
                "outcome_of" => ledger.outcome_of(sale.id, late.buyer).await.unwrap(),
                _ => ledger.outcomes(&[late.order]).await.unwrap().pop(),
            }
        });
        until_locked_out(&shop).await;
        let result: String = sqlx::query_scalar("SELECT result FROM replay_rejection($1, $2, $3)")
            .bind(late.order)
            .bind(sale.base)
            .bind(json!(By::process("test")))
            .fetch_one(&mut *replay)
            .await
            .unwrap();
        assert_eq!(result, "replayed");
        replay.commit().await.unwrap();
        let found = timeout(BOUND, look).await.expect("found").unwrap();
        assert!(
            matches!(&found, Some(PurchaseOutcome::Order(order)) if order.id == late.order),
            "{way}: {found:?}"
        );
    }
}

#[tokio::test]
async fn two_replays_of_two_purchases_share_no_last_unit() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(1).await;
    let sold = shop.sell(sale.id, 1).await;
    shop.post_all(sale.id).await;
    let late = [
        without_unit(&shop, &sale).await,
        without_unit(&shop, &sale).await,
    ];
    shop.ledger.cancel(sold[0].order).await.unwrap();
    let both = join_all(late.map(|it| replayed(&shop, sale.id, it.order.uuid()))).await;
    let made = both.iter().filter(|it| matches!(it, Replay::Replayed(_)));
    assert_eq!(made.count(), 1, "{both:?}");
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.confirmed, after.available), (1, 0));
    assert_open(&shop, sale.id).await;
}

#[tokio::test]
async fn a_buyer_who_buys_again_beside_the_replay_has_one_order() {
    let shop = Shop::open().await;
    for same_order in [true, false] {
        let sale = shop.on_sale(2).await;
        let late = superseded(&shop, &sale).await;
        let again = if same_order {
            late
        } else {
            Purchase {
                order: purchase().order,
                ..late
            }
        };
        let _reconciler = shop.reconciler(sale.id);
        let buying = async {
            // A closed gate decides nothing: the client retries.
            loop {
                let verdict = shop.ask(sale.id, &[again]).await.verdicts[0];
                if verdict != Verdict::Cold {
                    return verdict;
                }
            }
        };
        let (told, verdict) = tokio::join!(replayed(&shop, sale.id, late.order.uuid()), buying);
        let order = match told {
            Replay::Replayed(order) | Replay::Barred(Bar::Already(order, _)) => order,
            Replay::Barred(Bar::Obstacle(_)) => panic!("{told:?}"),
        };
        match verdict {
            Verdict::Admitted => assert_eq!(order, again.order),
            Verdict::Duplicate { order: known } => assert_eq!(order, known),
            other @ (Verdict::SoldOut
            | Verdict::NotStarted
            | Verdict::Ended
            | Verdict::Paused
            | Verdict::Cold) => panic!("{other:?}"),
        }
        let outcome = shop.ledger.outcome_of(sale.id, late.buyer).await.unwrap();
        assert!(matches!(outcome, Some(PurchaseOutcome::Order(it)) if it.id == order));
        let after = shop.assert_conserved(sale.id).await;
        assert_eq!((after.confirmed, after.available), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_replays_the_gate_sells_nothing() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(2).await;
    let late = [
        superseded(&shop, &sale).await,
        superseded(&shop, &sale).await,
    ];
    let ids = late.map(|purchase| purchase.order.uuid());
    let mut verdicts = Vec::new();
    let replaying = replay(
        &shop.gate,
        &shop.ledger,
        sale.id,
        &ids,
        PATIENCE,
        |_, told| {
            assert!(matches!(told, Replay::Replayed(_)), "{told:?}");
            // The ledger's last unit. The gate does not know yet that it is gone.
            let asking = async { shop.ask(sale.id, &[purchase()]).await.verdicts };
            let said = block_in_place(|| Handle::current().block_on(asking));
            verdicts.extend(said);
        },
    );
    replaying.await.unwrap();
    assert_eq!(verdicts, [Verdict::Cold, Verdict::Cold]);
    let late = shop.ask(sale.id, &[purchase()]).await.verdicts;
    assert_eq!(late, [Verdict::SoldOut]);
    assert_open(&shop, sale.id).await;
}

/// How many buyers buy at the same time, until the sale is sold out.
const BUYERS_AT_ONCE: usize = 4;

/// The result of a rush on a sale in which purchases were replayed one after another.
struct Rush {
    made: usize,
    colds: usize,
}

/// Sells a sale out while rejected purchases are replayed. Until all replays are made, a buyer who has `quota` units
/// repeats the same requests. Every promise must be an order.
async fn rush(units: u32, late: usize, quota: usize) -> Rush {
    let shop = Shop::open().await;
    let sale = shop.on_sale(units).await;
    let mut rejected = Vec::new();
    for _ in 0..late {
        rejected.push(superseded(&shop, &sale).await);
    }
    let _reconciler = shop.reconciler(sale.id);
    let selling = Selling {
        quota,
        replays_made: AtomicBool::new(false),
        colds: AtomicUsize::new(0),
    };
    let buying = join_all((0..BUYERS_AT_ONCE).map(|_| buy_all(&shop, sale.id, &selling)));
    let replaying = async {
        let mut told = Vec::new();
        for purchase in &rejected {
            told.push(replayed(&shop, sale.id, purchase.order.uuid()).await);
        }
        selling.replays_made.store(true, Ordering::Relaxed);
        told
    };
    let (admitted, told) = tokio::join!(buying, replaying);
    let mut promised: HashSet<OrderId> = admitted.into_iter().flatten().collect();
    let mut made = 0;
    for one in told {
        match one {
            Replay::Replayed(order) => {
                made += 1;
                assert!(promised.insert(order));
            }
            // Sold out before its turn.
            Replay::Barred(bar) => assert_eq!(bar, Bar::Obstacle(Obstacle::NoUnits)),
        }
    }
    // The reconciler may still hold the last entries.
    let posted = async {
        while shop.look(sale.id).await.backlog.entries > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(BOUND, posted).await.expect("all is posted");
    shop.sync(sale.id).await;
    let kept = shop.ledger.rejections_of_sale(sale.id).await.unwrap();
    assert!(kept.iter().all(|it| it.reason == "superseded"), "{kept:?}");
    let orders = shop.ledger.orders_of_sale(sale.id).await.unwrap();
    let posted: HashSet<OrderId> = orders.iter().map(|order| order.id).collect();
    assert!(posted == promised, "each promise is an order");
    let after = shop.assert_conserved(sale.id).await;
    assert_eq!((after.available, after.confirmed), (0, units));
    assert!(shop.look(sale.id).await.is_open());
    let marks = shop.gate.buyers(sale.id).await.unwrap();
    let marked: HashSet<OrderId> = marks.into_values().collect();
    assert!(
        marked == posted,
        "the gate knows exactly those who are posted"
    );
    let colds = selling.colds.into_inner();
    Rush { made, colds }
}

/// The shared state of a rush's buyers.
struct Selling {
    quota: usize,
    replays_made: AtomicBool,
    colds: AtomicUsize,
}

/// Buys two units at a time until the sale is sold out. Returns the admitted orders.
async fn buy_all(shop: &Shop, sale: SaleId, selling: &Selling) -> HashSet<OrderId> {
    let mut admitted = HashSet::new();
    let mut purchases = [purchase(), purchase()];
    loop {
        if admitted.len() < selling.quota || selling.replays_made.load(Ordering::Relaxed) {
            purchases = [purchase(), purchase()];
        }
        let verdicts = shop.ask(sale, &purchases).await.verdicts;
        for (purchase, verdict) in purchases.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Admitted => drop(admitted.insert(purchase.order)),
                Verdict::SoldOut => return admitted,
                // The client retries.
                Verdict::Cold => drop(selling.colds.fetch_add(1, Ordering::Relaxed)),
                other @ (Verdict::Duplicate { .. }
                | Verdict::NotStarted
                | Verdict::Ended
                | Verdict::Paused) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_sale_sells_no_replay_takes_a_unit_that_was_promised() {
    let rush = rush(800, 10, 100).await;
    assert!(rush.colds > 0, "the gate was closed while it sold");
    assert_eq!(rush.made, 10, "half of the units were still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_units_go_to_buyers_or_to_replays_and_none_to_both() {
    for _ in 0..10 {
        rush(50, 5, usize::MAX).await;
    }
}
