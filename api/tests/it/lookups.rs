//! The cost of look-ups: a stranger's request reads a bounded number of gates, however many sales are live.

use futures_util::future::join_all;
use sale::model::{OrderId, SaleId};
use serde_json::json;
use servers::RedisServer;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, NO_LIMITS, id},
    health::own_redis,
};

/// Live sales: more than the gates that a look-up reads.
const SALES: usize = 70;
/// The sales that began last, of which each may hold a purchase that is not posted.
const RECENT: u64 = 64;
/// Strangers who ask at the same time.
const ASKERS: usize = 60;
/// The commands of one look at one gate for one buyer: the mark, and without a mark whether the gate is sound.
const COMMANDS_OF_A_LOOK: u64 = 2;

/// Commands that read gates, as Redis counts them.
pub fn gate_commands(redis: &RedisServer) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]).unwrap();
    ["hget", "hmget", "evalsha", "xrange"]
        .iter()
        .filter_map(|command| {
            let line = format!("cmdstat_{command}:calls=");
            let (_, rest) = stats.split_once(&line)?;
            let digits = rest.split(',').next()?;
            digits.parse::<u64>().ok()
        })
        .sum()
}

async fn many_sales(api: &Fixture) -> Vec<Uuid> {
    let mut sales = Vec::new();
    for _ in 0..SALES {
        sales.push(api.active_sale(5).await);
    }
    sales
}

fn job(order: OrderId) -> String {
    format!("/api/purchase/job/{order}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_job_asks_no_gate_and_one_that_names_a_sale_asks_that_one() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sales = many_sales(&api).await;
    let can_be_in = |order: OrderId| {
        let sales = sales.iter().copied().map(SaleId::from_uuid);
        sales.filter(|sale| order.may_be_in(*sale)).count() as u64
    };
    let mut made_up = std::iter::repeat_with(|| OrderId::from_uuid(Uuid::new_v4()))
        .filter(|order| can_be_in(*order) == 0);
    let strangers: Vec<String> = (0..ASKERS).map(|_| api.buyer()).collect();

    let before = gate_commands(&redis);
    let questions = strangers.iter().map(|stranger| {
        let unknown = job(made_up.next().unwrap());
        let api = &api;
        async move { api.get_as(stranger, &unknown).await }
    });
    for answer in join_all(questions).await {
        answer.problem(404, "NOT_FOUND");
    }
    let by_admin = job(made_up.next().unwrap());
    api.get_as(&api.admin, &by_admin)
        .await
        .problem(404, "NOT_FOUND");
    assert_eq!(gate_commands(&redis) - before, 0);

    let before = gate_commands(&redis);
    let guessed = OrderId::in_sale(SaleId::from_uuid(sales[7]));
    let path = job(guessed);
    let questions = strangers.iter().map(|stranger| api.get_as(stranger, &path));
    for answer in join_all(questions).await {
        answer.problem(404, "NOT_FOUND");
    }
    let commands = gate_commands(&redis) - before;
    let bound = ASKERS as u64 * COMMANDS_OF_A_LOOK * can_be_in(guessed);
    assert!((1..=bound).contains(&commands), "{commands} of {bound}");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_found_among_many_live_sales_before_and_after_it_is_posted() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    let sales = many_sales(&api).await;
    for sale in [sales[0], sales[SALES / 2], sales[SALES - 1]] {
        let buyer = api.buyer();
        let bought = api.buy(&buyer, sale).await;
        let order = OrderId::from_uuid(id(&bought.data()["orderId"]));
        for status in ["queued", "completed"] {
            for token in [&buyer, &api.admin] {
                let found = api.get_as(token, &job(order)).await.data();
                assert_eq!(found["status"], status);
                assert_eq!(id(&found["saleId"]), sale);
            }
            api.get_as(&api.buyer(), &job(order))
                .await
                .problem(404, "NOT_FOUND");
            api.post_journal(sale).await;
        }
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_without_a_sale_asks_a_bounded_number_of_gates() {
    let redis = own_redis();
    let api = Fixture::start_on(redis.url(), &NO_LIMITS).await;
    many_sales(&api).await;
    let stranger = api.buyer();
    let before = gate_commands(&redis);
    let nothing = api.get_as(&stranger, "/api/purchase/status").await.data();
    assert_eq!(nothing["status"], "not_purchased");
    let commands = gate_commands(&redis) - before;
    // The current sale, and the marks in the sales that began last.
    assert!(
        (1..=COMMANDS_OF_A_LOOK + RECENT).contains(&commands),
        "{commands}"
    );
    api.stop().await;
}

#[tokio::test]
async fn without_a_sale_the_latest_purchase_is_shown_unless_there_is_one_in_the_current_sale() {
    let api = Fixture::start().await;
    let buyer = api.buyer();
    let shown = async || api.get_as(&buyer, "/api/purchase/status").await.data();
    let first = api.active_sale(5).await;
    let order = api.buy(&buyer, first).await.data()["orderId"].clone();
    let end = format!("/api/admin/flash-sale/{first}/end");
    api.post_as(&api.admin, &end, &json!({})).await.data();
    let second = api.active_sale(5).await;

    for status in ["queued", "completed"] {
        let latest = shown().await;
        assert_eq!(latest["status"], status, "{latest}");
        assert_eq!(latest["orderId"], order);
        assert_eq!(id(&latest["saleId"]), first);
        assert_eq!(latest["hasPurchased"], true);
        // A caller who names a sale learns of that sale only.
        let named = format!("/api/purchase/status?saleId={second}");
        let named = api.get_as(&buyer, &named).await.data();
        assert_eq!(named["status"], "not_purchased");
        // Another buyer's purchase is not shown.
        let other = api.get_as(&api.buyer(), "/api/purchase/status").await;
        assert_eq!(other.data()["status"], "not_purchased");
        api.post_journal(first).await;
    }

    let newer = api.buy(&buyer, second).await.data()["orderId"].clone();
    let current = shown().await;
    assert_eq!(current["orderId"], newer);
    assert_eq!(current["status"], "queued");
    api.stop().await;
}
