//! Places of which each key has a number: connections of an address, streams of a user.

use std::{
    collections::HashMap,
    fmt::Debug,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts the places that each key holds. There are no more entries than places taken. Clones share it.
#[derive(Debug)]
pub struct Quota<K> {
    places_max: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Clone for Quota<K> {
    fn clone(&self) -> Self {
        Self {
            places_max: self.places_max,
            taken: Arc::clone(&self.taken),
        }
    }
}

impl<K: Copy + Eq + Hash> Quota<K> {
    /// So many places for each key; 0 is no limit.
    pub fn new(places_max: usize) -> Self {
        Self {
            places_max,
            taken: Arc::default(),
        }
    }

    /// A place of a key; `None` if the key has as many as it may have.
    pub fn take(&self, key: K) -> Option<Place<K>> {
        if self.places_max == 0 {
            return Some(Place(None));
        }
        let taken = self.change(key, |count| {
            let free = *count < self.places_max;
            *count += usize::from(free);
            free
        });
        taken.then(|| Place(Some((self.clone(), key))))
    }

    /// Whether no place is taken. (Those without limit are not counted.)
    pub fn is_unused(&self) -> bool {
        self.taken().is_empty()
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how many places a key has.
    fn change<T>(&self, key: K, change: impl FnOnce(&mut usize) -> T) -> T {
        let mut taken = self.taken();
        let count = taken.entry(key).or_default();
        let changed = change(count);
        if *count == 0 {
            taken.remove(&key);
        }
        changed
    }
}

/// A place; by default one that has no limit. Dropping it frees it.
#[derive(Debug)]
pub struct Place<K: Copy + Eq + Hash>(Option<(Quota<K>, K)>);

impl<K: Copy + Eq + Hash> Default for Place<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        if let Some((quota, key)) = &self.0 {
            quota.change(*key, |count| *count -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Quota;

    #[test]
    fn a_key_has_so_many_places_and_gets_each_back() {
        let quota = Quota::new(2);
        let first = quota.take('a').unwrap();
        let second = quota.take('a').unwrap();
        assert!(quota.take('a').is_none());
        assert!(quota.take('b').is_some());
        drop(first);
        let third = quota.take('a').unwrap();
        assert!(quota.take('a').is_none());
        drop((second, third));
        assert!(quota.is_unused());
    }

    #[test]
    fn zero_is_no_limit() {
        let quota = Quota::new(0);
        let held: Vec<_> = (0..5).map(|_| quota.take('a').unwrap()).collect();
        assert_eq!(held.len(), 5);
    }
}
