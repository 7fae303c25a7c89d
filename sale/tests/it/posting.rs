//! Posting: the SQL function `post_orders` and the triggers on `orders`, on a real Postgres.

mod outcomes;
mod plans;
mod rejections;
mod together;
mod writers;

use sale::{
    ledger::{Posted, Posting},
    model::{Epoch, OrderId, Purchase, SaleId},
};

use crate::fixture::{Shop, posting_of, purchase};

/// This many new purchases.
fn crowd(count: usize) -> Vec<Purchase> {
    (0..count).map(|_| purchase()).collect()
}

/// Another purchase of the same buyer.
fn another(of: Purchase) -> Purchase {
    Purchase {
        order: OrderId::random(),
        ..of
    }
}

fn postings(purchases: &[Purchase], epoch: u64) -> Vec<Posting> {
    let posting = |purchase: &Purchase| posting_of(*purchase, Epoch(epoch), "1-1");
    purchases.iter().map(posting).collect()
}

/// Posts purchases that a gate of this epoch admitted.
async fn post_at(shop: &Shop, sale: SaleId, epoch: u64, purchases: &[Purchase]) -> Posted {
    let posted = shop.ledger.post(sale, &postings(purchases, epoch)).await;
    posted.unwrap()
}

/// Posts purchases of the current epoch of a sale that was never installed.
async fn post(shop: &Shop, sale: SaleId, purchases: &[Purchase]) -> Posted {
    post_at(shop, sale, 0, purchases).await
}

const fn posted(confirmed: u64, rejected: u64) -> Posted {
    Posted {
        confirmed,
        rejected,
        lost: None,
        ahead: false,
    }
}

/// Pretends that this many installs were completed.
async fn set_base(shop: &Shop, sale: SaleId, base: i64) {
    sqlx::query("UPDATE flash_sales SET epoch = $2, base = $2 WHERE id = $1")
        .bind(sale)
        .bind(base)
        .execute(&shop.pool)
        .await
        .unwrap();
}

/// Settles a sale like `settle`.
async fn settle(shop: &Shop, sale: SaleId) {
    sqlx::query(
        "UPDATE flash_sales SET state = 'settled', settled_at = now(),
                returned = returned + available, available = 0 WHERE id = $1",
    )
    .bind(sale)
    .execute(&shop.pool)
    .await
    .unwrap();
}
