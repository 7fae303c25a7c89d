//! The rules for a new password, and its one spelling: keyboards write the same text as different characters.

use std::borrow::Cow;

use sale::{
    invalid::Invalid,
    unicode::{invisible, is_wide_space, nfkc},
};

/// The shortest password, characters (NIST SP 800-63B, section 5.1.1.1).
pub const PASSWORD_CHARACTERS_MIN: usize = 8;

/// The longest password that is checked, bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// A password in its one spelling: the steps of OpaqueString (RFC 8265, section 4.2.2), which map each space to the
/// ASCII space and leave case alone, but with NFKC in place of NFC, as NIST SP 800-63B, section 5.1.1.2, asks for.
/// Texts that are equal by NFC are equal by NFKC; so are letters of full width, which some keyboards type unasked.
/// Hashes of ASCII passwords stay as they were.
pub fn normalised_password(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    let spaced = password.replace(is_wide_space, " ");
    Cow::Owned(nfkc(&spaced).into_owned())
}

/// Checks that a user may choose this password. Lengths count in its one spelling.
///
/// # Errors
/// It is too short or too long, or contains a character that its owner cannot see and may not be
/// able to type again.
pub fn check_new_password(password: &str) -> Result<(), Invalid> {
    let normalised = normalised_password(password);
    check_length(normalised.len())?;
    if normalised.chars().count() < PASSWORD_CHARACTERS_MIN {
        let fault = format!("must have at least {PASSWORD_CHARACTERS_MIN} characters");
        return Err(Invalid::new("password", fault));
    }
    let unseen = password.chars().find(|c| c.is_control());
    if let Some(unseen) = unseen.or_else(|| invisible(password)) {
        let code = u32::from(unseen);
        let fault = format!("must not contain the invisible character U+{code:04X}");
        return Err(Invalid::new("password", fault));
    }
    Ok(())
}

/// Checks that a password is short enough to be compared with a stored one, which may be older than this spelling.
pub fn check_password_length(password: &str) -> Result<(), Invalid> {
    check_length(password.len().min(normalised_password(password).len()))
}

fn check_length(bytes: usize) -> Result<(), Invalid> {
    if bytes > PASSWORD_BYTES_MAX {
        let fault = format!("must have at most {PASSWORD_BYTES_MAX} bytes");
        return Err(Invalid::new("password", fault));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::{check_new_password, check_password_length, normalised_password};
    use sale::invalid::Invalid;

    #[track_caller]
    fn fault<T: std::fmt::Debug>(checked: Result<T, Invalid>) -> String {
        checked.unwrap_err().to_string()
    }

    #[test]
    fn a_new_password_has_its_lengths() {
        assert!(check_new_password("ääääääää").is_ok());
        let short = fault(check_new_password("äääääää"));
        assert_eq!(short, "password must have at least 8 characters");
        // Fourteen characters, and seven once they are composed.
        let short = fault(check_new_password(&"a\u{308}".repeat(7)));
        assert_eq!(short, "password must have at least 8 characters");
        assert!(check_new_password(&"x".repeat(1_024)).is_ok());
        let long = fault(check_new_password(&"x".repeat(1_025)));
        assert_eq!(long, "password must have at most 1024 bytes");
        // 1,536 bytes, and 1,024 once they are composed.
        assert!(check_new_password(&"a\u{308}".repeat(512)).is_ok());
        assert!(check_password_length(&"a\u{308}".repeat(512)).is_ok());
        let long = fault(check_password_length(&"a\u{308}".repeat(513)));
        assert_eq!(long, "password must have at most 1024 bytes");
        assert!(check_password_length("").is_ok());
    }

    #[test]
    fn the_same_password_from_two_keyboards_is_one() {
        for (one, other) in [
            (
                "cr\u{e8}me br\u{fb}l\u{e9}e",
                "cre\u{300}me bru\u{302}le\u{301}e",
            ),
            ("a b\u{a0}c\u{1680}d\u{3000}e", "a b c d e"),
            ("\u{ff41}\u{ff42}\u{ff43}\u{ff11}", "abc1"),
        ] {
            assert_eq!(normalised_password(one), normalised_password(other));
        }
        for (one, other) in [("Secret", "secret"), ("\u{df}", "ss"), (" a", "a")] {
            assert_ne!(normalised_password(one), normalised_password(other));
        }
    }

    #[test]
    fn nobody_chooses_a_password_that_nobody_sees() {
        for (unseen, code) in [
            ("correct\u{200b}horse", "U+200B"),
            ("correct horse\u{202c}", "U+202C"),
            ("correct\thorse", "U+0009"),
            ("correct horse\u{fe0f}", "U+FE0F"),
        ] {
            let said = format!("password must not contain the invisible character {code}");
            assert_eq!(fault(check_new_password(unseen)), said);
            assert!(
                check_password_length(unseen).is_ok(),
                "one that was chosen before"
            );
        }
    }

    proptest! {
        #[test]
        fn normalising_a_password_again_changes_nothing(password in "\\PC{0,20}") {
            let once = normalised_password(&password).into_owned();
            prop_assert_eq!(normalised_password(&once), once.as_str());
        }

        #[test]
        fn a_password_of_ascii_stays_as_it_is(password in "[\\x00-\\x7f]{0,40}") {
            prop_assert_eq!(normalised_password(&password), password.as_str());
        }
    }
}
