//! Turns for look-ups whose cost grows with the data: an admin's search through a journal, and a user's orders in all
//! sales. Few run at a time, few wait, and all others are refused at once.

use sale::{
    ledger::{BoughtOrder, Page},
    model::BuyerId,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Purchases, Unknown};

/// Searches that run at the same time: through a journal, or for a user's orders in all sales. They must not take
/// gates and ledger away from buyers.
const SEARCHES_AT_ONCE: usize = 2;
/// Searches that may wait for their turn.
const SEARCHES_WAITING_MAX: usize = 64;

/// The places for searches.
pub(super) struct Searches {
    under_way: Semaphore,
    /// The places of waiting searches are included.
    places: Semaphore,
}

impl Default for Searches {
    fn default() -> Self {
        Self {
            under_way: Semaphore::new(SEARCHES_AT_ONCE),
            places: Semaphore::new(SEARCHES_AT_ONCE + SEARCHES_WAITING_MAX),
        }
    }
}

/// Held while a search is under way.
pub(super) struct Turn<'a> {
    _place: SemaphorePermit<'a>,
    _search: SemaphorePermit<'a>,
}

impl Searches {
    /// Waits for a turn. Fails with [`Unknown::Busy`] if too many wait already.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, Unknown> {
        let place = self.places.try_acquire().map_err(|_| Unknown::Busy)?;
        let search = self.under_way.acquire().await.map_err(|_| Unknown::Busy)?;
        Ok(Turn {
            _place: place,
            _search: search,
        })
    }
}

impl Purchases {
    /// The orders of a buyer in all sales, the newest first.
    pub async fn orders_of(&self, buyer: BuyerId, page: Page) -> Result<Vec<BoughtOrder>, Unknown> {
        let _turn = self.searches.turn().await?;
        Ok(self.ledger.orders_of_buyer(buyer, page).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::{future::join_all, poll};

    use super::{SEARCHES_AT_ONCE, SEARCHES_WAITING_MAX, Searches, Unknown};

    #[tokio::test]
    async fn few_search_some_wait_and_the_next_one_is_refused() {
        let searches = Searches::default();
        let under_way = join_all((0..SEARCHES_AT_ONCE).map(|_| searches.turn())).await;
        assert!(under_way.iter().all(Result::is_ok));
        {
            let waiting = (0..SEARCHES_WAITING_MAX).map(|_| searches.turn());
            let mut waiting = pin!(join_all(waiting));
            assert!(poll!(waiting.as_mut()).is_pending());
            assert!(matches!(searches.turn().await, Err(Unknown::Busy)));
        }
        // Those who waited have left, and so have those who searched.
        drop(under_way);
        assert!(searches.turn().await.is_ok());
    }
}
