//! How many streams there may be, and how long one may be silent.

use std::time::Duration;

/// The limits on streams.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// In all.
    pub streams_max: usize,
    /// Of one user; 0 is no limit.
    pub per_user_max: usize,
    /// Of one address; 0 is no limit.
    pub per_address_max: usize,
    /// After this time without an event a stream sends a comment.
    pub silence_max: Duration,
}
