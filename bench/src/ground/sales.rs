//! Sales, the buyers who have bought there already, and those who want to.

use std::{iter::repeat_n, sync::Arc, time::Duration};

use anyhow::ensure;
use chrono::{TimeDelta, Utc};
use sale::{
    gate::admission::{BATCH_MAX, Known},
    install::{self, InstallError},
    ledger::{NewProduct, NewSale, Sale},
    model::{BuyerId, OrderId, Purchase, SaleId, Verdict},
    money::{Currency, Money},
};
use tokio::time::Instant;

use super::{Ground, found};
use crate::load::Requests;

/// How long an install may wait for an empty journal.
const DRAIN: Duration = Duration::from_secs(5);

impl Ground {
    pub async fn sale(&self, units: u32) -> anyhow::Result<Sale> {
        let ledger = &self.stage.ledger;
        let product = ledger.create_product(NewProduct {
            name: "A thing".to_owned(),
            description: None,
            price: Money::of_minor_units(1_000, Currency::DEFAULT)?,
            image_url: None,
            quantity: units,
        });
        let now = Utc::now();
        let sale = ledger.create_sale(NewSale {
            id: SaleId::random(),
            product: product.await?.id,
            start: now - TimeDelta::seconds(1),
            end: now + TimeDelta::hours(1),
            units: None,
        });
        let sale = sale.await?;
        // A running reconciler installs each sale that has no gate, and may be installing this one just now.
        let installed =
            async || match install::install(&self.stage.gate, ledger, sale.id, DRAIN).await {
                Ok(_) => Ok(Some(())),
                Err(InstallError::Busy) => Ok(None),
                Err(error) => Err(error.into()),
            };
        found(
            "no other install is under way",
            Instant::now() + 2 * DRAIN,
            installed,
        )
        .await?;
        self.sales.lock().await.push(sale.id);
        Ok(sale)
    }

    pub async fn filled(&self, buyers: usize, more: usize) -> anyhow::Result<Sale> {
        let sale = self.sale(u32::try_from(buyers + more)?).await?;
        self.fill(sale.id, buyers).await?;
        Ok(sale)
    }

    /// Sales that each have this many buyers already, and the requests for more purchases, one sale after the other.
    /// Each sale gets so few that it at most doubles.
    pub async fn crowd(&self, buyers: usize, purchases: usize) -> anyhow::Result<Arc<Requests>> {
        let (sales, each) = spread(purchases, buyers);
        let mut wanted = Vec::new();
        for _ in 0..sales {
            let sale = self.filled(buyers, each).await?.id;
            wanted.extend(repeat_n(sale, each));
        }
        self.buyers_of(wanted)
    }

    pub async fn fill(&self, sale: SaleId, buyers: usize) -> anyhow::Result<()> {
        for from in (0..buyers).step_by(BATCH_MAX) {
            let strangers = (from..buyers).take(BATCH_MAX).map(|_| Purchase {
                buyer: BuyerId::random(),
                order: OrderId::random(),
            });
            let batch: Vec<Purchase> = strangers.collect();
            let decision = self.gate().admit(sale, &Known::default(), &batch).await?;
            let won = decision.verdicts.iter().all(|it| *it == Verdict::Admitted);
            ensure!(won, "somebody was not admitted");
        }
        Ok(())
    }

    pub fn buyers(&self, sale: SaleId, count: usize) -> anyhow::Result<Arc<Requests>> {
        self.buyers_of(repeat_n(sale, count))
    }

    /// The requests of one buyer for each of these sales, in this order.
    pub fn buyers_of(
        &self,
        sales: impl IntoIterator<Item = SaleId>,
    ) -> anyhow::Result<Arc<Requests>> {
        Requests::purchases(sales, &self.stage.tokens).map(Arc::new)
    }
}

/// Spreads purchases over sales of this many buyers: how many sales there are, and how many purchases each gets.
fn spread(purchases: usize, buyers: usize) -> (usize, usize) {
    let sales = purchases.div_ceil(buyers);
    (sales, purchases / sales)
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn no_sale_becomes_more_than_twice_as_large() {
        for (purchases, buyers) in [(50_000, 1_000), (100_000, 1_000), (2_000, 1_000_000)] {
            let (sales, each) = spread(purchases, buyers);
            assert!(each <= buyers, "{each} more buyers in a sale of {buyers}");
            assert_eq!(sales * each, purchases);
        }
    }
}
