//! The search: breadth first, so that the first counterexample is a shortest one, over all states within a scenario's
//! bounds. Then it goes backwards from the states of rest, along the steps that need neither a fault nor a person, to
//! find states from which no rest is reached.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use crate::{
    invariant::Invariant,
    invariants,
    state::State,
    steps::{Next, Setting, Step},
    successors::successors,
};

/// The number of changes of terms after which a run is not followed.
const VERSIONS_MAX: u8 = 24;
/// The number of states that is too large for a test.
const STATES_MAX: usize = 2_000_000;
/// No state.
const NONE: u32 = u32::MAX;

/// The result of a search.
pub struct Searched {
    /// States that were reached.
    pub states: usize,
    /// States that were not followed.
    pub cut: usize,
    /// States of rest.
    pub rests: usize,
    /// A shortest way to a broken invariant, if one breaks.
    pub counterexample: Option<Counterexample>,
}

impl Searched {
    fn with(table: &Table, counterexample: Counterexample) -> Self {
        let counterexample = Some(counterexample);
        Self {
            states: table.states.len(),
            cut: 0,
            rests: 0,
            counterexample,
        }
    }
}

/// The broken invariant, and a shortest way there.
pub struct Counterexample {
    /// What breaks.
    pub invariant: Invariant,
    pub(crate) steps: Vec<Step>,
    pub(crate) last: State,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:4}. {step}", number + 1)?;
        }
        let State {
            gate,
            ledger,
            past,
            workers,
            posters,
            apis,
            ..
        } = &self.last;
        writeln!(f, "  breaks {:?}: {past:?}", self.invariant)?;
        writeln!(
            f,
            "  {gate:?}\n  {ledger:?}\n  {apis:?}\n  {posters:?}\n  {workers:?}"
        )
    }
}

/// Multiplies and rotates: good enough for a table, and quick without optimisation.
#[derive(Default)]
struct Mix(u64);

impl Mix {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            self.add(
                chunk
                    .iter()
                    .fold(0, |word, byte| word << 8 | u64::from(*byte)),
            );
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_isize(&mut self, number: isize) {
        self.add(number.cast_unsigned() as u64);
    }
}

/// States by number, in the order of discovery.
struct Table {
    states: Vec<State>,
    parents: Vec<u32>,
    places: Vec<u32>,
}

impl Table {
    fn new() -> Self {
        Self {
            states: Vec::new(),
            parents: Vec::new(),
            places: vec![NONE; 1 << 12],
        }
    }

    /// Hashes the parts that differ most: the rest is compared.
    fn hash(state: &State) -> usize {
        let State {
            gate,
            ledger,
            past,
            left,
            ..
        } = state;
        let mut hasher = Mix::default();
        (gate, ledger.orders, past, left).hash(&mut hasher);
        (ledger.version, ledger.epoch, ledger.base, ledger.posted).hash(&mut hasher);
        (state.apis, state.posters, state.workers, state.stray).hash(&mut hasher);
        (state.copy.marks, state.time).hash(&mut hasher);
        hasher.finish() as usize
    }

    fn place(&self, state: &State) -> usize {
        let mask = self.places.len() - 1;
        let mut place = Self::hash(state) & mask;
        while self.places[place] != NONE && self.states[self.places[place] as usize] != *state {
            place = (place + 1) & mask;
        }
        place
    }

    /// The number of a state. Adds the state if it is new.
    fn add(&mut self, state: State, parent: u32) -> u32 {
        let place = self.place(&state);
        if self.places[place] != NONE {
            return self.places[place];
        }
        let number = self.states.len() as u32;
        self.places[place] = number;
        self.states.push(state);
        self.parents.push(parent);
        if self.states.len() * 2 > self.places.len() {
            self.places = vec![NONE; self.places.len() * 2];
            for number in 0..self.states.len() {
                let place = self.place(&self.states[number]);
                self.places[place] = number as u32;
            }
        }
        number
    }
}

/// The fair steps from each state: `begins` gives the place in `leads`, which holds the next states' numbers.
struct FairSteps {
    begins: Vec<u32>,
    leads: Vec<u32>,
}

/// Searches everything that can follow from a first state.
pub fn search(setting: &Setting, first: State) -> Searched {
    let mut table = Table::new();
    table.add(first.canonical(), NONE);
    let mut fair = FairSteps {
        begins: vec![0],
        leads: Vec::new(),
    };
    let (mut next, mut rests, mut cut) = (Next::new(), Vec::new(), Vec::new());
    let mut number = 0;
    while number < table.states.len() {
        let state = table.states[number];
        let wrong = match (
            invariants::broken(setting, &state),
            invariants::at_rest(setting, &state),
        ) {
            (Some(invariant), _) | (None, Some(Err(invariant))) => Some(invariant),
            (None, Some(Ok(()))) => {
                rests.push(number as u32);
                None
            }
            (None, None) => None,
        };
        if let Some(invariant) = wrong {
            return Searched::with(&table, trace(setting, &table, first, number, invariant));
        }
        if state.ledger.epoch > setting.epochs_max || state.ledger.version > VERSIONS_MAX {
            cut.push(number as u32);
        } else {
            successors(setting, &state, &mut next);
        }
        for (step, after) in next.drain(..) {
            let reached = table.add(judged(step, &state, after).canonical(), number as u32);
            if step.is_fair() {
                fair.leads.push(reached);
            }
        }
        fair.begins.push(fair.leads.len() as u32);
        number += 1;
        assert!(number < STATES_MAX, "the scenario is too large: {state:?}");
    }
    let (resting, unfollowed) = (rests.len(), cut.len());
    rests.append(&mut cut);
    let stuck = first_stuck(&fair, rests);
    let counterexample =
        stuck.map(|number| trace(setting, &table, first, number, Invariant::RestIsReached));
    Searched {
        states: number,
        cut: unfollowed,
        rests: resting,
        counterexample,
    }
}

/// The state after a step, with the invariant that the step itself breaks.
fn judged(step: Step, before: &State, mut after: State) -> State {
    if let Some(invariant) = invariants::step_breaks(step.is_fair(), before, &after) {
        after.breaks(invariant);
    }
    after
}

/// The first state from which none of `rests` is reached.
fn first_stuck(fair: &FairSteps, mut reached: Vec<u32>) -> Option<usize> {
    let FairSteps { begins, leads } = fair;
    let states = begins.len() - 1;
    // The same steps backwards, by the state to which they lead.
    let mut ends = vec![0_u32; states + 1];
    for to in leads {
        ends[*to as usize + 1] += 1;
    }
    for number in 0..states {
        ends[number + 1] += ends[number];
    }
    let (mut origins, mut filled) = (vec![0_u32; leads.len()], ends.clone());
    for from in 0..states {
        for to in &leads[begins[from] as usize..begins[from + 1] as usize] {
            let place = &mut filled[*to as usize];
            origins[*place as usize] = from as u32;
            *place += 1;
        }
    }
    let mut reaches = vec![false; states];
    reached
        .iter()
        .for_each(|number| reaches[*number as usize] = true);
    while let Some(number) = reached.pop() {
        let number = number as usize;
        for from in &origins[ends[number] as usize..ends[number + 1] as usize] {
            if !std::mem::replace(&mut reaches[*from as usize], true) {
                reached.push(*from);
            }
        }
    }
    reaches.iter().position(|reaches| !reaches)
}

/// A shortest way to a state.
fn trace(
    setting: &Setting,
    table: &Table,
    first: State,
    number: usize,
    invariant: Invariant,
) -> Counterexample {
    let mut path = vec![number];
    while table.parents[path[path.len() - 1]] != NONE {
        path.push(table.parents[path[path.len() - 1]] as usize);
    }
    // Repeats the steps, because the table has the processes in another order.
    let (mut state, mut steps) = (first, Vec::new());
    for number in path.iter().rev().skip(1) {
        let mut next = Next::new();
        successors(setting, &state, &mut next);
        let leads_there = |(step, after): &(Step, State)| {
            let after = judged(*step, &state, *after);
            (after.canonical() == table.states[*number]).then_some((*step, after))
        };
        let found = next.iter().find_map(leads_there);
        let (step, after) = found.expect("each state but the first is reached by a step");
        steps.push(step);
        state = after;
    }
    Counterexample {
        invariant,
        steps,
        last: state,
    }
}
