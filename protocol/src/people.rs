//! People's actions on a sale, and the passing of time: `sale/src/lifecycle.rs`. The ledger first, in one statement,
//! and the gate second, by a worker's sync or install.

use crate::{
    install,
    state::{BUYERS, ORDERS, Purpose, Rejection, Sale, SaleState, State, Worker},
    steps::{Next, Setting, Step},
    tasks::{Replay, Settle, Task},
};

pub fn steps(setting: &Setting, state: &State, next: &mut Next) {
    // If workers are alike, any idle one takes a person's step, and only one such step is under way at a time.
    if let Some(worker) =
        (0..setting.workers).find(|index| state.workers[*index].task == Task::Idle)
    {
        if state.ledger.there {
            changes(setting, state, worker, next);
        } else if state.ledger.stock > 0 {
            next.push((Step::Create(worker), create(setting, state, worker)));
        }
    }
    if state.left.rebuilds > 0 && state.gate.there {
        let mut after = *state;
        after.left.rebuilds -= 1;
        after.gate.close();
        next.push((Step::Rebuild, after));
    }
    if state.left.ticks > 0 {
        let mut after = *state;
        after.left.ticks -= 1;
        after.time += 1;
        next.push((Step::Tick, after));
    }
}

fn create(setting: &Setting, state: &State, worker: usize) -> State {
    let mut after = *state;
    let units = state.ledger.stock;
    (after.ledger.there, after.ledger.version) = (true, 1);
    (
        after.ledger.stock,
        after.ledger.units,
        after.ledger.available,
    ) = (0, units, units);
    install::lock(setting, &mut after, worker);
    after
}

fn changes(setting: &Setting, state: &State, worker: usize, next: &mut Next) {
    let (ledger, left) = (&state.ledger, &state.left);
    let runs = ledger.state < SaleState::Ended;
    let mut change = |step: Step, changed: &dyn Fn(&mut State)| {
        let mut after = *state;
        changed(&mut after);
        let (task, sale) = if after.ledger.state == SaleState::Settled {
            (Task::Idle, Sale::default())
        } else {
            (Task::Sync, after.ledger.sale())
        };
        after.workers[worker] = Worker {
            task,
            sale,
            ..Worker::default()
        };
        next.push((step, after));
    };
    for buyer in (0..BUYERS).filter(|buyer| left.cancels > 0 && ledger.can_cancel(*buyer)) {
        change(Step::Cancel(worker, buyer), &|after| {
            after.left.cancels -= 1;
            after.ledger.cancel(setting.without, buyer);
        });
    }
    if runs && left.restocks > 0 && ledger.stock > 0 {
        change(Step::Restock(worker), &|after| {
            after.left.restocks -= 1;
            let ledger = &mut after.ledger;
            (ledger.stock, ledger.units, ledger.available) =
                (ledger.stock - 1, ledger.units + 1, ledger.available + 1);
            ledger.version += 1;
        });
    }
    if ledger.state == SaleState::Open && left.pauses > 0 {
        change(Step::Pause(worker), &|after| {
            after.left.pauses -= 1;
            (after.ledger.state, after.ledger.version) = (SaleState::Paused, ledger.version + 1);
        });
    }
    if ledger.state == SaleState::Paused {
        change(Step::Resume(worker), &|after| {
            (after.ledger.state, after.ledger.version) = (SaleState::Open, ledger.version + 1);
        });
    }
    if runs && left.moves > 0 {
        change(Step::Move(worker), &|after| {
            after.left.moves -= 1;
            after.ledger.end = if ledger.end > state.time {
                state.time
            } else {
                state.time + 1
            };
            after.ledger.version += 1;
        });
    }
    if setting.settles && ledger.state != SaleState::Settled {
        let mut after = *state;
        after.ledger.end();
        let sale = after.ledger.sale();
        after.workers[worker] = Worker {
            task: Task::Settle(Settle::Sync),
            sale,
            ..Worker::default()
        };
        next.push((Step::Settle(worker), after));
    }
    if left.replays > 0
        && ledger.state != SaleState::Settled
        && !state.workers.iter().any(|other| other.locks)
    {
        replays(state, worker, next);
    }
}

fn replays(state: &State, worker: usize, next: &mut Next) {
    for buyer in 0..BUYERS {
        for order in 1..=ORDERS {
            let rejection = state.ledger.rejections[buyer][usize::from(order - 1)];
            if rejection == Rejection::None || state.ledger.orders[buyer] > 0 {
                continue;
            }
            let mut after = *state;
            after.left.replays -= 1;
            let Sale { epoch, base, .. } = state.ledger.sale();
            after.workers[worker] = Worker {
                task: Task::Replay(Replay::Close),
                locks: true,
                purpose: Purpose::Replay,
                sale: Sale {
                    epoch,
                    base,
                    ..Sale::default()
                },
                replayed: (buyer as u8, order),
                ..Worker::default()
            };
            next.push((Step::Replay(worker, buyer, order), after));
        }
    }
}
