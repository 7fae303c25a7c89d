//! The sales that streams show: one task for each, shared by all streams of the sale in this process. It begins with the
//! first stream, and ends by itself once nobody has been there for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sale::model::SaleId;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::places::StreamRefused;

/// What the streams of each sale share, and the task that keeps it up to date. Clones share it. Dropping the last clone
/// ends the tasks.
pub struct Watching<T> {
    sales: Arc<Mutex<HashMap<SaleId, Running<T>>>>,
    sales_max: usize,
    /// Where the tasks run: not on the threads that answer.
    runtime: Handle,
}

impl<T> Clone for Watching<T> {
    fn clone(&self) -> Self {
        Self {
            sales: Arc::clone(&self.sales),
            sales_max: self.sales_max,
            runtime: self.runtime.clone(),
        }
    }
}

struct Running<T> {
    shared: Arc<T>,
    task: AbortOnDropHandle<()>,
}

impl<T: Send + Sync + 'static> Watching<T> {
    /// No sale yet, and never more than so many. Tasks run where this is called.
    pub fn new(sales_max: usize) -> Self {
        Self {
            sales: Arc::default(),
            sales_max,
            runtime: Handle::current(),
        }
    }

    /// Subscribes to a sale, for which `begin` makes what its streams share and its task, unless they exist. A sale that
    /// is not watched yet leaves so many places `free` for others. The task asks [`Leave`] before it ends.
    pub fn join<S, F>(
        &self,
        sale: SaleId,
        free: usize,
        begin: impl FnOnce(Leave<T>) -> (Arc<T>, F),
        subscribe: impl FnOnce(&Arc<T>) -> S,
    ) -> Result<S, StreamRefused>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut sales = self.sales();
        sales.retain(|_, running| !running.task.is_finished());
        if let Some(running) = sales.get(&sale) {
            return Ok(subscribe(&running.shared));
        }
        if sales.len() + free >= self.sales_max {
            return Err(StreamRefused::Full);
        }
        let sales_of_task = Arc::downgrade(&self.sales);
        let leave = Leave(Box::new(move |is_idle: IsIdle<T>| {
            let Some(sales) = sales_of_task.upgrade() else {
                return true;
            };
            let mut sales = lock(&sales);
            let ends = sales
                .get(&sale)
                .is_none_or(|running| is_idle(&running.shared));
            if ends {
                sales.remove(&sale);
            }
            ends
        }));
        let (shared, task) = begin(leave);
        let subscription = subscribe(&shared);
        let task = AbortOnDropHandle::new(self.runtime.spawn(task));
        sales.insert(sale, Running { shared, task });
        Ok(subscription)
    }

    /// What the streams of a sale share; `None` if there are none.
    pub fn get(&self, sale: SaleId) -> Option<Arc<T>> {
        let sales = self.sales();
        sales.get(&sale).map(|running| Arc::clone(&running.shared))
    }

    /// What the streams of each sale share.
    pub fn all(&self) -> Vec<Arc<T>> {
        let sales = self.sales();
        let shared = sales.values().map(|running| Arc::clone(&running.shared));
        shared.collect()
    }

    fn sales(&self) -> MutexGuard<'_, HashMap<SaleId, Running<T>>> {
        lock(&self.sales)
    }
}

type IsIdle<T> = fn(&T) -> bool;

/// A task's way to end.
pub struct Leave<T>(Box<dyn Fn(IsIdle<T>) -> bool + Send + Sync>);

impl<T> Leave<T> {
    /// Whether the task ends: only if nobody uses what it keeps up to date. No stream can join in between, and the next
    /// one begins another task.
    pub fn if_idle(&self, is_idle: IsIdle<T>) -> bool {
        (self.0)(is_idle)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Arc};

    use sale::model::SaleId;

    use super::{StreamRefused, Watching};

    #[tokio::test]
    async fn a_sale_that_leaves_places_free_locks_no_other_out() {
        let watching = Watching::new(4);
        let join = |sale, free| watching.join(sale, free, |_| (Arc::new(()), pending()), |_| ());
        let over: [SaleId; 3] = std::array::from_fn(|_| SaleId::random());
        assert_eq!(join(over[0], 2), Ok(()));
        assert_eq!(join(over[1], 2), Ok(()));
        assert_eq!(join(over[2], 2), Err(StreamRefused::Full));
        assert_eq!(join(over[1], 2), Ok(()), "it is watched");
        for _ in 0..2 {
            assert_eq!(join(SaleId::random(), 0), Ok(()));
        }
        assert_eq!(join(SaleId::random(), 0), Err(StreamRefused::Full));
    }
}
