//! The API and the reconciler as real processes.
//!
//! | module | owns |
//! | --- | --- |
//! | [`process`] | one process: started, signalled, reaped, and restarted if it is supervised |
//! | [`error`] | why a process could not be started or signalled |
//! | [`launch`] | how a process is started, and where its output goes |
//! | [`api`], [`reconciler`] | how each program is started, and when it is ready |
//!
//! The whole interface blocks and belongs to no async runtime, as in `servers`. Async code that must not block calls
//! it from `spawn_blocking`.

pub mod api;
pub mod error;
pub mod launch;
pub mod process;
pub mod reconciler;

pub use api::{ApiOptions, ApiProcess};
pub use error::ProcessError;
pub use process::Process;
pub use reconciler::ReconcilerProcess;
