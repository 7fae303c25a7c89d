//! What an address and a password must be for somebody to log in with them.

use crate::input::Invalid;

/// The longest address, characters (RFC 5321, section 4.5.3.1, without the angle brackets).
pub const EMAIL_CHARACTERS_MAX: usize = 254;

/// The shortest password, characters (NIST SP 800-63B, section 5.1.1.1).
pub const PASSWORD_CHARACTERS_MIN: usize = 8;

/// The longest password that is looked at, bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// The address in a text, without the blanks around it. Whether anybody reads what is sent there,
/// only sending shows: this refuses what can not be one.
///
/// # Errors
/// It is none.
pub fn email(text: &str) -> Result<&str, Invalid> {
    let email = text.trim();
    if email.chars().count() > EMAIL_CHARACTERS_MAX {
        let fault = format!("must have at most {EMAIL_CHARACTERS_MAX} characters");
        return Err(Invalid::new("email", fault));
    }
    let has_both_parts = email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let is_unprintable = |character: char| character.is_whitespace() || character.is_control();
    if !has_both_parts || email.contains(is_unprintable) {
        let fault = "must be an address such as name@example.org, without blanks";
        return Err(Invalid::new("email", fault));
    }
    Ok(email)
}

/// Looks whether somebody may choose this password.
///
/// # Errors
/// It is too short or too long.
pub fn check_new_password(password: &str) -> Result<(), Invalid> {
    check_password_length(password)?;
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        let fault = format!("must have at least {PASSWORD_CHARACTERS_MIN} characters");
        return Err(Invalid::new("password", fault));
    }
    Ok(())
}

/// Looks whether a password is short enough to be looked at, whoever sends it.
///
/// # Errors
/// It is too long.
pub fn check_password_length(password: &str) -> Result<(), Invalid> {
    if password.len() > PASSWORD_BYTES_MAX {
        let fault = format!("must have at most {PASSWORD_BYTES_MAX} bytes");
        return Err(Invalid::new("password", fault));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_new_password, check_password_length, email};
    use crate::input::Invalid;

    #[track_caller]
    fn fault<T: std::fmt::Debug>(checked: Result<T, Invalid>) -> String {
        checked.unwrap_err().to_string()
    }

    #[test]
    fn an_address_has_two_parts_and_nothing_unprintable() {
        for good in ["a@b", "Ann@example.org", "o'neil+shop@example.org", "ä@ö"] {
            assert_eq!(email(good), Ok(good));
        }
        assert_eq!(email(" ann@example.org\n"), Ok("ann@example.org"));
        let bad = [
            "",
            " ",
            "@",
            "ann",
            "ann@",
            "@example.org",
            "an n@b",
            "a@b\tc",
            "a@\0b",
            "a@b\u{85}c",
        ];
        for bad in bad {
            let said = fault(email(bad));
            assert!(said.starts_with("email must be an address"), "{bad:?}");
        }
        assert!(email(&format!("{}@b", "ä".repeat(252))).is_ok());
        let long = format!("{}@b", "a".repeat(253));
        assert_eq!(
            fault(email(&long)),
            "email must have at most 254 characters"
        );
    }

    #[test]
    fn a_new_password_has_its_lengths() {
        assert!(check_new_password("ääääääää").is_ok());
        let short = fault(check_new_password("äääääää"));
        assert_eq!(short, "password must have at least 8 characters");
        assert!(check_new_password(&"x".repeat(1_024)).is_ok());
        let long = fault(check_new_password(&"x".repeat(1_025)));
        assert_eq!(long, "password must have at most 1024 bytes");
        assert!(check_password_length("").is_ok());
    }
}
