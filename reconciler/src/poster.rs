//! Posts one sale: reads its journal, passes the winners to the ledger, and only then forgets them.
//!
//! 1. read entries that no consumer has received; every second, first search for entries that a plain read does not
//!    return: entries that were delivered to us and never arrived, and entries of a dead consumer
//! 2. post them: one call of one SQL function for up to [`POST_WINNERS_MAX`] winners. The poster repeats a failed
//!    call for as long as it takes: it forgets no entry that is not in the ledger
//! 3. forget them: delete them from the journal, by their exact ids
//!
//! Each step may be repeated, by this poster or by another, so a crash between any two is harmless.

use std::{sync::Arc, time::Duration};

use sale::{
    crash::{Point, point},
    gate::{Gate, admission::BATCH_MAX, upkeep},
    install::{self, PostError},
    journal::{Content, Entry, EntryId, Journal},
    ledger::{Ledger, POST_TIMEOUT, Posting, within},
    model::{Epoch, SaleId},
    store::StoreError,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Entries received in one read or claim. Entries of a rush hold some 40 winners each, so this many fill five
/// eighths of a call. Full ones make an answer of two megabytes, and Redis decides nothing while it writes the answer.
const READ_ENTRIES_MAX: u64 = 128;
/// Winners posted in one call: as many as sixteen full entries hold. Each call has its price (a round trip, locking and
/// writing the sale's row, a commit that waits for the disk): with four entries a call, a sixth fewer orders were posted
/// in a second (`docs/benchmarks.md`). An entry is never split, so a larger entry becomes a call of its own.
const POST_WINNERS_MAX: usize = 16 * BATCH_MAX;
/// Pause after a read that found nothing: the first pause, doubled each time up to the longest.
const IDLE_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));
/// Pause after a failure, likewise, plus a random part up to the same length.
const FAILURE_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// Pause of a sale whose ledger was rolled back, before it is tried again.
const ALARM_PAUSE: Duration = Duration::from_secs(30);
/// How often to search for entries of dead consumers, and for entries that no read returns.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// Posts one sale until it is stopped.
pub struct Poster {
    gate: Gate,
    journal: Journal,
    ledger: Ledger,
    sale: SaleId,
    consumer: Arc<str>,
    claim_idle: Duration,
    /// Read and not yet forgotten.
    in_hand: Vec<Entry>,
    searched_at: Instant,
    /// The oldest entry at the last search, if there were entries that no consumer held.
    suspect: Option<EntryId>,
}

impl Poster {
    /// A poster of one sale, reading its journal under the name `consumer`.
    pub fn new(
        gate: Gate,
        ledger: Ledger,
        sale: SaleId,
        consumer: Arc<str>,
        claim_idle: Duration,
    ) -> Self {
        Self {
            journal: Journal::new(gate.clone()),
            gate,
            ledger,
            sale,
            consumer,
            claim_idle,
            in_hand: Vec::new(),
            searched_at: Instant::now(),
            suspect: None,
        }
    }

    /// Posts until `stop`. Finishes the call under way.
    pub async fn run(mut self, stop: CancellationToken) {
        let (mut idle, mut failure) = (IDLE_PAUSE.0, FAILURE_PAUSE.0);
        while !stop.is_cancelled() {
            let pause = match self.step(&stop).await {
                Ok(true) => {
                    (idle, failure) = (IDLE_PAUSE.0, FAILURE_PAUSE.0);
                    continue;
                }
                Ok(false) => {
                    failure = FAILURE_PAUSE.0;
                    grow(&mut idle, IDLE_PAUSE.1)
                }
                Err(PostError::Ahead) => {
                    // Read it again later: a person may delete the entry.
                    self.in_hand.clear();
                    tracing::error!(
                        sale = %self.sale,
                        "ALARM: the journal is newer than the ledger, which was rolled back; \
                         this sale is not posted until the ledger is restored"
                    );
                    ALARM_PAUSE
                }
                Err(error) => {
                    tracing::warn!(
                        sale = %self.sale,
                        error = &error as &dyn std::error::Error,
                        "posting failed, and is tried again"
                    );
                    let pause = grow(&mut failure, FAILURE_PAUSE.1);
                    pause + pause.mul_f64(rand::random())
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// Takes entries in hand, posts and forgets them. False if there were none.
    async fn step(&mut self, stop: &CancellationToken) -> Result<bool, PostError> {
        if self.in_hand.is_empty() && self.searched_at.elapsed() >= SEARCH_EVERY {
            self.searched_at = Instant::now();
            self.in_hand = self.search().await?;
        }
        if self.in_hand.is_empty() {
            self.in_hand = self
                .journal
                .read(self.sale, &self.consumer, READ_ENTRIES_MAX)
                .await?;
        }
        let found = !self.in_hand.is_empty();
        while !self.in_hand.is_empty() && !stop.is_cancelled() {
            let count = portion(&self.in_hand);
            self.post(count).await?;
            self.in_hand.drain(..count);
        }
        Ok(found)
    }

    /// Searches for entries that a plain read does not return: entries that were delivered to us in an answer that
    /// never came, entries of a dead consumer, and entries that neither holds.
    async fn search(&mut self) -> Result<Vec<Entry>, PostError> {
        let (journal, sale, consumer) = (&self.journal, self.sale, &self.consumer);
        let ours = journal.read_again(sale, consumer, READ_ENTRIES_MAX).await?;
        if !ours.is_empty() {
            return Ok(ours);
        }
        let left = journal
            .claim(sale, consumer, self.claim_idle, READ_ENTRIES_MAX)
            .await?;
        if left.is_empty() {
            self.search_stranded().await?;
        }
        Ok(left)
    }

    /// Posts and forgets the first `count` entries in hand.
    async fn post(&self, count: usize) -> Result<(), PostError> {
        let mut postings = Vec::new();
        let mut posted = Vec::with_capacity(count);
        let mut unreadable = false;
        for entry in &self.in_hand[..count] {
            let winners = match &entry.content {
                Content::Winners {
                    admitted_at,
                    winners,
                } => {
                    let source = entry.id.to_string();
                    postings.extend(winners.iter().map(|winner| Posting {
                        order: winner.order,
                        buyer: winner.buyer,
                        epoch: entry.id.epoch,
                        admitted_at: *admitted_at,
                        source: source.clone(),
                    }));
                    winners.len() as u64
                }
                Content::Unreadable { raw } => {
                    unreadable = true;
                    self.ledger
                        .reject_unreadable(self.sale, entry.id, raw)
                        .await?;
                    tracing::error!(sale = %self.sale, entry = %entry.id, "unreadable journal entry");
                    0
                }
            };
            posted.push(upkeep::PostedEntry {
                id: entry.id,
                winners,
            });
        }
        point(Point::PostRead);
        let mut lost = self.post_winners(&postings).await?;
        if unreadable {
            lost = lost.max(self.post_marks().await?);
        }
        point(Point::PostPosted);
        self.gate.forget(self.sale, lost, &posted).await?;
        point(Point::PostForgotten);
        if let Err(error) = self.gate.announce_posted(self.sale).await {
            tracing::debug!(sale = %self.sale, %error, "who waits was not told");
        }
        Ok(())
    }

    async fn post_winners(&self, postings: &[Posting]) -> Result<Option<Epoch>, PostError> {
        if postings.is_empty() {
            return Ok(None);
        }
        let posted = self.ledger.post(self.sale, postings).await?;
        if posted.ahead {
            return Err(PostError::Ahead);
        }
        if posted.rejected > 0 {
            tracing::error!(sale = %self.sale, rejected = posted.rejected, "rejected purchases");
            self.sync().await;
        }
        if let Some(epoch) = posted.lost {
            tracing::error!(sale = %self.sale, %epoch, "the gate lost a mark, and is rebuilt");
        }
        tracing::debug!(sale = %self.sale, confirmed = posted.confirmed, "posted");
        Ok(posted.lost)
    }

    /// Brings the changes of a rejection to the gate at once: an API process that has learned them from the ledger
    /// waits until the gate has them. The keeper does the same each second, also if this fails.
    async fn sync(&self) {
        let sync = async {
            if let Some(sale) = self.ledger.sale(self.sale).await? {
                self.gate.sync(&sale).await?;
            }
            Ok::<(), StoreError>(())
        };
        if let Err(error) = within(POST_TIMEOUT, sync).await {
            tracing::debug!(sale = %self.sale, %error, "not synced yet");
        }
    }

    /// The winners of an unreadable entry still have their marks in the gate. Posting these marks may also prove that
    /// the gate lost one.
    async fn post_marks(&self) -> Result<Option<Epoch>, PostError> {
        let sale = within(POST_TIMEOUT, self.ledger.sale(self.sale)).await?;
        let Some(sale) = sale else {
            return Ok(None);
        };
        let marked = install::post_marks(&self.gate, &self.ledger, &sale).await?;
        Ok(marked.lost)
    }

    /// Searches for entries that neither a read nor a claim returns, as after the deletion of a consumer that held
    /// some, and lets them be delivered again. It does so only if the oldest entry is the same as at the last search,
    /// because new entries come all the time.
    async fn search_stranded(&mut self) -> Result<(), PostError> {
        let backlog = self.journal.backlog(self.sale).await?;
        let oldest = backlog.oldest.filter(|_| backlog.entries > backlog.pending);
        if oldest.is_some() && oldest == self.suspect {
            tracing::warn!(sale = %self.sale, entries = backlog.entries, "stranded entries are delivered again");
            self.journal.deliver_again(self.sale).await?;
        }
        self.suspect = oldest;
        Ok(())
    }
}

/// How many of the entries go into one call.
fn portion(entries: &[Entry]) -> usize {
    let mut winners = 0;
    entries
        .iter()
        .take_while(|entry| {
            let before = winners;
            winners += match &entry.content {
                Content::Winners { winners, .. } => winners.len(),
                Content::Unreadable { .. } => 1,
            };
            before == 0 || winners <= POST_WINNERS_MAX
        })
        .count()
}

/// The pause for now; the next one is twice as long, up to `longest`.
fn grow(pause: &mut Duration, longest: Duration) -> Duration {
    let now = *pause;
    *pause = (now * 2).min(longest);
    now
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use sale::{
        gate::admission::BATCH_MAX,
        journal::{Content, Entry, EntryId},
        model::{BuyerId, Epoch, OrderId, Purchase},
    };

    use super::{POST_WINNERS_MAX, portion};

    fn entry(content: Content) -> Entry {
        let id = EntryId {
            epoch: Epoch(1),
            sequence: 1,
        };
        Entry { id, content }
    }

    fn won(winners: usize) -> Entry {
        let purchase = |_| Purchase {
            buyer: BuyerId::random(),
            order: OrderId::random(),
        };
        entry(Content::Winners {
            admitted_at: DateTime::UNIX_EPOCH,
            winners: (0..winners).map(purchase).collect(),
        })
    }

    fn unreadable() -> Entry {
        entry(Content::Unreadable { raw: vec![0xff] })
    }

    /// How many entries the first call takes, and how many each one after it.
    fn calls(mut entries: Vec<Entry>) -> Vec<usize> {
        let mut counts = Vec::new();
        while !entries.is_empty() {
            let count = portion(&entries);
            assert!(count > 0, "a call takes something: {counts:?}");
            entries.drain(..count);
            counts.push(count);
        }
        counts
    }

    #[test]
    fn two_full_entries_are_one_call() {
        assert_eq!(calls(vec![won(BATCH_MAX), won(BATCH_MAX)]), [2]);
    }

    #[test]
    fn sixteen_full_entries_are_one_call_and_the_next_one_waits_for_the_next_call() {
        let full = |count| (0..count).map(|_| won(BATCH_MAX)).collect();
        assert_eq!(calls(full(16)), [16]);
        assert_eq!(calls(full(17)), [16, 1]);
    }

    #[test]
    fn exactly_as_many_winners_as_fit_are_one_call_and_one_more_is_not() {
        let rest = POST_WINNERS_MAX - BATCH_MAX;
        assert_eq!(calls(vec![won(BATCH_MAX), won(rest)]), [2]);
        assert_eq!(calls(vec![won(BATCH_MAX), won(rest + 1)]), [1, 1]);
        assert_eq!(calls(vec![won(POST_WINNERS_MAX), won(1)]), [1, 1]);
    }

    #[test]
    fn an_entry_that_is_too_large_is_a_call_by_itself() {
        let large = || won(POST_WINNERS_MAX + 1);
        assert_eq!(calls(vec![large()]), [1]);
        assert_eq!(calls(vec![large(), won(1)]), [1, 1]);
        assert_eq!(calls(vec![won(1), large(), won(1)]), [1, 1, 1]);
    }

    #[test]
    fn an_entry_that_cannot_be_read_counts_for_one_and_goes_with_its_neighbours() {
        assert_eq!(calls(vec![unreadable(), won(1), unreadable()]), [3]);
        let rest = POST_WINNERS_MAX - 1;
        assert_eq!(calls(vec![unreadable(), won(rest), won(1)]), [2, 1]);
        assert_eq!(calls(vec![unreadable(), won(POST_WINNERS_MAX)]), [1, 1]);
        let many = (0..=POST_WINNERS_MAX).map(|_| unreadable()).collect();
        assert_eq!(calls(many), [POST_WINNERS_MAX, 1]);
    }

    #[test]
    fn without_entries_there_is_no_call() {
        assert_eq!(portion(&[]), 0);
    }
}
