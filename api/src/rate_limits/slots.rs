//! The memory of the buckets: a fixed number of slots, of eight bytes each.
//!
//! A slot is one atomic number, so taking from a bucket needs no lock. Slots are allocated by the page, at first use:
//! unused pages take no memory.

use std::sync::OnceLock;

use governor::{
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};

/// Slots of one page: 4 KiB of them.
const PAGE_SLOTS: u32 = 512;

type Page = Box<[InMemoryState]>;

/// A fixed number of slots.
#[derive(Debug)]
pub struct Slots(Box<[OnceLock<Page>]>);

impl Slots {
    /// At least this many slots, in whole pages.
    pub fn new(slots: u32) -> Self {
        Self(
            (0..slots.div_ceil(PAGE_SLOTS))
                .map(|_| OnceLock::new())
                .collect(),
        )
    }
}

impl StateStore for Slots {
    type Key = u32;

    /// # Panics
    /// If there is no such slot.
    fn measure_and_replace<T, F, E>(&self, slot: &u32, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (page, place) = (slot / PAGE_SLOTS, slot % PAGE_SLOTS);
        let page = self.0[page as usize]
            .get_or_init(|| (0..PAGE_SLOTS).map(|_| InMemoryState::default()).collect());
        page[place as usize].measure_and_replace(&NotKeyed::NonKey, decide)
    }
}
