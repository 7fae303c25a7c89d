//! Install: warm and rebuild, for every loss and wherever the last attempt ended.

use std::time::Duration;

use sale::{
    gate::swap::Swapped,
    install::{Condition, InstallError, Installed, install},
    ledger::PurchaseOutcome,
    model::{BuyerId, Epoch, OrderId, Purchase, SaleId, Verdict},
};
use serde_json::json;
use tokio::time::timeout;

use crate::fixture::{BOUND, DRAIN, NO_DRAIN, Shop, posting_of, purchase};

async fn condition(shop: &Shop, sale: SaleId) -> Condition {
    let ledger = shop.read(sale).await;
    Condition::of(&ledger, &shop.gate.look(sale).await.unwrap())
}

async fn try_install(
    shop: &Shop,
    sale: SaleId,
    drain: Duration,
) -> Result<Installed, InstallError> {
    let installed = install(&shop.gate, &shop.ledger, sale, drain);
    timeout(BOUND, installed).await.expect("an install ends")
}

/// A sale of which this many units were sold and posted.
async fn sold(shop: &Shop, units: u32, count: usize) -> (SaleId, Vec<Purchase>) {
    let sale = shop.on_sale(units).await;
    let purchases = shop.sell(sale.id, count).await;
    shop.post_all(sale.id).await;
    (sale.id, purchases)
}

/// The steps of an install up to the swap, by hand.
async fn swap_by_hand(shop: &Shop, sale: SaleId) -> (Epoch, u64) {
    shop.gate.close(sale).await.unwrap();
    let sale = shop.ledger.begin_install(sale).await.unwrap().unwrap();
    let buyers = shop.ledger.posted_buyers(sale.id, None, 1_000).await;
    let buyers: Vec<(BuyerId, OrderId)> = buyers.unwrap();
    shop.gate
        .prepare(sale.id, sale.epoch, &buyers)
        .await
        .unwrap();
    let count = buyers.len() as u64;
    let swapped = shop.gate.swap(&sale, count).await.unwrap();
    assert_eq!(swapped, Swapped::Swapped);
    (sale.epoch, count)
}

#[tokio::test]
async fn a_new_sale_is_warmed_and_sells() {
    let shop = Shop::open().await;
    let sale = shop.sale(2).await;
    assert_eq!(condition(&shop, sale.id).await, Condition::Missing);

    let installed = shop.install(sale.id).await;

    let expected = Installed {
        found: Condition::Missing,
        epoch: Epoch(1),
        buyers: 0,
        saved: 0,
        rejected: 0,
        lost: 0,
    };
    assert_eq!(installed, expected);
    assert_eq!(condition(&shop, sale.id).await, Condition::Sound);
    assert_eq!(shop.read(sale.id).await.base, Epoch(1));
    let purchases = shop.sell(sale.id, 2).await;
    shop.assert_sound(sale.id, &purchases).await;
}

#[tokio::test]
async fn a_sound_gate_is_left_alone() {
    let shop = Shop::open().await;
    let (sale, purchases) = sold(&shop, 5, 2).await;
    let installed = shop.install(sale).await;
    assert!(!installed.was_installed());
    assert_eq!((installed.epoch, installed.buyers), (Epoch(1), 2));
    assert_eq!(shop.read(sale).await.epoch, Epoch(1));
    shop.assert_sound(sale, &purchases).await;
}

#[tokio::test]
async fn a_gate_whose_keys_are_gone_is_rebuilt_with_exactly_the_posted_buyers() {
    let shop = Shop::open().await;
    let (sale, purchases) = sold(&shop, 5, 3).await;
    shop.wipe(sale).await;
    assert_eq!(condition(&shop, sale).await, Condition::Missing);

    let installed = shop.install(sale).await;

    assert_eq!((installed.epoch, installed.buyers), (Epoch(2), 3));
    shop.assert_sound(sale, &purchases).await;
    let verdicts = shop.ask(sale, &[purchase(), purchase(), purchase()]).await;
    let expected = [Verdict::Admitted, Verdict::Admitted, Verdict::SoldOut];
    assert_eq!(verdicts.verdicts, expected);
}

#[tokio::test]
async fn a_closed_gate_is_rebuilt_with_exactly_the_posted_buyers() {
    let shop = Shop::open().await;
    let (sale, purchases) = sold(&shop, 5, 3).await;
    shop.gate.close(sale).await.unwrap();
    assert_eq!(condition(&shop, sale).await, Condition::Lost);
    assert!(shop.install(sale).await.was_installed());
    shop.assert_sound(sale, &purchases).await;
}

#[tokio::test]
async fn a_rolled_back_gate_is_rebuilt_with_what_was_posted_after_the_copy() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let mut purchases = shop.sell(sale, 2).await;
    let copy = shop.keep_copy(sale).await;
    purchases.extend(shop.sell(sale, 3).await);
    shop.post_all(sale).await;
    shop.roll_back(sale, &copy).await;
    assert_eq!(condition(&shop, sale).await, Condition::Behind);

    // The copy's journal still has the first entry, which is posted again without effect.
    let reconciler = shop.reconciler(sale);
    let installed = shop.install(sale).await;
    drop(reconciler);

    assert_eq!(installed.buyers, 5);
    shop.assert_sound(sale, &purchases).await;
    assert_eq!(shop.assert_conserved(sale).await.confirmed, 5);
    assert_eq!(shop.ledger.count_rejections(sale).await.unwrap(), 0);
}

#[tokio::test]
async fn buyers_who_were_rejected_and_count_as_posted_are_in_the_rebuilt_gate() {
    let shop = Shop::open().await;
    let (sale, mut purchases) = sold(&shop, 1, 1).await;
    // A gate that had forgotten its limit sold this one.
    let excess = purchase();
    let posted = shop
        .ledger
        .post(sale, &[posting_of(excess, Epoch(1), "gate")])
        .await;
    assert_eq!(posted.unwrap().rejected, 1);
    shop.ledger.cancel(purchases[0].order).await.unwrap();
    shop.wipe(sale).await;

    assert_eq!(shop.install(sale).await.buyers, 2);

    purchases.push(excess);
    shop.assert_sound(sale, &purchases).await;
    assert_eq!(shop.look(sale).await.remaining(), 1);
}

#[tokio::test]
async fn more_buyers_than_one_step_reads_are_all_installed() {
    let shop = Shop::open().await;
    let sale = shop.sale(4_500).await;
    let purchases: Vec<Purchase> = (0..4_500).map(|_| purchase()).collect();
    let posting = |purchase: &Purchase| posting_of(*purchase, Epoch(0), "gate");
    let postings: Vec<_> = purchases.iter().map(posting).collect();
    shop.ledger.post(sale.id, &postings).await.unwrap();
    assert_eq!(shop.install(sale.id).await.buyers, 4_500);
    shop.assert_sound(sale.id, &purchases).await;
}

#[tokio::test]
async fn an_attempt_that_ended_at_any_step_is_healed_by_the_next() {
    let shop = Shop::open().await;
    for step in ["begun", "swapped", "completed", "prepared"] {
        let (sale, purchases) = sold(&shop, 5, 2).await;
        match step {
            "begun" => {
                shop.gate.close(sale).await.unwrap();
                shop.ledger.begin_install(sale).await.unwrap();
            }
            "prepared" => {
                shop.gate.close(sale).await.unwrap();
                let begun = shop.ledger.begin_install(sale).await.unwrap().unwrap();
                let stranger = [(BuyerId::random(), OrderId::random())];
                let prepared = shop.gate.prepare(sale, begun.epoch, &stranger).await;
                prepared.unwrap();
            }
            "swapped" => {
                swap_by_hand(&shop, sale).await;
                assert_eq!(condition(&shop, sale).await, Condition::Closed);
            }
            _ => {
                let (epoch, buyers) = swap_by_hand(&shop, sale).await;
                let done = shop
                    .ledger
                    .complete_install(sale, epoch, buyers, &json!({}))
                    .await;
                assert!(done.unwrap());
                assert_eq!(condition(&shop, sale).await, Condition::Closed);
            }
        }
        let cold = shop.ask(sale, &[purchase()]).await.verdicts;
        assert_eq!(cold, [Verdict::Cold], "{step}");

        let installed = shop.install(sale).await;

        assert_eq!((installed.epoch, installed.buyers), (Epoch(3), 2), "{step}");
        shop.assert_sound(sale, &purchases).await;
    }
}

#[tokio::test]
async fn only_the_last_attempt_with_exactly_the_posted_buyers_is_completed() {
    let shop = Shop::open().await;
    let (sale, _) = sold(&shop, 5, 2).await;
    let (epoch, buyers) = swap_by_hand(&shop, sale).await;
    let complete = async |epoch, count| {
        let done = shop
            .ledger
            .complete_install(sale, epoch, count, &json!({}))
            .await;
        done.unwrap()
    };
    assert!(!complete(epoch, buyers - 1).await);
    assert!(!complete(epoch, buyers + 1).await);
    assert!(!complete(Epoch(epoch.0 - 1), buyers).await);
    shop.ledger.begin_install(sale).await.unwrap();
    assert!(!complete(epoch, buyers).await, "a later attempt has begun");
    assert_eq!(shop.read(sale).await.base, Epoch(1));
}

#[tokio::test]
async fn an_attempt_that_the_ledger_does_not_confirm_starts_over() {
    let shop = Shop::open().await;
    let (sale, purchases) = sold(&shop, 5, 2).await;
    // As if the posted buyers had changed during the first attempt, which has epoch 2.
    sqlx::raw_sql(
        "CREATE FUNCTION unconfirmed() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF NEW.base = 2 THEN RETURN NULL; END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER unconfirmed BEFORE UPDATE OF base ON flash_sales
             FOR EACH ROW EXECUTE FUNCTION unconfirmed();",
    )
    .execute(&shop.pool)
    .await
    .unwrap();
    shop.wipe(sale).await;

    let installed = shop.install(sale).await;

    assert_eq!((installed.epoch, installed.buyers), (Epoch(3), 2));
    shop.assert_sound(sale, &purchases).await;
}

#[tokio::test]
async fn of_two_installs_at_once_the_gate_is_sound_and_none_is_in_the_way() {
    let shop = Shop::open().await;
    for _ in 0..5 {
        let (sale, purchases) = sold(&shop, 5, 2).await;
        shop.wipe(sale).await;
        let both = tokio::join!(
            try_install(&shop, sale, DRAIN),
            try_install(&shop, sale, DRAIN)
        );
        let results = [both.0, both.1];
        let installed = results
            .iter()
            .filter(|it| matches!(it, Ok(it) if it.was_installed()));
        assert_eq!(installed.count(), 1, "{results:?}");
        let fine = |it: &Result<_, _>| matches!(it, Ok(_) | Err(InstallError::Busy));
        assert!(results.iter().all(fine), "{results:?}");
        shop.assert_sound(sale, &purchases).await;
    }
}

#[tokio::test]
async fn an_install_beside_another_is_busy_and_closes_nothing() {
    let shop = Shop::open().await;
    let (sale, purchases) = sold(&shop, 5, 2).await;
    let lock = shop.ledger.lock_install(sale).await.unwrap().unwrap();
    let refused = try_install(&shop, sale, DRAIN).await;
    assert!(matches!(refused, Err(InstallError::Busy)));
    shop.assert_sound(sale, &purchases).await;
    // The lock does not affect another sale.
    let other = shop.sale(1).await;
    assert!(shop.install(other.id).await.was_installed());

    lock.release().await;
    assert!(try_install(&shop, sale, DRAIN).await.is_ok());
}

#[tokio::test]
async fn marks_without_a_journal_entry_become_orders() {
    let shop = Shop::open().await;
    for gone in ["journal", "journal and terms"] {
        let sale = shop.on_sale(5).await.id;
        let purchases = shop.sell(sale, 3).await;
        shop.redis("DEL", &[&shop.keys.journal(sale)]).await;
        if gone == "journal and terms" {
            shop.redis("DEL", &[&shop.keys.terms(sale)]).await;
        } else {
            shop.gate.close(sale).await.unwrap();
        }

        assert_eq!(shop.install(sale).await.buyers, 3, "{gone}");

        shop.assert_sound(sale, &purchases).await;
        for purchase in &purchases {
            let outcome = shop.ledger.outcome(purchase.order).await.unwrap();
            assert!(matches!(outcome, Some(PurchaseOutcome::Order(_))), "{gone}");
        }
        assert_eq!(shop.assert_conserved(sale).await.confirmed, 3);
    }
}

#[tokio::test]
async fn an_install_that_nobody_drains_for_fails_closed_and_loses_nothing() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(5).await.id;
    let purchases = shop.sell(sale, 3).await;
    shop.gate.close(sale).await.unwrap();

    let refused = try_install(&shop, sale, NO_DRAIN).await;

    assert!(matches!(refused, Err(InstallError::Undrained)));
    assert_eq!(shop.winners(sale).await, purchases);
    assert_eq!(shop.look(sale).await.taken, 3);
    let cold = shop.ask(sale, &[purchase()]).await.verdicts;
    assert_eq!(cold, [Verdict::Cold]);

    shop.post_all(sale).await;
    assert_eq!(shop.install(sale).await.buyers, 3);
    shop.assert_sound(sale, &purchases).await;
}

#[tokio::test]
async fn a_gate_that_is_newer_than_the_ledger_is_left_for_a_person() {
    let shop = Shop::open().await;
    let (sale, purchases) = sold(&shop, 5, 2).await;
    sqlx::query("UPDATE flash_sales SET epoch = 0, base = 0 WHERE id = $1")
        .bind(sale)
        .execute(&shop.pool)
        .await
        .unwrap();
    assert_eq!(condition(&shop, sale).await, Condition::Ahead);

    let refused = try_install(&shop, sale, DRAIN).await;

    assert!(matches!(refused, Err(InstallError::Ahead)));
    assert_eq!(shop.look(sale).await.epoch, Epoch(1));
    let found = shop.gate.buyers(sale).await.unwrap();
    assert_eq!(found.len(), purchases.len());
}

#[tokio::test]
async fn a_sale_that_is_unknown_or_settled_is_not_installed() {
    let shop = Shop::open().await;
    let settled = shop.sale(1).await.id;
    sqlx::query(
        "UPDATE flash_sales SET state = 'settled', settled_at = now(),
                returned = available, available = 0",
    )
    .execute(&shop.pool)
    .await
    .unwrap();
    let unknown = SaleId::random();
    let refused = try_install(&shop, settled, DRAIN).await;
    assert!(matches!(refused, Err(InstallError::Settled)));
    let refused = try_install(&shop, unknown, DRAIN).await;
    assert!(matches!(refused, Err(InstallError::UnknownSale)));
    for sale in [settled, unknown] {
        assert_eq!(shop.gate.snapshot(sale).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_process_that_stands_still_loses_the_right_to_install() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let held = shop.ledger.lock_install(sale).await.unwrap();
    assert!(held.is_some());
    assert!(shop.ledger.lock_install(sale).await.unwrap().is_none());
    let given = async {
        while shop.ledger.lock_install(sale).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let given = timeout(Duration::from_secs(60), given).await;
    assert!(given.is_ok(), "it is still held");
}
