//! The batcher: many purchases in few calls, and an answer for each caller.

mod alone;
mod failures;
mod rollback;

use std::time::Duration;

use api::purchases::batcher::{AdmissionLimits, Admissions, AdmitError, LANE_IDLE};
use sale::model::{OrderId, Purchase, SaleId, Verdict};
use tokio::{task::JoinSet, time::timeout};

use crate::shop::{BOUND, Shop, purchase};

type Answer = Result<Verdict, AdmitError>;

const LIMITS: AdmissionLimits = AdmissionLimits {
    queue_max: 10_000,
    batch_max: 512,
    lanes_max: 10,
    lane_idle: LANE_IDLE,
};

fn start(shop: &Shop, limits: AdmissionLimits) -> Admissions {
    Admissions::start(vec![shop.gate.clone()], shop.ledger.clone(), limits)
}

/// Sends all purchases at once, beside the test.
fn rush(
    admissions: &Admissions,
    sale: SaleId,
    purchases: &[Purchase],
) -> JoinSet<(Purchase, Answer)> {
    let mut asking = JoinSet::new();
    for purchase in purchases.iter().copied() {
        let admissions = admissions.clone();
        asking.spawn(async move { (purchase, admissions.purchase(sale, purchase).await) });
    }
    asking
}

/// Collects all answers: no caller may hang.
async fn answers(asking: JoinSet<(Purchase, Answer)>) -> Vec<(Purchase, Answer)> {
    timeout(BOUND, asking.join_all())
        .await
        .expect("everyone is answered")
}

async fn ask(admissions: &Admissions, sale: SaleId) -> Answer {
    let answer = admissions.purchase(sale, purchase());
    timeout(BOUND, answer).await.expect("answered")
}

/// Retries until there is a verdict.
async fn insist(admissions: &Admissions, sale: SaleId, purchase: Purchase) -> Verdict {
    let verdict = async {
        loop {
            match admissions.purchase(sale, purchase).await {
                Ok(verdict) => return verdict,
                Err(AdmitError::OutcomeUnknown | AdmitError::Unavailable) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(BOUND, verdict).await.expect("a verdict in time")
}

fn count(answers: &[(Purchase, Answer)], wanted: Answer) -> usize {
    answers.iter().filter(|(_, it)| *it == wanted).count()
}

#[tokio::test]
async fn of_five_thousand_at_once_exactly_as_many_are_admitted_as_there_are_units() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(100).await.id;
    let admissions = start(&shop, LIMITS);
    let crowd: Vec<Purchase> = (0..5_000).map(|_| purchase()).collect();

    let answers = answers(rush(&admissions, sale, &crowd)).await;

    assert_eq!(count(&answers, Ok(Verdict::Admitted)), 100);
    assert_eq!(count(&answers, Ok(Verdict::SoldOut)), 4_900);
    let counters = admissions.counters();
    assert_eq!(counters.purchases(), 5_000);
    assert!(counters.calls() < 500, "{} calls", counters.calls());
    let won = answers
        .iter()
        .filter(|(_, it)| *it == Ok(Verdict::Admitted));
    let mut won: Vec<Purchase> = won.map(|(purchase, _)| *purchase).collect();
    shop.assert_sound(sale, &won).await;
    let mut winners = shop.winners(sale).await;
    won.sort_by_key(|it| it.buyer);
    winners.sort_by_key(|it| it.buyer);
    assert_eq!(winners, won);
}

#[tokio::test]
async fn one_buyer_who_asks_fifty_times_at_once_holds_one_order_and_learns_it() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(100).await.id;
    // Small batches, so that the buyer is in many of them.
    let limits = AdmissionLimits {
        batch_max: 7,
        ..LIMITS
    };
    let admissions = start(&shop, limits);
    let buyer = purchase();
    let again = || Purchase {
        order: OrderId::random(),
        ..buyer
    };
    let tries: Vec<Purchase> = (0..50).map(|_| again()).collect();

    let answers = answers(rush(&admissions, sale, &tries)).await;

    let held = shop.gate.order_of(sale, buyer.buyer).await.unwrap();
    let order = held.expect("an order");
    assert_eq!(count(&answers, Ok(Verdict::Admitted)), 1);
    assert_eq!(count(&answers, Ok(Verdict::Duplicate { order })), 49);
    assert_eq!(shop.winners(sale).await.len(), 1);
}

#[tokio::test]
async fn two_processes_at_once_sell_no_unit_twice() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(100).await.id;
    let processes = [start(&shop, LIMITS), start(&shop, LIMITS)];
    let crowd: Vec<Purchase> = (0..600).map(|_| purchase()).collect();
    let asking = processes.each_ref().map(|it| rush(it, sale, &crowd));

    let mut admitted = std::collections::HashSet::new();
    for asking in asking {
        let answers = answers(asking).await;
        let won = answers
            .iter()
            .filter(|(_, it)| *it == Ok(Verdict::Admitted));
        admitted.extend(won.map(|(purchase, _)| purchase.order));
    }
    assert_eq!(admitted.len(), 100);
    assert_eq!(shop.look(sale).await.taken, 100);
    assert_eq!(shop.winners(sale).await.len(), 100);
}

#[tokio::test]
async fn an_unknown_sale_is_unknown_and_a_settled_one_has_ended() {
    let shop = Shop::open().await;
    let admissions = start(&shop, LIMITS);
    let unknown = ask(&admissions, SaleId::random()).await;
    assert_eq!(unknown, Err(AdmitError::UnknownSale));

    let settled = shop.sale(1).await.id;
    sqlx::query(
        "UPDATE flash_sales SET state = 'settled', settled_at = now(),
                returned = available, available = 0",
    )
    .execute(&shop.pool)
    .await
    .unwrap();
    assert_eq!(ask(&admissions, settled).await, Ok(Verdict::Ended));
    assert_eq!(admissions.counters().calls(), 0, "the ledger answers");
}

#[tokio::test]
async fn a_known_sale_without_a_gate_is_cold_and_is_not_installed_by_a_purchase() {
    let shop = Shop::open().await;
    let sale = shop.sale(1).await.id;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Cold));
    assert_eq!(shop.gate.snapshot(sale).await.unwrap(), None);
    shop.install(sale).await;
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
}

#[tokio::test]
async fn a_process_sells_in_no_more_sales_at_once_than_its_limit() {
    let shop = Shop::open().await;
    let (one, two) = (shop.on_sale(5).await.id, shop.on_sale(5).await.id);
    let limits = AdmissionLimits {
        lanes_max: 1,
        ..LIMITS
    };
    let admissions = start(&shop, limits);
    assert_eq!(ask(&admissions, one).await, Ok(Verdict::Admitted));
    assert_eq!(ask(&admissions, two).await, Err(AdmitError::Unavailable));
    assert_eq!(ask(&admissions, one).await, Ok(Verdict::Admitted));
}

#[tokio::test]
async fn waiting_callers_are_answered_when_the_process_ends_and_later_ones_are_turned_away() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(10_000).await.id;
    let admissions = start(&shop, LIMITS);
    assert_eq!(ask(&admissions, sale).await, Ok(Verdict::Admitted));
    let crowd: Vec<Purchase> = (0..2_000).map(|_| purchase()).collect();
    let asking = rush(&admissions, sale, &crowd);
    // Lets the callers join the queue.
    tokio::task::yield_now().await;

    timeout(BOUND, admissions.close()).await.expect("closes");

    let answers = answers(asking).await;
    let admitted = count(&answers, Ok(Verdict::Admitted));
    let refused = count(&answers, Err(AdmitError::ShuttingDown));
    assert_eq!(admitted + refused, 2_000);
    assert!(admitted > 0, "some waited");
    assert_eq!(shop.look(sale).await.taken, admitted as u64 + 1);
    let late = ask(&admissions, sale).await;
    assert_eq!(late, Err(AdmitError::ShuttingDown));
    timeout(BOUND, admissions.close()).await.expect("once more");
}
