//! What people see of a sale while it sells: event streams and traffic, with real processes.
//!
//! | module | owns |
//! | --- | --- |
//! | [`crowd`] | many viewers at once, and how soon they see what happens |
//! | [`deaths`] | processes that die while streams are open |
//! | [`nginx`] | streams through a reverse proxy |
//! | [`http2`] | streams that share a connection |
//! | [`endings`] | an API that ends in order |
//! | [`silent_readers`] | viewers that do not read |
//! | [`traffic`] | what the APIs say they answered |

mod crowd;
mod deaths;
mod endings;
mod http2;
mod nginx;
#[cfg(target_os = "linux")]
mod silent_readers;
mod traffic;
