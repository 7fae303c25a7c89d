//! The posters, and the faults of the journal's consumer group: `reconciler/src/poster.rs`, `sale/src/journal.rs`. A
//! poster has one entry in hand at a time.

use crate::{
    ledger::Posted,
    rules::Rule,
    state::{Entry, Hand, Marks, Owner, Poster, State, count},
    steps::{Next, Setting, Step},
};

pub fn steps(setting: &Setting, state: &State, next: &mut Next) {
    for index in 0..setting.posters {
        match state.posters[index].hand {
            Hand::Empty => reads(setting, state, index, next),
            Hand::Read if !setting.without.keeps(Rule::PostLocksFirst) => {
                next.push((Step::LookWhatIsPosted(index), look(state, index)));
            }
            Hand::Read if !setting.without.keeps(Rule::PostedBeforeForgotten) => {
                next.push((Step::Forget(index), forget(setting, state, index)));
            }
            Hand::Read | Hand::Known | Hand::Forgotten => {
                next.push((Step::Post(index), post(setting, state, index)));
            }
            Hand::Posted => next.push((Step::Forget(index), forget(setting, state, index))),
        }
    }
    let journal = &state.gate.journal;
    let stranded = journal.iter().any(|entry| entry.owner == Owner::Stranded);
    if stranded && setting.without.keeps(Rule::StrandedIsDeliveredAgain) {
        let mut after = *state;
        for entry in after.gate.journal.iter_mut() {
            entry.owner = Owner::Nobody;
        }
        next.push((Step::DeliverAgain, after));
    }
}

/// The same for a single poster that reads.
pub fn only_reads(setting: &Setting, state: &State, next: &mut Next) -> bool {
    let left = &state.left;
    let faults = left.poster_crashes
        + left.lost_replies
        + left.slow_posters
        + left.lost_groups
        + left.rollbacks
        + left.emptyings
        + left.lost_entries;
    if faults == 0 && setting.posters == 1 && state.posters[0].hand == Hand::Empty {
        reads(setting, state, 0, next);
    }
    !next.is_empty()
}

fn reads(setting: &Setting, state: &State, index: usize, next: &mut Next) {
    let me = Owner::Poster(index as u8);
    let mut of = |owner: Owner, step: Step| {
        let found = |entry: &&Entry| entry.is_there() && entry.owner == owner;
        if let Some(entry) = state.gate.journal.iter().find(found) {
            next.push((step, take(state, index, entry)));
        }
    };
    if state.gate.group {
        of(Owner::Nobody, Step::Read(index));
        if setting.without.keeps(Rule::DeliveredIsReadAgain) {
            of(me, Step::ReadAgain(index));
        }
        if setting.without.keeps(Rule::DeadReadersAreClaimed) {
            of(Owner::Dead, Step::Claim(index));
        }
    } else if state.gate.entries() > 0 {
        next.push((Step::Read(index), make_group(setting, state)));
    }
}

/// Delivers the entry to the poster.
pub fn take(state: &State, index: usize, entry: &Entry) -> State {
    let mut after = deliver(state, index, entry);
    let entry = Entry {
        owner: Owner::Nobody,
        ..*entry
    };
    after.posters[index] = Poster {
        hand: Hand::Read,
        entry,
        ..Poster::default()
    };
    after
}

pub fn deliver(state: &State, index: usize, entry: &Entry) -> State {
    let mut after = *state;
    for held in after
        .gate
        .journal
        .iter_mut()
        .filter(|held| held.is_there() && held.id() == entry.id())
    {
        held.owner = Owner::Poster(index as u8);
    }
    after
}

fn make_group(setting: &Setting, state: &State) -> State {
    let mut after = *state;
    after.gate.group = true;
    if !setting.without.keeps(Rule::GroupsBeginAtZero) {
        for entry in after
            .gate
            .journal
            .iter_mut()
            .filter(|entry| entry.is_there())
        {
            entry.owner = Owner::Stranded;
        }
    }
    after
}

fn look(state: &State, index: usize) -> State {
    let mut after = *state;
    let poster = &mut after.posters[index];
    poster.hand = Hand::Known;
    poster.known = Marks::default();
    for (buyer, known) in poster.known.iter_mut().enumerate() {
        if poster.entry.winners[buyer] > 0 {
            *known = state.ledger.orders[buyer];
        }
    }
    after
}

fn post(setting: &Setting, state: &State, index: usize) -> State {
    let mut after = *state;
    let poster = &mut after.posters[index];
    let known = (poster.hand == Hand::Known).then_some(poster.known);
    match after
        .ledger
        .post(setting.without, &poster.entry, known.as_ref())
    {
        Posted::Done { lost } if poster.hand != Hand::Forgotten => {
            poster.hand = Hand::Posted;
            poster.known = Marks::default();
            poster.lost = lost;
        }
        // Ahead: the poster drops the entry, and reads it again later.
        Posted::Done { .. } | Posted::Ahead => *poster = Poster::default(),
        Posted::Failed => {
            poster.hand = Hand::Read;
            poster.known = Marks::default();
        }
    }
    after
}

/// The entry in hand is unreadable: the poster posts the gate's marks instead, at the gate's epoch. One step here,
/// because a crash in between leaves the entry, and everything is repeated.
pub fn unreadable(setting: &Setting, state: &State, index: usize) -> State {
    let mut after = *state;
    let gate = &mut after.gate;
    let hand = Entry {
        winners: Marks::default(),
        ..after.posters[index].entry
    };
    let (taken, winners) = (count(&gate.marks), gate.marks);
    let marks = Entry {
        epoch: gate.epoch,
        taken,
        winners,
        ..Entry::default()
    };
    after.posters[index] = Poster::default();
    if let Posted::Done { lost } = after.ledger.post(setting.without, &marks, None) {
        let tells = setting.without.keeps(Rule::MarksTellALoss);
        after
            .gate
            .forget(setting.without, &hand, if tells { lost } else { 0 });
    }
    after
}

fn forget(setting: &Setting, state: &State, index: usize) -> State {
    let mut after = *state;
    let poster = &mut after.posters[index];
    let (entry, lost) = (poster.entry, poster.lost);
    if poster.hand == Hand::Read {
        poster.hand = Hand::Forgotten;
    } else {
        *poster = Poster::default();
    }
    after.gate.forget(setting.without, &entry, lost);
    after
}
