//! Rebuilding a lost gate: the purchases that are saved, those known to be lost, and when the gate stays closed.

use sale::{
    audit::Difference,
    gate::admission::GateProgress,
    install::{Condition, InstallError, Installed, Request, install_as},
    model::{Epoch, GATE_NUMBER_MAX, SaleId, Verdict},
};

use crate::fixture::{DRAIN, Shop, purchase};

async fn install_with(
    shop: &Shop,
    sale: SaleId,
    request: Request,
) -> Result<Installed, InstallError> {
    install_as(&shop.gate, &shop.ledger, sale, request, DRAIN).await
}

/// The knowledge of an API that has seen this many taken in the first install.
const fn seen(taken: u64) -> GateProgress {
    GateProgress {
        epoch: Epoch(1),
        taken,
    }
}

#[tokio::test]
async fn what_a_caller_saw_of_a_rolled_back_gate_is_counted_as_lost() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let kept = shop.sell(sale, 2).await;
    let copy = shop.keep_copy(sale).await;
    shop.sell(sale, 5).await;
    shop.roll_back(sale, &copy).await;

    let asked = shop
        .gate
        .admit(sale, &seen(7).into(), &[purchase()])
        .await
        .unwrap();
    assert_eq!(asked.verdicts, [Verdict::Cold]);
    // A caller who has seen less adds nothing.
    shop.gate
        .admit(sale, &seen(3).into(), &[purchase()])
        .await
        .unwrap();
    shop.post_all(sale).await;
    let installed = shop.install(sale).await;

    assert_eq!((installed.found, installed.lost), (Condition::Lost, 5));
    shop.assert_sound(sale, &kept).await;
}

#[tokio::test]
async fn what_a_caller_saw_of_an_emptied_gate_is_counted_as_lost() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let posted = shop.sell(sale, 3).await;
    shop.post_all(sale).await;
    shop.sell(sale, 4).await;
    shop.wipe(sale).await;
    let asked = shop
        .gate
        .admit(sale, &seen(7).into(), &[purchase()])
        .await
        .unwrap();
    assert_eq!(asked.verdicts, [Verdict::Cold]);

    let installed = shop.install(sale).await;

    assert_eq!((installed.found, installed.lost), (Condition::Missing, 4));
    shop.assert_sound(sale, &posted).await;
    // The witness in an existing gate does not expire.
    let ttl = shop.redis("TTL", &[&shop.keys.terms(sale)]).await;
    assert_eq!(ttl.as_i64(), Some(-1));
}

#[tokio::test]
async fn what_is_left_by_a_witness_alone_expires() {
    let shop = Shop::open().await;
    let sale = SaleId::random();
    shop.gate
        .admit(sale, &seen(7).into(), &[purchase()])
        .await
        .unwrap();
    let ttl = shop.redis("TTL", &[&shop.keys.terms(sale)]).await;
    assert!(ttl.as_i64().is_some_and(|seconds| seconds > 0), "{ttl:?}");
    // No caller has seen anything of a sale that was never asked for: nothing is written.
    let other = SaleId::random();
    shop.ask(other, &[purchase()]).await;
    let exists = shop.redis("EXISTS", &[&shop.keys.terms(other)]).await;
    assert_eq!(exists.as_i64(), Some(0));
}

#[tokio::test]
async fn what_was_seen_before_an_earlier_install_is_not_counted_again() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    shop.sell(sale, 4).await;
    shop.wipe(sale).await;
    shop.gate
        .admit(sale, &seen(4).into(), &[purchase()])
        .await
        .unwrap();
    assert_eq!(shop.install(sale).await.lost, 4);
    shop.gate.close(sale).await.unwrap();
    let again = Request {
        witness: seen(4),
        ..Request::default()
    };
    assert_eq!(install_with(&shop, sale, again).await.unwrap().lost, 0);
}

#[tokio::test]
async fn marks_whose_entries_are_gone_are_saved_and_said_so() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let purchases = shop.sell(sale, 3).await;
    shop.redis("DEL", &[&shop.keys.journal(sale)]).await;
    shop.gate.close(sale).await.unwrap();
    let installed = shop.install(sale).await;
    assert_eq!(
        (installed.saved, installed.rejected, installed.lost),
        (3, 0, 0)
    );
    shop.assert_sound(sale, &purchases).await;
    let log = shop.ledger.actions(sale.uuid(), 10).await.unwrap();
    let told = log.iter().find(|row| row.action == "sale.install");
    assert_eq!(told.unwrap().details["saved"], 3, "the log tells the same");
}

#[tokio::test]
async fn a_sale_whose_ledger_contradicts_itself_stays_closed_until_it_is_set_right() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let purchases = shop.sell(sale, 3).await;
    shop.post_all(sale).await;
    for off_by in [1, -1] {
        sqlx::query("UPDATE flash_sales SET posted = posted + $2 WHERE id = $1")
            .bind(sale)
            .bind(off_by)
            .execute(&shop.pool)
            .await
            .unwrap();
        if off_by == 1 {
            shop.gate.close(sale).await.unwrap();
            let refused = install_with(&shop, sale, Request::default()).await;
            let Err(InstallError::Differs(found)) = refused else {
                panic!("{refused:?}")
            };
            let posted = (4, 3);
            let confirmed = (3, 3);
            assert_eq!(found, [Difference::LedgerCounts { confirmed, posted }]);
            assert!(!shop.look(sale).await.is_open());
        }
    }
    shop.install(sale).await;
    shop.assert_sound(sale, &purchases).await;
}

#[tokio::test]
async fn a_gate_that_differs_once_it_is_loaded_stays_closed() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(100).await.id;
    shop.gate.close(sale).await.unwrap();
    // Each time an install is confirmed, another order is made past the loaded gate.
    sqlx::raw_sql(
        "CREATE FUNCTION buy_past_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
         DECLARE buyer uuid := gen_random_uuid();
         BEGIN
             INSERT INTO users (id) VALUES (buyer);
             INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
             VALUES (gen_random_uuid(), NEW.id, buyer, NEW.price, NEW.currency, now());
             RETURN NULL;
         END $$;
         CREATE TRIGGER buy_past_the_gate AFTER UPDATE OF base ON flash_sales
             FOR EACH ROW EXECUTE FUNCTION buy_past_the_gate()",
    )
    .execute(&shop.pool)
    .await
    .unwrap();

    let refused = install_with(&shop, sale, Request::default()).await;

    let Err(InstallError::Differs(found)) = refused else {
        panic!("{refused:?}")
    };
    let is_behind = |it: &Difference| matches!(it, Difference::GateBehind { .. });
    assert!(found.iter().any(is_behind), "{found:?}");
    assert!(!shop.look(sale).await.is_open());
    sqlx::raw_sql("DROP TRIGGER buy_past_the_gate ON flash_sales")
        .execute(&shop.pool)
        .await
        .unwrap();
    shop.install(sale).await;
    let posted = shop.read(sale).await.posted;
    assert!(posted > 0);
    let gate = shop.look(sale).await;
    assert_eq!((gate.is_open(), gate.taken), (true, u64::from(posted)));
}

#[tokio::test]
async fn a_sound_gate_is_rebuilt_where_that_is_asked_for() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let purchases = shop.sell(sale, 3).await;
    shop.post_all(sale).await;
    let forced = Request {
        even_if_sound: true,
        ..Request::default()
    };
    let installed = install_with(&shop, sale, forced).await.unwrap();
    assert_eq!(
        (installed.found, installed.epoch),
        (Condition::Sound, Epoch(2))
    );
    shop.assert_sound(sale, &purchases).await;
}

#[tokio::test]
async fn terms_and_marks_that_cannot_be_read_are_replaced_and_lose_no_winner() {
    for (key, field) in [
        ("terms", "epoch"),
        ("terms", "clock"),
        ("terms", "limit"),
        ("buyers", "x"),
    ] {
        let shop = Shop::open().await;
        let sale = shop.on_sale(10).await.id;
        let purchases = shop.sell(sale, 3).await;
        shop.post_all(sale).await;
        let key = match key {
            "terms" => shop.keys.terms(sale),
            _ => shop.keys.buyers(sale),
        };
        shop.redis("HSET", &[&key, field, "nonsense"]).await;
        let forced = Request {
            even_if_sound: true,
            ..Request::default()
        };
        install_with(&shop, sale, forced).await.expect(field);
        shop.assert_sound(sale, &purchases).await;
        assert!(shop.look(sale).await.is_open(), "{field}");
    }
}

#[tokio::test]
async fn terms_that_lack_something_or_only_look_like_numbers_are_no_gate_and_are_replaced() {
    for (field, value) in [
        ("version", None),
        ("limit", None),
        ("end", None),
        ("epoch", Some("1e3")),
        ("epoch", Some("inf")),
        ("epoch", Some("9999999999999999")),
        ("epoch", Some("99999999999999999999")),
    ] {
        let shop = Shop::open().await;
        let sale = shop.on_sale(10).await.id;
        let purchases = shop.sell(sale, 3).await;
        shop.post_all(sale).await;
        let key = shop.keys.terms(sale);
        match value {
            Some(value) => shop.redis("HSET", &[&key, field, value]).await,
            None => shop.redis("HDEL", &[&key, field]).await,
        };
        let installed = shop.install(sale).await;
        assert_eq!(installed.found, Condition::Malformed, "{field}");
        assert_eq!(installed.epoch, Epoch(2), "{field} at the first attempt");
        shop.assert_sound(sale, &purchases).await;
    }
}

#[tokio::test]
async fn a_ledger_that_will_not_come_back_is_accepted_and_the_gate_s_winners_are_posted() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let purchases = shop.sell(sale, 3).await;
    // The ledger from before the install: the gate and its journal are newer.
    sqlx::query("UPDATE flash_sales SET epoch = 0, base = 0 WHERE id = $1")
        .bind(sale)
        .execute(&shop.pool)
        .await
        .unwrap();
    let accept = Request {
        accept_ledger: true,
        ..Request::default()
    };
    let (installed, ()) = tokio::join!(install_with(&shop, sale, accept), async {
        // Nothing may be posted until the epoch is raised: before, the ledger does not know it.
        while shop.read(sale).await.epoch == Epoch(0) {
            tokio::task::yield_now().await;
        }
        shop.post_all(sale).await;
    });
    let installed = installed.unwrap();
    assert_eq!((installed.epoch, installed.buyers), (Epoch(2), 3));
    shop.sync(sale).await;
    shop.assert_sound(sale, &purchases).await;
    assert_eq!(shop.assert_conserved(sale).await.confirmed, 3);
}

#[tokio::test]
async fn an_epoch_that_no_ledger_can_count_is_named_and_changes_nothing() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10).await.id;
    let journal = shop.keys.journal(sale);
    let accept = Request {
        accept_ledger: true,
        ..Request::default()
    };
    for epoch in [GATE_NUMBER_MAX - 1, GATE_NUMBER_MAX, u64::MAX] {
        let id = format!("{epoch}-1");
        shop.redis("XADD", &[&journal, &id, "winners", "x"]).await;
        let refused = install_with(&shop, sale, accept).await;
        assert!(
            matches!(refused, Err(InstallError::UncountableEpoch(it)) if it.0 == epoch),
            "{refused:?}"
        );
    }
    assert_eq!(shop.read(sale).await.epoch, Epoch(1));
    assert!(shop.look(sale).await.is_open());
}
