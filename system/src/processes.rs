//! The API and the reconciler as real processes.
//!
//! | module | owns |
//! | --- | --- |
//! | [`launch`] | how a process is started, and where its output goes |
//! | [`api`], [`reconciler`] | how each program is started, and when it is ready |
//!
//! The whole interface blocks and belongs to no async runtime, as in `servers`. Async code that must not block calls
//! it from `spawn_blocking`.

pub mod api;
pub mod launch;
pub mod reconciler;

pub use api::{ApiOptions, ApiProcess};
pub use launch::Launch;
pub use reconciler::ReconcilerProcess;

/// A process of one of our programs. Dropping the value ends it.
pub type Process = servers::Supervisor<Launch>;
