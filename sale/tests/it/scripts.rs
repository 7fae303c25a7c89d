//! The scripts of the gate, on a real Redis: named properties, and random histories against a
//! model.

mod admit;
mod clock;
mod consumers;
mod forget;
mod full;
mod install;
mod model;
mod random;
mod steps;
mod sync;
mod terms;
