//! What every reply carries.
//!
//! | module | owns |
//! | --- | --- |
//! | [`reply`] | the beginning of a reply: its body and content type |
//! | [`coding`] | compressed replies: which codings a client takes |
//! | [`name`] | short names of contents, for entity tags and addresses |
//! | [`shared`] | replies that are the same for everybody |
//! | [`request_id`] | the name of a request, in replies and in the log |
//! | [`security_headers`] | headers for browsers |
//! | [`cors`] | which pages of other origins may call |

pub mod coding;
pub mod cors;
pub mod name;
pub mod reply;
pub mod request_id;
pub mod security_headers;
pub mod shared;

/// The content type of an event stream.
pub const EVENT_STREAM: &str = "text/event-stream";
