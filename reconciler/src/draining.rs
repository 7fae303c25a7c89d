//! Posts a sale's journal while a command needs it emptied: a rebuild must work even if no reconciler runs. Beside a
//! running reconciler this is just one more.

use std::{sync::Arc, time::Duration};

use sale::{gate::Gate, ledger::Ledger, model::SaleId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::poster::Poster;

/// Entries that another consumer has held this long without posting them are claimed. Shorter than a running
/// reconciler's time: a person is waiting, and posting twice is harmless.
const CLAIM_IDLE: Duration = Duration::from_secs(1);

/// How long a command may wait for a journal to be emptied.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `work` while a poster of its own empties the sale's journal.
pub async fn while_posting<T>(
    gate: &Gate,
    ledger: &Ledger,
    sale: SaleId,
    work: impl Future<Output = T>,
) -> T {
    let consumer: Arc<str> = Uuid::now_v7().to_string().into();
    let stop = CancellationToken::new();
    let poster = Poster::new(
        gate.clone(),
        ledger.clone(),
        sale,
        Arc::clone(&consumer),
        CLAIM_IDLE,
    );
    let work = async {
        let done = work.await;
        stop.cancel();
        done
    };
    let ((), done) = tokio::join!(poster.run(stop.clone()), work);
    // A consumer that is not removed holds nothing, and a sweep removes it later.
    if let Err(error) = gate.remove_consumer(sale, &consumer, Duration::ZERO).await {
        tracing::debug!(%sale, %error, "a reader was not removed");
    }
    done
}
