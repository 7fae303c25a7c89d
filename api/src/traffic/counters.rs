//! The counters to which purchases add: for each sale one for each column.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use sale::{ledger::Answers, model::SaleId};

use super::Column;
use crate::log_limit::LogLimit;

/// Sales that are counted at the same time.
const SALES_MAX: usize = 10_000;
/// Sales that are counted at the same time although the process does not know that they exist: it has not sold them,
/// and the ledger is away. The ledger sorts out ids that somebody made up.
const UNPROVEN_MAX: usize = 100;
/// How often a sale may have gained nothing until its counters are dropped.
const IDLE_TAKES: u32 = 60;

/// All counters.
pub struct Counters {
    sales: RwLock<Sales>,
    /// How often the log says that there are too many sales.
    refusal_log: LogLimit,
}

#[derive(Default)]
struct Sales {
    known: HashMap<SaleId, SaleCounters>,
    unproven: HashMap<SaleId, SaleCounters>,
}

#[derive(Default)]
struct SaleCounters {
    admitted: AtomicU64,
    duplicate: AtomicU64,
    sold_out: AtomicU64,
    too_early: AtomicU64,
    ended: AtomicU64,
    paused: AtomicU64,
    unavailable: AtomicU64,
    /// How often nothing was there to take.
    idle_takes: AtomicU32,
}

impl SaleCounters {
    fn count(&self, column: Column) {
        match column {
            Column::Admitted => &self.admitted,
            Column::Duplicate => &self.duplicate,
            Column::SoldOut => &self.sold_out,
            Column::TooEarly => &self.too_early,
            Column::Ended => &self.ended,
            Column::Paused => &self.paused,
            Column::Unavailable => &self.unavailable,
        }
        .fetch_add(1, Ordering::Relaxed);
    }

    /// What it has gained since the last time.
    fn take(&self) -> Answers {
        let take = |counter: &AtomicU64| match counter.load(Ordering::Relaxed) {
            0 => 0,
            _ => counter.swap(0, Ordering::Relaxed),
        };
        let taken = Answers {
            admitted: take(&self.admitted),
            duplicate: take(&self.duplicate),
            sold_out: take(&self.sold_out),
            too_early: take(&self.too_early),
            ended: take(&self.ended),
            paused: take(&self.paused),
            unavailable: take(&self.unavailable),
        };
        if taken.total() == 0 {
            self.idle_takes.fetch_add(1, Ordering::Relaxed);
        } else {
            self.idle_takes.store(0, Ordering::Relaxed);
        }
        taken
    }

    fn is_idle(&self) -> bool {
        self.idle_takes.load(Ordering::Relaxed) >= IDLE_TAKES
    }
}

impl Sales {
    fn get(&self, sale: SaleId, is_known: bool) -> Option<&SaleCounters> {
        let known = self.known.get(&sale);
        known.or_else(|| self.unproven.get(&sale).filter(|_| !is_known))
    }

    fn all(&self) -> impl Iterator<Item = (&SaleId, &SaleCounters)> {
        self.known.iter().chain(&self.unproven)
    }

    /// The counters of a sale, new ones if need be; none if there are too many.
    fn get_or_add(&mut self, sale: SaleId, is_known: bool) -> Option<&SaleCounters> {
        let (sales, sales_max) = if is_known || self.known.contains_key(&sale) {
            (&mut self.known, SALES_MAX)
        } else {
            (&mut self.unproven, UNPROVEN_MAX)
        };
        if sales.len() >= sales_max && !sales.contains_key(&sale) {
            return None;
        }
        Some(sales.entry(sale).or_default())
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            sales: RwLock::default(),
            refusal_log: LogLimit::per_second(NonZeroU32::MIN),
        }
    }
}

impl Counters {
    /// Counts one answer. Adding happens under the lock that dropping a sale's counters excludes, so none is lost.
    pub fn count(&self, sale: SaleId, column: Column, is_known: bool) {
        let sales = self.sales.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = sales.get(sale, is_known) {
            counters.count(column);
            return;
        }
        drop(sales);
        match self.write().get_or_add(sale, is_known) {
            Some(counters) => counters.count(column),
            None if self.refusal_log.allows() => tracing::warn!(
                %sale, sales_max = SALES_MAX, unproven_max = UNPROVEN_MAX,
                "too many sales at once: the traffic of this one is not counted"
            ),
            None => {}
        }
    }

    /// What each sale has gained since the last time.
    pub fn take(&self) -> Vec<(SaleId, Answers)> {
        let sales = self.sales.read().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<(SaleId, Answers)> = Vec::new();
        let mut take = |sale: SaleId, counters: &SaleCounters| {
            let answers = counters.take();
            if answers.total() > 0 {
                taken.push((sale, answers));
            }
        };
        sales
            .all()
            .for_each(|(sale, counters)| take(*sale, counters));
        let some_idle = sales.all().any(|(_, counters)| counters.is_idle());
        drop(sales);
        if some_idle {
            let mut stays = |sale: &SaleId, counters: &mut SaleCounters| {
                take(*sale, counters);
                !counters.is_idle()
            };
            let mut sales = self.write();
            sales.known.retain(&mut stays);
            sales.unproven.retain(&mut stays);
        }
        taken
    }

    fn write(&self) -> RwLockWriteGuard<'_, Sales> {
        self.sales.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use sale::{ledger::Answers, model::SaleId};

    use super::{Column, Counters, IDLE_TAKES, SALES_MAX, UNPROVEN_MAX};

    fn counted(counters: &Counters) -> u64 {
        counters
            .take()
            .iter()
            .map(|(_, answers)| answers.total())
            .sum()
    }

    #[test]
    fn nothing_is_lost_between_threads_that_count_and_one_that_takes() {
        let counters = Counters::default();
        let sales: Vec<SaleId> = (0..3).map(|_| SaleId::random()).collect();
        let taken = thread::scope(|scope| {
            let counting: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for turn in 0..30_000 {
                            counters.count(sales[turn % 3], Column::SoldOut, turn % 2 == 0);
                        }
                    })
                })
                .collect();
            let mut taken = 0;
            while counting.iter().any(|thread| !thread.is_finished()) {
                taken += counted(&counters);
            }
            taken
        });
        assert_eq!(taken + counted(&counters), 120_000);
    }

    #[test]
    fn a_sale_that_gains_nothing_is_dropped_and_counted_again_when_it_does() {
        let counters = Counters::default();
        let sale = SaleId::random();
        for _ in 0..2 {
            counters.count(sale, Column::Admitted, true);
            assert_eq!(
                counters.take(),
                [(
                    sale,
                    Answers {
                        admitted: 1,
                        ..Answers::default()
                    }
                )]
            );
            for _ in 0..IDLE_TAKES {
                assert_eq!(counters.take(), []);
            }
            assert!(counters.write().known.is_empty());
        }
    }

    #[test]
    fn made_up_sales_leave_room_for_known_ones() {
        let counters = Counters::default();
        for _ in 0..2 * UNPROVEN_MAX {
            counters.count(SaleId::random(), Column::Unavailable, false);
        }
        assert_eq!(counters.take().len(), UNPROVEN_MAX);
        for _ in 0..2 * SALES_MAX {
            counters.count(SaleId::random(), Column::Admitted, true);
        }
        assert_eq!(counters.take().len(), SALES_MAX);
    }
}
