//! Brings text that Unicode can write in several ways into one: normalisation forms, and invisible characters. The
//! tables are those of [`idna`], so that all modules agree on one version.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

/// The braille pattern without dots: a symbol that shows nothing.
const BRAILLE_BLANK: char = '\u{2800}';

/// Canonical composition (NFC): `é` is one character, however it was typed.
pub fn nfc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Compatibility composition (NFKC): NFC, and `ａ` is `a`.
pub fn nfkc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// Whether this is a space that is not the ASCII one.
pub fn is_wide_space(character: char) -> bool {
    !character.is_ascii() && category(character) == GeneralCategory::SpaceSeparator
}

/// The first character of a text that readers do not see, or see in different ways. These are zero-width and other
/// default-ignorable characters, and controls of writing direction. Code points without a public meaning count too: a
/// later Unicode may normalise them in another way. Control characters and spaces do not count.
pub fn invisible(text: &str) -> Option<char> {
    text.chars().find(|character| {
        !character.is_ascii()
            && (*character == BRAILLE_BLANK
                || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(*character)
                || matches!(
                    category(*character),
                    GeneralCategory::Format
                        | GeneralCategory::Unassigned
                        | GeneralCategory::PrivateUse
                ))
    })
}

/// Whether a reader sees nothing of a text.
pub fn is_blank(text: &str) -> bool {
    let unseen = |character: char| {
        character.is_whitespace() || invisible(character.encode_utf8(&mut [0; 4])).is_some()
    };
    text.chars().all(unseen)
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

#[cfg(test)]
mod tests {
    use super::{invisible, is_blank, is_wide_space};

    #[test]
    fn what_nobody_sees_is_found() {
        let unseen = [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e000}',
            '\u{378}',
            '\u{10ffff}',
        ];
        for unseen in unseen {
            assert_eq!(
                invisible(&format!("ä{unseen}b")),
                Some(unseen),
                "{unseen:?}"
            );
        }
        assert_eq!(invisible("Straße İ日本 अनु 👍 e\u{301}\t\u{a0}"), None);
    }

    #[test]
    fn a_text_of_spaces_and_invisible_characters_is_blank() {
        for blank in [
            "",
            " \t\n",
            "\u{a0}\u{3000}",
            "\u{202e}",
            " \u{200b}\u{2800} ",
        ] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for seen in ["a", "\u{200f}שלום", "👨\u{200d}👩\u{200d}👧", "."] {
            assert!(!is_blank(seen), "{seen:?}");
        }
    }

    #[test]
    fn spaces_of_all_widths_are_spaces() {
        for space in [
            '\u{a0}', '\u{1680}', '\u{2003}', '\u{202f}', '\u{205f}', '\u{3000}',
        ] {
            assert!(is_wide_space(space), "{space:?}");
        }
        for other in [' ', '\t', '\u{200b}', 'a', '\u{2028}'] {
            assert!(!is_wide_space(other), "{other:?}");
        }
    }
}
