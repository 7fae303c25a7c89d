//! Units that come back: cancelled, restocked, settled.

use std::time::Duration;

use sale::{
    model::{OrderId, SaleId, SaleState},
    settle::settle,
};
use system::{
    client::{Buyer, Client},
    history::meaning::{Meaning, PurchaseStatus},
    rush::{Plan, rush},
    stage::{Setting, Stage},
};

const DEADLINE: Duration = Duration::from_secs(30);

/// Retries while the answer is sold out: a unit that came back to the ledger reaches the gate about a second later.
async fn buy_once_there_is_one(client: &Client, buyer: &Buyer, sale: SaleId) -> OrderId {
    let buying = async {
        loop {
            match client.purchase(buyer, sale, None).await.meaning {
                Meaning::Admitted(order) => return order,
                Meaning::SoldOut => tokio::time::sleep(Duration::from_millis(20)).await,
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, buying)
        .await
        .expect("the unit did not come back in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_unit_is_sold_again_but_not_to_its_old_buyer() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(1).await.unwrap();
    let client = stage.client().unwrap();
    let buyers = stage.buyers(2).unwrap();
    let order = buy_once_there_is_one(&client, &buyers[0], sale.id).await;
    assert_eq!(
        client.purchase(&buyers[1], sale.id, None).await.meaning,
        Meaning::SoldOut
    );

    stage.at_rest(sale.id).await.unwrap();
    stage.ledger.cancel(order).await.unwrap();
    buy_once_there_is_one(&client, &buyers[1], sale.id).await;
    assert_eq!(
        client.purchase(&buyers[0], sale.id, None).await.meaning,
        Meaning::Held(order)
    );
    let status = client.status(&buyers[0], sale.id).await.meaning;
    assert_eq!(status, Meaning::Status(PurchaseStatus::Cancelled, order));

    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!((proof.confirmed, proof.cancelled), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn restocked_units_are_sold() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(5).await.unwrap();
    let client = stage.client().unwrap();
    let report = rush(
        &client,
        sale.id,
        stage.buyers(20).unwrap(),
        Plan::default(),
        |_| (),
    )
    .await;
    assert_eq!(report.won(), 5);

    stage.ledger.restock(sale.id, 3).await.unwrap();
    stage.circumstances(sale.id).restocked = 3;
    stage.at_rest(sale.id).await.unwrap();
    let report = rush(
        &client,
        sale.id,
        stage.buyers(20).unwrap(),
        Plan::default(),
        |_| (),
    )
    .await;
    assert_eq!(report.won(), 3);
    let proof = stage.close().await.unwrap()[&sale.id];
    assert_eq!(proof.confirmed, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_sale_gives_its_unsold_units_back_and_answers_from_the_ledger() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let sale = stage.open_sale(10).await.unwrap();
    stage.circumstances(sale.id).terms_changed = true;
    let client = stage.client().unwrap();
    let buyers = stage.buyers(4).unwrap();
    let report = rush(&client, sale.id, buyers.clone(), Plan::default(), |_| ()).await;
    assert_eq!(report.won(), 4);

    let stock = stage
        .ledger
        .product(sale.product_id)
        .await
        .unwrap()
        .unwrap()
        .quantity;
    let settled = settle(&stage.gate, &stage.ledger, sale.id, DEADLINE)
        .await
        .unwrap();
    assert_eq!(settled.state, SaleState::Settled);
    assert_eq!(
        (settled.available, settled.confirmed, settled.returned),
        (0, 4, 6)
    );
    let product = stage
        .ledger
        .product(sale.product_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(product.quantity, stock + 6);

    let late = stage.buyers(1).unwrap().remove(0);
    let refused = client.purchase(&late, sale.id, None).await.meaning;
    assert!(refused.inactive().is_some(), "{refused:?}");
    let status = client.status(&buyers[0], sale.id).await.meaning.status();
    assert_eq!(
        status.map(|(status, _)| status),
        Some(PurchaseStatus::Completed)
    );
    stage.close().await.unwrap();
}
