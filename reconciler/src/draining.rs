//! Posting a sale's journal for as long as a command needs it emptied: a rebuild must work where no
//! reconciler runs. Beside one that runs it is just one more.

use std::{sync::Arc, time::Duration};

use sale::{gate::Gate, ledger::Ledger, model::SaleId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::poster::Poster;

/// What another reader has had for so long without posting it is claimed. Shorter than a running
/// reconciler's time: a person waits, and posting twice is harmless.
const CLAIM_IDLE: Duration = Duration::from_secs(1);

/// How long emptying a journal may take a command.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Does a work while a poster of its own empties the sale's journal.
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
    // A reader that stays has nothing in hand, and is swept like any other.
    if let Err(error) = gate.remove_consumer(sale, &consumer, Duration::ZERO).await {
        tracing::debug!(%sale, %error, "a reader was not removed");
    }
    done
}
