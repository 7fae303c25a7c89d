//! Buyers, and the API processes that bring their purchases to the gate: `api/src/purchases/batcher/lane.rs`.

use crate::{
    gate::{Admission, Known},
    invariant::Invariant,
    rules::Rule,
    state::{Api, BUYERS, Call, Gate, Marks, ORDERS, SaleState, State, Stray, Verdict, bit, count},
    steps::{Next, Setting, Step},
};

pub fn steps(setting: &Setting, state: &State, next: &mut Next) {
    for index in 0..setting.apis {
        match state.apis[index].call {
            Call::None => asks(setting, state, index, next),
            Call::Sent => next.push((Step::Admit(index), admit(setting, state, index))),
            Call::HalfDone => next.push((Step::Mark(index), mark(state, index))),
            Call::Answered => next.push((Step::Answer(index), answer(setting, state, index))),
        }
    }
    if count(&state.stray.batch) > 0 {
        let mut after = *state;
        let Stray {
            batch,
            seen,
            version,
            told,
        } = state.stray;
        after.stray = Stray::default();
        let known = Known {
            seen,
            version,
            witnesses: [told, Default::default()],
        };
        let answer = decide(setting, &mut after, &batch, known);
        if !setting.without.keeps(Rule::MarksComeWithTheEntry) {
            after.gate.mark(&winners(&batch, &answer));
        }
        next.push((Step::StrayAdmit, after));
    }
}

/// If no fault can affect an API any more, other steps before its answer make no difference: the answer goes first.
pub fn only_answers(setting: &Setting, state: &State, next: &mut Next) -> bool {
    let left = &state.left;
    if left.api_crashes + left.lost_replies + left.rollbacks + left.emptyings > 0 {
        return false;
    }
    let answered = (0..setting.apis)
        .find(|index| state.apis[*index].call == Call::Answered && state.apis[*index].asked);
    if let Some(index) = answered {
        next.push((Step::Answer(index), answer(setting, state, index)));
    }
    answered.is_some()
}

/// Purchases that an idle API may get. Buyers who never asked are alike: the first goes first.
fn asks(setting: &Setting, state: &State, index: usize, next: &mut Next) {
    // A process without a lane first asks the ledger whether there is anything to sell.
    let new = state.apis[index].seen.0 == 0;
    if !state.ledger.there || (new && state.ledger.state == SaleState::Settled) {
        return;
    }
    let untouched = |buyer: usize| state.left.tries[buyer] > 0 && !state.past.asked[buyer];
    for buyer in 0..BUYERS {
        if untouched(buyer) && (0..buyer).any(untouched) {
            continue;
        }
        for order in orders(setting, state, buyer) {
            let mut batch = Marks::default();
            batch[buyer] = order;
            next.push((Step::Ask(index, batch), ask(state, index, &batch)));
            if setting.batch_max < 2 {
                continue;
            }
            for other in buyer + 1..BUYERS {
                if untouched(other) && (0..other).any(|first| first != buyer && untouched(first)) {
                    continue;
                }
                for order in orders(setting, state, other) {
                    let mut batch = batch;
                    batch[other] = order;
                    next.push((Step::Ask(index, batch), ask(state, index, &batch)));
                }
            }
        }
    }
}

/// The orders that a buyer may ask for now: the first one, and after that a new one, too.
fn orders(setting: &Setting, state: &State, buyer: usize) -> std::ops::RangeInclusive<u8> {
    let last = if state.left.tries[buyer] == 0 {
        0
    } else if state.past.asked[buyer] && setting.new_orders {
        ORDERS
    } else {
        1
    };
    1..=last
}

fn ask(state: &State, index: usize, batch: &Marks) -> State {
    let mut after = *state;
    for buyer in (0..BUYERS).filter(|buyer| batch[*buyer] > 0) {
        after.left.tries[buyer] -= 1;
        after.past.asked[buyer] = after.left.tries[buyer] > 0;
    }
    after.apis[index].batch = *batch;
    send(&mut after, index);
    after
}

/// Asks the ledger if that is due, and sends the call.
fn send(state: &mut State, index: usize) {
    let standing = (state.ledger.base, state.ledger.posted);
    let (_, (buyer, order)) = state.ledger.last;
    let api = &mut state.apis[index];
    if !api.asked {
        api.seen = api.seen.max(standing);
        api.told = (standing.0, buyer, order);
        api.version = state.ledger.version;
        api.asked = true;
    } else if api.cold {
        if api.seen.0 > state.ledger.epoch {
            (api.seen, api.told, api.own) = (standing, Default::default(), Default::default());
        }
        // Newer terms are not asked for: the gate must catch up once, not for ever.
        api.version = api.version.min(state.ledger.version);
    }
    api.cold = false;
    api.call = Call::Sent;
}

fn admit(setting: &Setting, state: &State, index: usize) -> State {
    let mut after = *state;
    let api = state.apis[index];
    let told = if setting.without.keeps(Rule::TheLedgersLastIsChecked) {
        api.told
    } else {
        Default::default()
    };
    let own = if setting.without.keeps(Rule::TheProcessesLastIsChecked) {
        api.own
    } else {
        Default::default()
    };
    let known = Known {
        seen: api.seen,
        version: api.version,
        witnesses: [told, own],
    };
    let answer = decide(setting, &mut after, &api.batch, known);
    if state.gate.lacks(api.own) && after.gate.entries() > state.gate.entries() {
        after.breaks(Invariant::NoLossGoesUnnoticed);
    }
    let whole = setting.without.keeps(Rule::MarksComeWithTheEntry);
    let api = &mut after.apis[index];
    (api.verdicts, api.progress) = (answer.verdicts, answer.progress);
    api.call = if whole {
        Call::Answered
    } else {
        Call::HalfDone
    };
    after
}

/// The script, and the invariants that concern this very call.
fn decide(setting: &Setting, state: &mut State, batch: &Marks, known: Known) -> Admission {
    let before = state.gate;
    let answer = state.gate.admit(
        setting.without,
        batch,
        known,
        (state.time, state.past.history),
    );
    let sold = state.gate.entries() > before.entries();
    let Gate {
        there,
        lost,
        closed,
        terms,
        ..
    } = state.gate;
    let shut = !there || lost || closed || terms.version < known.version;
    if answer.verdicts.contains(&Verdict::Cold) && !shut {
        state.breaks(Invariant::ColdIsSeen);
    }
    let (version, past) = (before.terms.version + 1, &mut state.past);
    if sold && past.rollback_was_noticed {
        state.breaks(Invariant::NothingSoldOnceNoticed);
    } else if before.there && !before.lost && !before.closed {
        let again =
            (sold && past.ended_at == version) || (answer.not_started && past.begun_at == version);
        if answer.ended {
            past.ended_at = version;
        } else if sold {
            past.begun_at = version;
        }
        if again {
            state.breaks(Invariant::TheClockNeverGoesBack);
        }
    }
    answer
}

fn winners(batch: &Marks, answer: &Admission) -> Marks {
    let mut winners = *batch;
    for (winner, verdict) in winners.iter_mut().zip(answer.verdicts) {
        *winner *= u8::from(verdict == Verdict::Admitted);
    }
    winners
}

fn mark(state: &State, index: usize) -> State {
    let mut after = *state;
    let api = &mut after.apis[index];
    let answer = Admission {
        verdicts: api.verdicts,
        ..Admission::default()
    };
    api.call = Call::Answered;
    after.gate.mark(&winners(&api.batch, &answer));
    after
}

/// The answer arrives. If the connection was made again meanwhile, the process does not trust it, and repeats the call.
fn answer(setting: &Setting, state: &State, index: usize) -> State {
    let mut after = *state;
    let api = &mut after.apis[index];
    api.seen = api.seen.max(api.progress);
    let believed = api.asked
        || !setting
            .without
            .keeps(Rule::AskedAgainIfReconnectedMeanwhile);
    if !believed {
        (api.verdicts, api.progress) = Default::default();
        send(&mut after, index);
        return after;
    }
    let Api {
        batch,
        verdicts,
        progress,
        ..
    } = *api;
    for (buyer, verdict) in verdicts.into_iter().enumerate() {
        match verdict {
            Verdict::Admitted => {
                after.past.told[buyer] |= bit(batch[buyer]);
                if setting.watches {
                    after.apis[index].own = (progress.0, buyer as u8, batch[buyer]);
                }
            }
            Verdict::Duplicate(order) => after.past.told[buyer] |= bit(order),
            Verdict::None
            | Verdict::SoldOut
            | Verdict::NotStarted
            | Verdict::Ended
            | Verdict::Paused
            | Verdict::Cold => {}
        }
    }
    let api = &mut after.apis[index];
    api.idle();
    api.cold = verdicts.contains(&Verdict::Cold);
    after
}
