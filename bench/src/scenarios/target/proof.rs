//! Proves that the answers that buyers got match the API's data, as far as HTTP shows it.

use anyhow::ensure;
use sale::model::{BuyerId, OrderId, Role, SaleId};
use std::time::Duration;
use system::{
    client::{Buyer, Client},
    history::{
        History,
        meaning::{Meaning, PurchaseStatus},
    },
};
use tokio::time::{Instant, sleep};

use super::Target;
use crate::{
    ground::POSTED_DEADLINE,
    scenarios::record::{Conclusions, Record, conclusions},
};

/// The pause between requests whether everything is posted.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// The maximum number of acknowledged orders that are looked up one by one.
const ORDERS_LOOKED_UP_MAX: usize = 1_000;

impl Target {
    pub(in crate::scenarios) async fn prove(
        &self,
        sale: SaleId,
        records: &[Record],
    ) -> anyhow::Result<String> {
        let Conclusions {
            acknowledged,
            sold_out,
            ..
        } = conclusions(records);
        let started = Instant::now();
        let figures = loop {
            let figures = self.figures(sale).await?;
            // What is sold is read from the gate, and may be older than what the ledger has confirmed.
            if figures.pending_orders == 0 && figures.sold_quantity == figures.confirmed_orders {
                break figures;
            }
            ensure!(
                started.elapsed() < POSTED_DEADLINE,
                "not posted in time: {figures:?}"
            );
            sleep(LOOK_PAUSE).await;
        };
        let count = u64::try_from(acknowledged.len())?;
        ensure!(
            figures.confirmed_orders == count
                && figures.sold_quantity == count
                && figures.rejected_orders == 0
                && figures.sold_quantity <= figures.total_quantity,
            "{count} buyers were told of an order, and the API says {figures:?}"
        );
        ensure!(
            sold_out == 0 || figures.sold_quantity == figures.total_quantity,
            "{sold_out} buyers were told that everything is sold, and the API says {figures:?}"
        );
        let every = acknowledged.len().div_ceil(ORDERS_LOOKED_UP_MAX).max(1);
        let sample = acknowledged.iter().step_by(every);
        let looked_up = sample.len();
        self.look_up(sale, sample).await?;
        Ok(format!(
            "{count} buyers were told of an order, and the ledger holds so many; {looked_up} of them looked up"
        ))
    }

    /// Each of these buyers asks for its order, which must be completed.
    async fn look_up<'a>(
        &self,
        sale: SaleId,
        orders: impl Iterator<Item = (&'a BuyerId, &'a OrderId)>,
    ) -> anyhow::Result<()> {
        let client = Client::new(&format!("http://{}", self.host), History::new())?;
        let tokens = self.tokens()?;
        for (id, order) in orders {
            let (token, _) = tokens.mint(id.uuid(), None, Role::User)?;
            let buyer = Buyer {
                id: *id,
                token: token.into(),
            };
            let meaning = client.job(&buyer, sale, *order).await.meaning;
            ensure!(
                meaning == Meaning::Status(PurchaseStatus::Completed, *order),
                "order {order} was told of, and is {meaning:?}"
            );
        }
        Ok(())
    }
}
