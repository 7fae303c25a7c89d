//! Addresses in one spelling: people, browsers and programs write the address of one mailbox in several ways. Here it
//! is one text, and so one account.
//!
//! | part | becomes |
//! | --- | --- |
//! | local part | NFC (RFC 6532, section 3.1), in lower case by Unicode |
//! | domain | the ASCII form of UTS 46 (`xn--...`), in lower case, without a dot at its end |
//!
//! Browsers send the ASCII form of a domain from a field for addresses, and mail servers look it up. Quoted local
//! parts and comments are refused: they are further spellings of addresses that need neither.

use std::{fmt, str::FromStr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::{
    invalid::Invalid,
    unicode::{invisible, nfc},
};

/// The longest address, characters (RFC 5321, section 4.5.3.1, without the angle brackets).
pub const EMAIL_CHARACTERS_MAX: usize = 254;

/// The longest text that is parsed, bytes: no shorter spelling of a longer text would be an address.
const TYPED_BYTES_MAX: usize = 16 * EMAIL_CHARACTERS_MAX;

/// Characters that a local part may have only in quotes (RFC 5322, section 3.2.3), or that begin quotes and comments.
const SPECIALS: [char; 12] = ['"', '(', ')', ',', ':', ';', '<', '>', '[', '\\', ']', '@'];

/// An address, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address in a text, without the blanks around it. This refuses a text that cannot be an address. Only
    /// sending mail shows whether anybody reads it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.len() > TYPED_BYTES_MAX {
            return Err(too_long());
        }
        if let Some(unseen) = invisible(text) {
            let code = u32::from(unseen);
            let fault = format!("must not contain the invisible character U+{code:04X}");
            return Err(Invalid::new("email", fault));
        }
        let unprintable = |c: char| c.is_whitespace() || c.is_control();
        let parts = text.rsplit_once('@');
        let parts = parts.filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
        let (local, domain) = parts
            .filter(|_| !text.contains(unprintable))
            .ok_or_else(|| {
                invalid("must be an address such as name@example.org, without blanks")
            })?;
        if local.contains(SPECIALS) {
            return Err(invalid(
                "must be an address such as name@example.org, without quotes, comments and a second @",
            ));
        }
        let domain = ascii_domain(domain)
            .ok_or_else(|| invalid("must have a domain such as example.org behind the @"))?;
        let address = format!("{}@{domain}", local_part(local));
        if address.chars().count() > EMAIL_CHARACTERS_MAX {
            return Err(too_long());
        }
        Ok(Self(address))
    }

    /// The address as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

/// The spellings that an address may have that a person began to type so: its local part as above, its domain in lower
/// case; and the one spelling, if the text is a whole address.
pub fn spellings_of_prefix(typed: &str) -> Vec<String> {
    let begun = match typed.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", local_part(local), lower_case(domain)),
        None => local_part(typed),
    };
    let mut spellings = vec![begun];
    spellings.extend(EmailAddress::parse(typed).ok().map(String::from));
    spellings
}

fn local_part(text: &str) -> String {
    nfc(&lower_case(&nfc(text))).into_owned()
}

/// In lower case, with one small sigma: Unicode writes another one at the end of a word, and an address has no words.
fn lower_case(text: &str) -> String {
    text.to_lowercase().replace('ς', "σ")
}

fn invalid(fault: &str) -> Invalid {
    Invalid::new("email", fault)
}

fn too_long() -> Invalid {
    let fault = format!("must have at most {EMAIL_CHARACTERS_MAX} characters");
    Invalid::new("email", fault)
}

/// A domain in ASCII, if the text is one. (A full stop of another script becomes a dot here, so the dot at the end is
/// removed afterwards.)
fn ascii_domain(text: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        text.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::VerifyAllowRootDot,
    );
    let ascii = ascii.ok()?;
    let domain = ascii.strip_suffix('.').unwrap_or(&ascii);
    (!domain.is_empty()).then(|| domain.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::EmailAddress;

    #[track_caller]
    fn parsed(text: &str) -> String {
        EmailAddress::parse(text).unwrap().into()
    }

    #[track_caller]
    fn fault(text: &str) -> String {
        EmailAddress::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn all_spellings_of_an_address_are_one() {
        for (spellings, one) in [
            (
                &["ann@example.org", " Ann@Example.ORG\n", "ANN@example.org."][..],
                "ann@example.org",
            ),
            (
                // NFC and NFD, in both cases; the last has a full stop of Chinese and one at the end.
                &[
                    "jos\u{e9}@example.org",
                    "jose\u{301}@example.org",
                    "JOS\u{c9}@EXAMPLE.ORG",
                    "JOSE\u{301}@example\u{3002}org\u{3002}",
                ],
                "jos\u{e9}@example.org",
            ),
            (
                &[
                    "a@m\u{fc}ller.example",
                    "a@mu\u{308}ller.example",
                    "a@M\u{dc}LLER.example",
                    "a@xn--mller-kva.example",
                    "a@XN--MLLER-KVA.example.",
                    "a@\u{ff4d}\u{fc}ller.example",
                ],
                "a@xn--mller-kva.example",
            ),
            (&["\u{3a3}@b", "\u{3c3}@b"], "\u{3c3}@b"),
            (&["o'neil+shop@b", "O'Neil+Shop@B"], "o'neil+shop@b"),
            (&["\u{212a}@b", "K@b", "k@b"], "k@b"),
        ] {
            for spelling in spellings {
                assert_eq!(parsed(spelling), one, "{spelling:?}");
            }
        }
    }

    #[test]
    fn addresses_that_differ_for_their_readers_stay_different() {
        for (one, other) in [
            ("ann@b", "anne@b"),
            ("\u{e9}@b", "e@b"),
            ("\u{df}@b", "ss@b"),
            ("a@stra\u{df}e.example", "a@strasse.example"),
            ("a.b@c", "ab@c"),
        ] {
            assert_ne!(parsed(one), parsed(other));
        }
    }

    #[test]
    fn an_address_has_two_parts_and_nothing_unprintable() {
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
            "a\u{3000}n@b",
            "a@b@c",
            "\"ann\"@b",
            "ann(home)@b",
            "<ann@b>",
            "a,b@c",
        ];
        for bad in bad {
            let said = fault(bad);
            assert!(
                said.starts_with("email must be an address"),
                "{bad:?}: {said}"
            );
        }
        for bad in [
            "a@b..c",
            "a@.",
            "a@.b",
            "a@b_c",
            "a@[127.0.0.1]",
            "a@b/c",
            "a@-b",
            "a@xn--a",
            "a@xn--",
            "a@\u{ff3f}",
            "a@b%c",
            "a@..",
        ] {
            let said = fault(bad);
            assert!(
                said.starts_with("email must have a domain"),
                "{bad:?}: {said}"
            );
        }
    }

    #[test]
    fn a_sigma_is_one_letter_wherever_it_stands() {
        for spelling in ["ασσ@x.example", "ασς@x.example", "ΑΣΣ@x.example"] {
            assert_eq!(parsed(spelling), "ασσ@x.example", "{spelling}");
        }
    }

    #[test]
    fn an_invisible_character_is_refused_by_its_name() {
        for (bad, code) in [
            ("an\u{200b}n@example.org", "U+200B"),
            ("ann@exam\u{ad}ple.org", "U+00AD"),
            ("\u{202e}ann@example.org", "U+202E"),
            ("ann@example.org\u{feff}", "U+FEFF"),
            ("a\u{e000}@b", "U+E000"),
        ] {
            let said = format!("email must not contain the invisible character {code}");
            assert_eq!(fault(bad), said);
        }
    }

    #[test]
    fn the_length_counts_after_normalisation() {
        let too_long = "email must have at most 254 characters";
        let name = "\u{e4}".repeat(252);
        assert_eq!(parsed(&format!("{name}@b")), format!("{name}@b"));
        assert_eq!(
            parsed(&format!("{}@b", "a\u{308}".repeat(252))),
            format!("{name}@b")
        );
        assert_eq!(fault(&format!("{}@b", "a".repeat(253))), too_long);
        // Six characters that are fourteen in ASCII.
        assert_eq!(fault(&format!("{}@m\u{fc}ller", "a".repeat(245))), too_long);
        assert_eq!(fault(&"a@b".repeat(100_000)), too_long);
    }

    proptest! {
        #[test]
        fn normalising_again_changes_nothing(
            local in "(\\PC|[a-zA-ZÀ-ɏͰ-Ͽ\u{300}-\u{345}ẞΣσςİıﬁﾞ가-각ᄀ-ᇿ]){1,12}",
            domain in "[a-zA-ZäÖßÅ\u{301}\u{308}日本アﾞ。א٣1-]{1,12}(\\.[a-zé]{1,5}){0,2}\\.?",
        ) {
            if let Ok(once) = EmailAddress::parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(EmailAddress::parse(once.as_str()), Ok(once));
            }
        }
    }
}
