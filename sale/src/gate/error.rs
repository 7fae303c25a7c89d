//! Why a gate gave no answer.

use fred::error::{Error as RedisError, ErrorKind};

use crate::connections::InvalidSetting;

/// The first words of refusals by a Redis that is up and cannot serve the key now.
const UNABLE: [&str; 4] = ["LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN"];

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
        let code = code(&error);
        let refused = code.len() > 1 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if refused {
            Self::Unavailable(error)
        } else {
            Self::OutcomeUnknown(error)
        }
    }
}

impl GateError {
    /// Whether the error is a missing answer, so that nothing is wrong with the request or the data: Redis is away, or
    /// up and unable to serve this key now.
    pub fn is_silence(&self) -> bool {
        match self {
            Self::Unavailable(error) | Self::OutcomeUnknown(error) => {
                UNABLE.contains(&code(error))
                    || matches!(
                        error.kind(),
                        ErrorKind::IO
                            | ErrorKind::Timeout
                            | ErrorKind::Canceled
                            | ErrorKind::Cluster
                            | ErrorKind::Routing
                            | ErrorKind::Backpressure
                    )
            }
            Self::NoHandshake(_) => true,
            Self::Malformed(_)
            | Self::Unacknowledged { .. }
            | Self::Unsafe(_)
            | Self::Settings(_)
            | Self::Untrusted(_) => false,
        }
    }

    /// Whether the key has another type than that of a gate, and so holds none of our data.
    pub fn is_wrong_type(&self) -> bool {
        match self {
            Self::Unavailable(error) => code(error) == "WRONGTYPE",
            Self::OutcomeUnknown(_)
            | Self::Malformed(_)
            | Self::Unacknowledged { .. }
            | Self::Unsafe(_)
            | Self::Settings(_)
            | Self::Untrusted(_)
            | Self::NoHandshake(_) => false,
        }
    }
}

/// The first word of an error.
fn code(error: &RedisError) -> &str {
    error.details().split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use fred::error::{Error as RedisError, ErrorKind};

    use super::GateError;

    /// An error of Redis, with the kind that fred 10.1 gives it.
    fn refusal(kind: ErrorKind, details: &'static str) -> GateError {
        RedisError::new(kind, details).into()
    }

    #[test]
    fn a_redis_that_cannot_serve_now_is_silent_and_not_a_broken_gate() {
        for (kind, details) in [
            (
                ErrorKind::Unknown,
                "LOADING Redis is loading the dataset in memory",
            ),
            (
                ErrorKind::Unknown,
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            ),
            (
                ErrorKind::Unknown,
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            ),
            (
                ErrorKind::Unknown,
                "TRYAGAIN Multiple keys request during rehashing of slot",
            ),
            (ErrorKind::Cluster, "CLUSTERDOWN The cluster is down"),
            (ErrorKind::IO, "Connection refused"),
            (ErrorKind::Timeout, "Request timed out."),
            (ErrorKind::Canceled, "Canceled"),
        ] {
            let error = refusal(kind, details);
            assert!(error.is_silence(), "{details}");
            assert!(!error.is_wrong_type(), "{details}");
        }
    }

    #[test]
    fn a_key_of_another_type_and_a_refused_command_are_answers() {
        let other_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
        let error = refusal(ErrorKind::InvalidArgument, other_type);
        assert!(error.is_wrong_type() && !error.is_silence());
        for (kind, details) in [
            (ErrorKind::Auth, "NOAUTH Authentication required."),
            (ErrorKind::Unknown, "ERR unknown command"),
            (ErrorKind::Unknown, "OOM command not allowed"),
        ] {
            let error = refusal(kind, details);
            assert!(!error.is_silence() && !error.is_wrong_type(), "{details}");
        }
        let malformed = GateError::Malformed("an id of 5 bytes".to_owned());
        assert!(!malformed.is_silence() && !malformed.is_wrong_type());
    }
}
