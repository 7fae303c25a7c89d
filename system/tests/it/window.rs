//! The window of a sale, by the gate's clock alone.

use std::time::Duration;

use chrono::TimeDelta;
use sale::model::SaleId;
use system::{
    client::{Buyer, Client},
    history::meaning::{Inactive, Meaning},
    stage::{Setting, Stage},
};

/// How long a sale may take to start or end, beyond its time.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_sells_from_its_start_to_its_end() {
    let mut stage = Stage::open(Setting::default()).await.unwrap();
    let (start, end) = (TimeDelta::seconds(3), TimeDelta::seconds(6));
    let sale = stage.create_sale(1_000_000, start, end).await.unwrap();
    stage.until_open(sale.id).await.unwrap();
    let client = stage.client().unwrap();

    assert!(
        stage.read_clock(sale.id).await.unwrap() < sale.start,
        "installed too late to test"
    );
    let early = stage.buyers(1).unwrap().remove(0);
    let reply = client.purchase(&early, sale.id, None).await;
    assert_eq!(reply.meaning, Meaning::NotActive(Inactive::NotStarted));
    assert!(reply.retry_after.is_some());

    // Across the start, new buyers ask again and again: no buyer is admitted before a refusal for being early, and the
    // checker compares each answer with the clock.
    let first = until(&stage, &client, sale.id, |meaning| {
        matches!(meaning, Meaning::Admitted(_))
    })
    .await;
    assert!(stage.read_clock(sale.id).await.unwrap() >= sale.start);
    let late = |meaning: &Meaning| *meaning == Meaning::NotActive(Inactive::Ended);
    until(&stage, &client, sale.id, late).await;
    assert!(stage.read_clock(sale.id).await.unwrap() >= sale.end);

    // A buyer who bought in time gets that answer after the end, too.
    let reply = client.purchase(&first, sale.id, None).await;
    assert!(
        matches!(reply.meaning, Meaning::Held(_)),
        "{:?}",
        reply.meaning
    );
    let reply = client.purchase(&early, sale.id, None).await;
    assert_eq!(reply.meaning, Meaning::NotActive(Inactive::Ended));
    stage.close().await.unwrap();
}

/// Lets new buyers ask until one gets a matching answer; returns that buyer.
async fn until(
    stage: &Stage,
    client: &Client,
    sale: SaleId,
    is_it: impl Fn(&Meaning) -> bool,
) -> Buyer {
    let asking = async {
        loop {
            let buyer = stage.buyers(1).unwrap().remove(0);
            stage.read_clock(sale).await.unwrap();
            if is_it(&client.purchase(&buyer, sale, None).await.meaning) {
                return buyer;
            }
        }
    };
    tokio::time::timeout(DEADLINE, asking)
        .await
        .expect("not in time")
}
