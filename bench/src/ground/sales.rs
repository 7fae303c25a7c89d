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

use super::{Costs, Ground, found};
use crate::load::{Pace, Requests, answers::Expected};

/// Runs of purchases that take turns over sales.
const TURNS_MAX: usize = 16;

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
        let purchases = strangers(buyers);
        self.decide(sale, &purchases, Verdict::Admitted).await
    }

    /// Has the gate decide purchases, as many at once as it takes. Each must get this verdict.
    pub async fn decide(
        &self,
        sale: SaleId,
        purchases: &[Purchase],
        wanted: Verdict,
    ) -> anyhow::Result<()> {
        for batch in purchases.chunks(BATCH_MAX) {
            let decision = self.gate().admit(sale, &Known::default(), batch).await?;
            let right = decision.verdicts.iter().all(|it| *it == wanted);
            ensure!(right, "somebody was not {wanted:?}");
        }
        Ok(())
    }

    /// Live sales with units for this many purchases that take turns over them.
    pub async fn live(&self, sales: usize, purchases: usize) -> anyhow::Result<Vec<SaleId>> {
        let mut live = Vec::new();
        for _ in 0..sales {
            // Each run may begin with the first one.
            let units = purchases.div_ceil(sales) + TURNS_MAX;
            live.push(self.filled(0, units).await?.id);
        }
        Ok(live)
    }

    /// Purchases that take turns over the sales: all win.
    pub async fn in_turn(
        &self,
        live: &[SaleId],
        connections: usize,
        count: usize,
    ) -> anyhow::Result<Costs> {
        let requests = self.buyers_of(live.iter().copied().cycle().take(count))?;
        let costs = self.run_over(self.stage.api(), connections, &requests, Pace::Full);
        costs.await?.all(Expected::Accepted)
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

/// Purchases of buyers who have bought nothing yet.
pub fn strangers(count: usize) -> Vec<Purchase> {
    let stranger = |_| Purchase {
        buyer: BuyerId::random(),
        order: OrderId::random(),
    };
    (0..count).map(stranger).collect()
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
