//! What every program does at its start and its end.
//!
//! | module | owns |
//! | --- | --- |
//! | [`settings`] | reading the command line and the environment; the log and the threads |
//! | [`telemetry`] | logging, to standard error |
//! | [`signals`] | how a process learns that it must end |
//! | [`output`] | printing, also to a reader that has left |
//! | [`exit`] | what each exit status means |

pub mod exit;
pub mod output;
pub mod settings;
pub mod signals;
pub mod telemetry;
