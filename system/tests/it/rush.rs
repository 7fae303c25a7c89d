//! Many buyers at once, and one buyer many times.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use futures_util::future::join_all;
use system::{
    history::meaning::{Meaning, PurchaseStatus},
    rush::{BuyerOutcome, Plan, rush},
    stage::{Setting, Stage},
};

/// How long an order may take to be posted.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_buyers_get_exactly_the_hundred_units() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let buyers = stage.buyers(2_000).unwrap();
    let report = rush(
        &stage.client().unwrap(),
        sale.id,
        buyers,
        Plan::default(),
        |_| (),
    )
    .await;
    assert_eq!((report.won(), report.unknown()), (100, 0));
    assert_eq!(
        report.refused().into_iter().collect::<Vec<_>>(),
        [("sold out", 1_900)]
    );
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.acknowledged), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_buyer_at_fifty_places_buys_once() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let (client, buyer) = (stage.client().unwrap(), stage.buyers(1).unwrap().remove(0));
    let replies = join_all((0..50).map(|_| client.purchase(&buyer, sale.id, None))).await;
    let mut admitted = Vec::new();
    let mut held = Vec::new();
    for reply in replies {
        match reply.meaning {
            Meaning::Admitted(order) => admitted.push(order),
            Meaning::Held(order) => held.push(order),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((admitted.len(), held.len()), (1, 49));
    assert_eq!(
        held.into_iter().collect::<HashSet<_>>(),
        HashSet::from([admitted[0]])
    );
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.requests, proof.confirmed), (50, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_at_fifty_places_is_admitted_each_time_with_one_order() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(100).await.unwrap();
    let (client, buyer) = (stage.client().unwrap(), stage.buyers(1).unwrap().remove(0));
    let replies = join_all((0..50).map(|_| client.purchase(&buyer, sale.id, Some("once")))).await;
    let orders: BTreeSet<_> = replies
        .iter()
        .map(|reply| match reply.meaning {
            Meaning::Admitted(order) => order,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(orders.len(), 1);
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sales_at_once_do_not_touch_each_other() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let (one, other) = (
        stage.open_sale(30).await.unwrap(),
        stage.open_sale(40).await.unwrap(),
    );
    let buyers = stage.buyers(300).unwrap();
    let client = stage.client().unwrap();
    let plan = Plan::default();
    // The same buyers at both sales: each may have one order in each.
    let (first, second) = tokio::join!(
        rush(&client, one.id, buyers.clone(), plan, |_| ()),
        rush(&client, other.id, buyers, plan, |_| ()),
    );
    assert_eq!((first.won(), second.won()), (30, 40));
    let won = |outcome: &BuyerOutcome| match outcome {
        BuyerOutcome::Won(order) => Some(*order),
        _ => None,
    };
    let orders: HashSet<_> = first
        .outcomes
        .iter()
        .chain(&second.outcomes)
        .filter_map(|(_, o)| won(o))
        .collect();
    assert_eq!(orders.len(), 70);
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_soon_completed_by_its_status_and_its_job() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(1).await.unwrap();
    let (client, buyer) = (stage.client().unwrap(), stage.buyers(1).unwrap().remove(0));
    assert_eq!(
        client.status(&buyer, sale.id).await.meaning,
        Meaning::NotPurchased
    );
    // The API may answer at once, or when the order is in the ledger.
    let reply = client
        .purchase_and_wait(&buyer, sale.id, Some("k"), Some(20))
        .await;
    let order = reply.meaning.order().expect("it is the first buyer");
    let completed = Meaning::Status(PurchaseStatus::Completed, order);
    let asking = async {
        while client.job(&buyer, sale.id, order).await.meaning != completed {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asking)
        .await
        .expect("it is posted in time");
    assert_eq!(client.status(&buyer, sale.id).await.meaning, completed);
    stage.close().await.unwrap();
}
