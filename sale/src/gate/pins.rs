//! Which sale an idempotency key is meant for, if its purchase names none.
//!
//! Such a purchase goes to the sale that is current at its first try. A retry may come when another sale is current,
//! or at the same time in another process that sees the change earlier. So the first try *pins* (buyer, key) to a
//! sale before it asks for admission: one `SET NX GET`, on which all tries agree. The order's id is derived from the
//! pinned sale, so from there on a retry is an ordinary one.
//!
//! - A process dies after it pinned, or its reply is lost: the retry finds the pin, and asks the same gate for
//!   the same order.
//! - Two processes try at once and see different current sales: one of them pins, and both use its sale.
//! - A pin lives far longer than a request, but no longer than it must: it makes overlapping tries agree. Purchases
//!   can be found for longer, because gate and ledger know the derived orders; a caller without a pin asks them. So a
//!   Redis that lost its pins forgets no purchase that it still holds or that is posted.
//! - Nothing was bought (sold out, not started): during the life of the pin a retry asks the same sale again. A try
//!   with the same key may still be under way, so nothing removes the pin.
//! - Redis does not answer: the sale is unknown, and the process tries nothing.
//!
//! One gap is known. A failover can lose the pin, and the current sale can change in the seconds while the first try
//! is still under way: a retry in those seconds may buy in both sales.

use std::time::Duration;

use fred::{
    interfaces::KeysInterface,
    types::{Expiration, SetOptions},
};

use super::{Gate, GateError};
use crate::model::{BuyerId, SaleId};

/// How long a key stays pinned to a sale. Longer than any request lives; short, because pins use memory that gates
/// need.
pub const PIN_LIFETIME: Duration = Duration::from_secs(10 * 60);

impl Gate {
    /// The sale that a buyer's key is pinned to.
    pub async fn pinned(
        &self,
        buyer: BuyerId,
        idempotency_key: &str,
    ) -> Result<Option<SaleId>, GateError> {
        let pinned: Option<String> = self
            .client()
            .get(self.keys.pin(buyer, idempotency_key))
            .await?;
        pinned.map(|sale| read(&sale)).transpose()
    }

    /// Pins a buyer's key to a sale unless it is pinned, and returns the sale that it is pinned to.
    pub async fn pin(
        &self,
        buyer: BuyerId,
        idempotency_key: &str,
        sale: SaleId,
    ) -> Result<SaleId, GateError> {
        let lifetime = Expiration::EX(PIN_LIFETIME.as_secs().cast_signed());
        let before: Option<String> = self
            .client()
            .set(
                self.keys.pin(buyer, idempotency_key),
                sale.to_string(),
                Some(lifetime),
                Some(SetOptions::NX),
                true,
            )
            .await?;
        before.map_or(Ok(sale), |before| read(&before))
    }
}

fn read(sale: &str) -> Result<SaleId, GateError> {
    sale.parse()
        .map_err(|_| GateError::Malformed("a pin that names no sale".to_owned()))
}
