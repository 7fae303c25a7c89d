//! Mistakes in a command line that clap does not find: exit status 2.

use std::fmt::Write as _;

use sale::invalid::Invalid;

/// The fault in the command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

impl From<Invalid> for WrongUse {
    /// Fields are named like their options: `imageUrl must ...` becomes `--image-url must ...`.
    fn from(invalid: Invalid) -> Self {
        let fault = invalid.fault.split(' ').map(|word| {
            if word.contains(char::is_uppercase) && word.starts_with(char::is_lowercase) {
                option(word)
            } else {
                word.to_owned()
            }
        });
        let fault: Vec<String> = fault.collect();
        Self(format!("{} {}", option(invalid.field), fault.join(" ")))
    }
}

/// `--image-url` for `imageUrl`.
fn option(field: &str) -> String {
    let mut option = "--".to_owned();
    for letter in field.chars() {
        if letter.is_uppercase() {
            option.push('-');
        }
        // Writing to a string does not fail.
        let _ = write!(option, "{}", letter.to_lowercase());
    }
    option
}

#[cfg(test)]
mod tests {
    use sale::invalid::Invalid;

    use super::WrongUse;

    #[test]
    fn a_field_is_named_as_its_option() {
        let of = |field, fault: &str| {
            let fault = fault.to_owned();
            WrongUse::from(Invalid { field, fault }).0
        };
        assert_eq!(
            of("endTime", "must be after startTime"),
            "--end-time must be after --start-time"
        );
        assert_eq!(
            of("name", "must not contain the control character U+0000"),
            "--name must not contain the control character U+0000"
        );
    }
}
