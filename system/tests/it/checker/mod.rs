//! The checker itself: it must reject a history for each kind of violation, and must not reject any correct history.

mod answers;
mod gate;
mod ledger;
mod order_of_events;
mod passes;
mod streams;
mod window;
mod world;
