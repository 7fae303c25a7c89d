//! Changes of the ledger reach the gate.

use sale::gate::upkeep::Synced;

use crate::fixture::Shop;

#[tokio::test]
async fn a_cancelled_unit_and_a_restock_reach_the_gate_by_sync() {
    let shop = Shop::open().await;
    let sale = shop.on_sale(2).await.id;
    let purchases = shop.sell(sale, 2).await;
    shop.post_all(sale).await;
    assert_eq!(shop.look(sale).await.remaining(), 0);
    shop.ledger.cancel(purchases[0].order).await.unwrap();
    shop.ledger.restock(sale, 3).await.unwrap();
    let ledger = shop.read(sale).await;
    assert_eq!(shop.gate.sync(&ledger).await.unwrap(), Synced::Applied);
    assert_eq!(shop.look(sale).await.remaining(), 4);
    shop.assert_sound(sale, &purchases).await;
}
