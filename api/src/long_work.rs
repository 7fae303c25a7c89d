//! Work that admins may ask for and that costs more than an answer: of each kind only so much runs at once in a process,
//! so that it leaves connections to Postgres and Redis for buyers.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Exports that are written at the same time.
pub const EXPORTS_AT_ONCE_MAX: usize = 4;

/// Audits that are made at the same time: each holds the buyers of a sale in memory.
pub const AUDITS_AT_ONCE_MAX: usize = 2;

/// When a client that found no place should retry, seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The places for such work.
#[derive(Debug)]
pub struct LongWork {
    exports: Arc<Semaphore>,
    audits: Arc<Semaphore>,
}

impl Default for LongWork {
    fn default() -> Self {
        Self {
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE_MAX)),
            audits: Arc::new(Semaphore::new(AUDITS_AT_ONCE_MAX)),
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
}

fn place(
    places: &Arc<Semaphore>,
    none_left: &'static str,
) -> Result<OwnedSemaphorePermit, Problem> {
    let place = Arc::clone(places).try_acquire_owned();
    place.map_err(|_| Problem::unavailable(none_left).retry_after(RETRY_AFTER_SECONDS))
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
