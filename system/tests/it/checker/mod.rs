//! The checker itself: for each thing that can be wrong a history in which it is, which must be
//! refused, and none of what is right may be.

mod answers;
mod gate;
mod ledger;
mod order_of_events;
mod passes;
mod window;
mod world;
