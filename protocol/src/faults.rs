//! The faults: processes die, messages and servers' memories are lost, clocks are set back. Each uses up a part of the
//! scenario's budget.

use crate::{
    posting,
    rules::Rule,
    state::{
        Api, BUYERS, Call, Entry, Gate, Hand, ORDERS, Owner, Poster, State, Stray, Worker, bit,
        count,
    },
    steps::{Next, Setting, Step},
    tasks::Task,
};

pub fn steps(setting: &Setting, state: &State, next: &mut Next) {
    apis(setting, state, next);
    posters(setting, state, next);
    for index in (0..setting.workers).filter(|index| state.workers[*index].task != Task::Idle) {
        if state.left.worker_crashes > 0 {
            let mut after = *state;
            after.left.worker_crashes -= 1;
            after.workers[index] = Worker::default();
            next.push((Step::CrashWorker(index), after));
        }
    }
    for index in (0..setting.workers).filter(|index| state.workers[*index].locks) {
        if state.left.lost_locks > 0 {
            let mut after = *state;
            after.left.lost_locks -= 1;
            after.workers[index].locks = false;
            next.push((Step::LoseLock(index), after));
        }
    }
    gates(setting, state, next);
    ledgers(state, next);
    if state.left.set_backs > 0 && state.time > 0 {
        let mut after = *state;
        after.left.set_backs -= 1;
        after.time -= 1;
        next.push((Step::SetBack, after));
    }
}

/// A process that has just started.
pub fn new_api(setting: &Setting) -> Api {
    Api {
        asked: !setting.without.keeps(Rule::LedgerIsAskedFirst),
        ..Api::default()
    }
}

fn apis(setting: &Setting, state: &State, next: &mut Next) {
    for index in 0..setting.apis {
        let api = &state.apis[index];
        if state.left.api_crashes > 0 && *api != new_api(setting) {
            let mut after = *state;
            after.left.api_crashes -= 1;
            after.apis[index] = new_api(setting);
            next.push((Step::CrashApi(index), after));
        }
        if state.left.lost_replies == 0 || !matches!(api.call, Call::Sent | Call::Answered) {
            continue;
        }
        let mut after = *state;
        after.left.lost_replies -= 1;
        after.apis[index].idle();
        if api.call == Call::Answered {
            next.push((Step::LoseAnswer(index), after));
        } else if count(&state.stray.batch) == 0 {
            after.stray = Stray {
                batch: api.batch,
                seen: api.seen,
                version: api.version,
                told: api.told,
            };
            next.push((Step::Abandon(index), after));
        }
    }
}

fn posters(setting: &Setting, state: &State, next: &mut Next) {
    for index in 0..setting.posters {
        let me = Owner::Poster(index as u8);
        if state.left.poster_crashes > 0 && state.posters[index].hand != Hand::Empty {
            let mut after = *state;
            after.left.poster_crashes -= 1;
            after.posters[index] = Poster::default();
            let entries = after.gate.journal.iter_mut().chain(&mut after.copy.journal);
            entries
                .filter(|entry| entry.owner == me)
                .for_each(|entry| entry.owner = Owner::Dead);
            next.push((Step::CrashPoster(index), after));
        }
        if state.left.unreadable > 0 && state.posters[index].hand == Hand::Read && state.gate.there
        {
            let mut after = posting::unreadable(setting, state, index);
            after.left.unreadable -= 1;
            next.push((Step::Unreadable(index), after));
        }
        if state.posters[index].hand != Hand::Empty || !state.gate.group {
            continue;
        }
        let fresh = |entry: &&Entry| entry.is_there() && entry.owner == Owner::Nobody;
        if let Some(entry) = state.gate.journal.iter().find(fresh)
            && state.left.lost_replies > 0
        {
            let mut after = posting::deliver(state, index, entry);
            after.left.lost_replies -= 1;
            next.push((Step::LoseRead(index), after));
        }
        let other = Owner::Poster(1 - index as u8);
        let theirs = |entry: &&Entry| entry.is_there() && entry.owner == other;
        if let Some(entry) = state.gate.journal.iter().find(theirs)
            && state.left.slow_posters > 0
        {
            let mut after = posting::take(state, index, entry);
            after.left.slow_posters -= 1;
            next.push((Step::ClaimFromTheLiving(index), after));
        }
    }
}

fn gates(setting: &Setting, state: &State, next: &mut Next) {
    let (gate, left) = (&state.gate, &state.left);
    let mut happen = |step: Step, change: &dyn Fn(&mut State)| {
        let mut after = *state;
        change(&mut after);
        next.push((step, after));
    };
    if left.lost_groups > 0 && gate.group {
        happen(Step::LoseGroup, &|after| {
            after.left.lost_groups -= 1;
            after.gate.group = false;
            after
                .gate
                .journal
                .iter_mut()
                .for_each(|entry| entry.owner = Owner::Nobody);
        });
    }
    if left.lost_entries > 0 && gate.entries() > 0 {
        happen(Step::LoseEntry, &|after| {
            after.left.lost_entries -= 1;
            after.gate.journal.rotate_left(1);
            let last = after.gate.journal.len() - 1;
            after.gate.journal[last] = Entry::default();
        });
    }
    let dead = gate.journal.iter().any(|entry| entry.owner == Owner::Dead);
    if dead && !setting.without.keeps(Rule::HoldersAreNotRemoved) {
        happen(Step::RemoveReader, &|after| {
            let held = after
                .gate
                .journal
                .iter_mut()
                .filter(|entry| entry.owner == Owner::Dead);
            held.for_each(|entry| entry.owner = Owner::Stranded);
        });
    }
    if left.copies > 0 && gate.there {
        happen(Step::Copy, &|after| {
            after.left.copies -= 1;
            after.copy = after.gate;
        });
    }
    if left.rollbacks > 0 && state.copy.there {
        happen(Step::RollBack, &|after| {
            after.left.rollbacks -= 1;
            lose(setting, after, after.copy);
            after.copy = Gate::default();
        });
    }
    if left.emptyings > 0 && gate.there {
        happen(Step::Empty, &|after| {
            after.left.emptyings -= 1;
            lose(setting, after, Gate::default());
        });
    }
}

/// Replaces the gate, and every connection to it. Purchases that only the old gate had are lost, and no promise holds
/// for them.
fn lose(setting: &Setting, state: &mut State, gate: Gate) {
    let old = state.gate;
    let carries = |entries: &[Entry], buyer: usize, order: u8| {
        entries.iter().any(|entry| entry.winners[buyer] == order)
    };
    for buyer in 0..BUYERS {
        for order in 1..=ORDERS {
            let had = old.marks[buyer] == order || carries(&old.journal, buyer, order);
            let kept = state.ledger.knows(buyer, order) || carries(&gate.journal, buyer, order);
            if had && !kept {
                state.past.excused[buyer] |= bit(order);
            }
        }
    }
    state.past.gate_was_rolled_back |= gate.there;
    state.gate = gate;
    state.past.history += 1;
    state.past.gate_is_old = true;
    if setting.without.keeps(Rule::LedgerIsAskedAfterAReconnect) {
        state
            .apis
            .iter_mut()
            .take(setting.apis)
            .for_each(|api| api.asked = false);
    }
}

fn ledgers(state: &State, next: &mut Next) {
    if state.left.ledger_copies > 0 && state.ledger.there {
        let mut after = *state;
        after.left.ledger_copies -= 1;
        after.ledger_copy = state.ledger;
        next.push((Step::CopyLedger, after));
    }
    if state.left.ledger_rollbacks == 0 || !state.ledger_copy.there {
        return;
    }
    let mut after = *state;
    after.left.ledger_rollbacks -= 1;
    (after.ledger, after.ledger_copy) = (state.ledger_copy, Default::default());
    after.past.ledger_was_rolled_back = true;
    // Its connections are gone, and the locks with them.
    after
        .workers
        .iter_mut()
        .for_each(|worker| worker.locks = false);
    let (old, new) = (&state.ledger, &after.ledger);
    let forgets_a_change = old.cancelled != new.cancelled || old.units != new.units;
    for buyer in 0..BUYERS {
        for order in 1..=ORDERS {
            let had = old.knows(buyer, order);
            let kept = new.knows(buyer, order) || state.gate.marks[buyer] == order;
            if (had && !kept) || forgets_a_change {
                after.past.excused[buyer] |= bit(order);
            }
        }
    }
    next.push((Step::RollBackLedger, after));
}
