//! Viewers of event streams (`GET /api/flash-sale/events`), as browsers are: they read a stream, and ask for it again
//! when it ends.
//!
//! | module | owns |
//! | --- | --- |
//! | [`frames`] | the text of a stream, cut into events |
//! | [`viewer`] | a viewer: reads, reconnects, and records everything it sees |

pub mod frames;
pub mod viewer;

pub use frames::{Frame, Frames};
pub use viewer::{End, Protocol, Seen, Sight, Viewer, Viewing};
