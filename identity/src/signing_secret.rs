//! The rules for a secret that signs tokens: long, and not obviously weak. Nobody can see that a secret was chosen at
//! random; sometimes one can see that it was not.

use secrecy::{ExposeSecret as _, SecretString};

/// The fewest bytes of a secret: as many as the hash has (RFC 7518, section 3.2). Repeated parts count once.
const SECRET_BYTES_MIN: usize = 32;

/// The fewest different bytes of a secret, and the fewest different steps from one byte to the next
/// (`abcdef...` has one). The smallest random secret, 32 hexadecimal digits, has five different
/// ones or fewer with a chance below C(16,5) (5/16)^32 = 3e-13; for its 31 steps, of 49 possible
/// ones, the chance is below C(49,5) (5/16)^31 = 5e-10. The 64 digits of `openssl rand -hex 32`:
/// below 1e-25. Base64 and sentences have more letters.
const DIFFERENT_MIN: usize = 6;

/// Words of secrets in examples, reduced to letters and digits.
const PLACEHOLDERS: [&str; 7] = [
    "changeme",
    "changethis",
    "changeinproduction",
    "replaceme",
    "replacethis",
    "supersecret",
    "yoursecret",
];

/// Why a secret is not safe.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It is too short.
    #[error("{setting} must have at least {SECRET_BYTES_MIN} bytes")]
    Short {
        /// Which.
        setting: &'static str,
    },
    /// It is long enough, but easy to guess.
    #[error("{setting} {why}: make one with `openssl rand -hex 32`")]
    Weak {
        /// Which.
        setting: &'static str,
        /// What is wrong with it, as the end of a sentence.
        why: &'static str,
    },
}

/// The bytes of a secret that may sign now, or did before.
pub(crate) fn bytes_of<'a>(
    setting: &'static str,
    secret: &'a SecretString,
) -> Result<&'a [u8], SecretError> {
    let bytes = secret.expose_secret().as_bytes();
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(SecretError::Short { setting });
    }
    let why = if is_placeholder(secret.expose_secret()) {
        "is a placeholder from an example"
    } else if repeats(bytes) {
        "repeats a short pattern"
    } else if different(bytes.iter().copied()) < DIFFERENT_MIN
        || different(bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]))) < DIFFERENT_MIN
    {
        "has too few different characters, or counts up"
    } else {
        return Ok(bytes);
    };
    Err(SecretError::Weak { setting, why })
}

fn is_placeholder(secret: &str) -> bool {
    let bare: String = secret
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    PLACEHOLDERS.iter().any(|said| bare.contains(said))
}

/// Whether the text only repeats a pattern that is too short to be a secret.
fn repeats(bytes: &[u8]) -> bool {
    let longest = (bytes.len() / 2).min(SECRET_BYTES_MIN - 1);
    (1..=longest).any(|length| bytes[length..] == bytes[..bytes.len() - length])
}

fn different(bytes: impl Iterator<Item = u8>) -> usize {
    let mut seen = [false; 256];
    bytes.for_each(|byte| seen[usize::from(byte)] = true);
    seen.into_iter().filter(|seen| *seen).count()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::bytes_of;
    use secrecy::SecretString;

    fn fault(secret: &str) -> Option<String> {
        let secret = SecretString::from(secret);
        bytes_of("JWT_SECRET", &secret)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn a_secret_that_is_obviously_weak_is_refused() {
        for (weak, why) in [
            ("a".repeat(32), "repeats a short pattern"),
            ("a".repeat(1_000), "repeats a short pattern"),
            ("ab".repeat(16), "repeats a short pattern"),
            ("hunter2".repeat(5), "repeats a short pattern"),
            ("0123456789abcdef".repeat(2), "repeats a short pattern"),
            // The last repetition is cut off.
            (
                "1234567890".repeat(4)[..37].to_owned(),
                "repeats a short pattern",
            ),
            (
                "6dd4b27c15cf0e7ab1b4c5f5a3d1e9f".repeat(2),
                "repeats a short pattern",
            ),
            (
                format!("{}bcdef", "a".repeat(40)),
                "has too few different characters, or counts up",
            ),
            (
                format!("{}b", "a".repeat(40)),
                "has too few different characters, or counts up",
            ),
            (
                "abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
                "has too few different characters, or counts up",
            ),
            (
                "your-super-secret-jwt-key-change-in-production".to_owned(),
                "is a placeholder from an example",
            ),
            (
                "Change_Me! Change_Me! Please! Change it!".to_owned(),
                "is a placeholder from an example",
            ),
        ] {
            let expected = format!("JWT_SECRET {why}: make one with `openssl rand -hex 32`");
            assert_eq!(fault(&weak), Some(expected), "{weak}");
        }
        assert_eq!(
            fault(&"ab".repeat(15)).as_deref(),
            Some("JWT_SECRET must have at least 32 bytes")
        );
    }

    #[test]
    fn secrets_that_were_made_as_the_readme_says_and_sentences_are_taken() {
        for _ in 0..2_000 {
            let random: [u8; 32] = rand::random();
            let hex = random.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            assert_eq!(fault(&hex), None, "{hex}");
            assert_eq!(fault(&hex[..32]), None, "{hex}");
        }
        for good in [
            "correct horse battery staple, and more",
            "another secret, as long as one must be",
            "Zm9vYmFyIGJhciBmb28gcXV1eCBmb28gYmF6IQ==",
            // A whole secret, twice: the first half alone would do.
            "0f1e7b6a9c3d5824e6f0a1b2c3d4957e0f1e7b6a9c3d5824e6f0a1b2c3d4957e",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
    }
}
