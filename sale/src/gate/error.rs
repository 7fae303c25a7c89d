//! Why a gate gave no answer.

use fred::error::{Error as RedisError, ErrorKind};

use crate::connections::InvalidSetting;

/// Why the gate gave no answer. Every call to Redis can fail with [`GateError::Unavailable`] or
/// [`GateError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Redis refused the command: it had no effect.
    #[error("the gate is not available")]
    Unavailable(#[source] RedisError),
    /// The connection failed or the time ran out: the command may have had its effect.
    #[error("the gate did not answer")]
    OutcomeUnknown(#[source] RedisError),
    /// Redis gave another answer than the script returns.
    #[error("the gate answered out of form: {0}")]
    Malformed(String),
    /// Too few replicas acknowledged in time: the command had its effect, and may be lost with this
    /// Redis.
    #[error("{acknowledged} replicas acknowledged, of {wanted} that must")]
    Unacknowledged {
        /// How many acknowledged.
        acknowledged: u32,
        /// How many had to acknowledge.
        wanted: u32,
    },
    /// Redis is configured in a way that would lose sales.
    #[error("{0}")]
    Unsafe(String),
    /// A setting cannot be used. Nothing was sent.
    #[error(transparent)]
    Settings(#[from] InvalidSetting),
    /// No trusted TLS connection to Redis was possible. No password was sent.
    #[error("{0}")]
    Untrusted(String),
    /// Redis accepts connections but does not answer in TLS: it may be busy, or not speak TLS.
    #[error("{0}")]
    NoHandshake(String),
}

impl From<RedisError> for GateError {
    /// Only Redis itself can say that a command had no effect: its refusals begin with a word in capitals (`OOM`,
    /// `LOADING`, `ERR`). After any other error the command may have had its effect.
    fn from(error: RedisError) -> Self {
        let code = error.details().split(' ').next().unwrap_or_default();
        let refused = code.len() > 1 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if refused {
            Self::Unavailable(error)
        } else {
            Self::OutcomeUnknown(error)
        }
    }
}

impl GateError {
    /// Whether the error is a missing answer, so that nothing is wrong with the request or the data.
    pub fn is_silence(&self) -> bool {
        match self {
            Self::Unavailable(error) | Self::OutcomeUnknown(error) => matches!(
                error.kind(),
                ErrorKind::IO | ErrorKind::Timeout | ErrorKind::Canceled
            ),
            Self::NoHandshake(_) => true,
            Self::Malformed(_)
            | Self::Unacknowledged { .. }
            | Self::Unsafe(_)
            | Self::Settings(_)
            | Self::Untrusted(_) => false,
        }
    }
}
