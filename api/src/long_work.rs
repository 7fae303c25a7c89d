//! Work that admins may ask for and that costs more than an answer: of each kind only so much runs at once in a process,
//! so that it leaves connections to Postgres and Redis for buyers.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::problem::Problem;

/// Exports that are written at the same time.
pub const EXPORTS_AT_ONCE_MAX: usize = 4;

/// How long the reader of an export may take nothing of it before it is broken off, and its place is free for another.
pub const EXPORT_STALL_MAX: Duration = Duration::from_secs(10);

/// Audits that are made at the same time: each holds the buyers of a sale in memory.
pub const AUDITS_AT_ONCE_MAX: usize = 2;

/// Searches that are made at the same time: each holds a connection to Postgres, for up to
/// [`SEARCH_TIMEOUT`](sale::ledger::SEARCH_TIMEOUT).
pub const SEARCHES_AT_ONCE_MAX: usize = 2;

/// How long a search waits for a place. Most take milliseconds, and a page of the console makes several.
const SEARCH_PATIENCE: Duration = Duration::from_secs(2);

/// When a client that found no place should retry, seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The places for such work.
#[derive(Debug)]
pub struct LongWork {
    exports: Arc<Semaphore>,
    audits: Arc<Semaphore>,
    searches: Arc<Semaphore>,
}

impl Default for LongWork {
    fn default() -> Self {
        Self {
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE_MAX)),
            audits: Arc::new(Semaphore::new(AUDITS_AT_ONCE_MAX)),
            searches: Arc::new(Semaphore::new(SEARCHES_AT_ONCE_MAX)),
        }
    }
}

impl LongWork {
    /// A place for an export, until it is dropped.
    pub fn export(&self) -> Result<OwnedSemaphorePermit, Problem> {
        place(
            &self.exports,
            "Too many exports are being written. It is safe to try again later.",
        )
    }

    /// A place for an audit, or a repair, until it is dropped.
    pub fn audit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        place(
            &self.audits,
            "Too many audits are being made. It is safe to try again later.",
        )
    }

    /// A place for a search, until it is dropped. Waits a moment for one.
    pub async fn search(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.searches).acquire_owned();
        match timeout(SEARCH_PATIENCE, place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(no_place(
                "Too many searches are being made. It is safe to try again later.",
            )),
        }
    }
}

fn place(
    places: &Arc<Semaphore>,
    none_left: &'static str,
) -> Result<OwnedSemaphorePermit, Problem> {
    let place = Arc::clone(places).try_acquire_owned();
    place.map_err(|_| no_place(none_left))
}

fn no_place(detail: &'static str) -> Problem {
    Problem::unavailable(detail).retry_after(RETRY_AFTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::{AUDITS_AT_ONCE_MAX, EXPORTS_AT_ONCE_MAX, LongWork};

    #[test]
    fn there_are_so_many_places_and_each_comes_back() {
        let work = LongWork::default();
        let mut held: Vec<_> = (0..EXPORTS_AT_ONCE_MAX)
            .map(|_| work.export().unwrap())
            .collect();
        assert!(work.export().is_err());
        held.pop();
        assert!(work.export().is_ok());
        let audits: Vec<_> = (0..AUDITS_AT_ONCE_MAX)
            .map(|_| work.audit().unwrap())
            .collect();
        assert!(work.audit().is_err());
        drop(audits);
        assert!(work.audit().is_ok());
    }
}
