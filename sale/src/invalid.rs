//! What is wrong with a field that somebody sent.

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct Invalid {
    /// The field's name in the API.
    pub field: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub fault: String,
}

impl Invalid {
    /// A fault of a field.
    pub fn new(field: &'static str, fault: impl Into<String>) -> Self {
        Self {
            field,
            fault: fault.into(),
        }
    }
}
