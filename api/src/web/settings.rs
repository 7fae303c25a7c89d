//! The settings of the pages.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Characters of a shop's name.
const NAME_CHARACTERS_MAX: usize = 80;

/// Whether the pages are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pages {
    /// The storefront at `/`, the console at `/admin`.
    On,
    /// Nowhere: their paths are unknown.
    Off,
}

/// What the pages show of a shop.
#[derive(Debug, Clone, Args)]
pub struct PagesSettings {
    /// Whether the storefront is served at / and the console at /admin
    #[arg(long, env = "PAGES", value_enum, default_value_t = Pages::On)]
    pub pages: Pages,

    /// The name of the shop on the pages, at most 80 characters
    #[arg(long, env = "SHOP_NAME", default_value = "MinCommerce", value_parser = name)]
    pub shop_name: String,

    /// The language of the pages, by its BCP 47 tag, such as en or de-CH
    #[arg(long, env = "SHOP_LANG", default_value = "en", value_parser = language)]
    pub shop_lang: String,

    /// A file with the logo of the shop: SVG, PNG, WebP or JPEG, at most 256 KiB, read at the start
    #[arg(long, env = "SHOP_LOGO")]
    pub shop_logo: Option<PathBuf>,

    /// A file with the colours of the shop: CSS that sets custom properties alone, at most 64 KiB,
    /// read at the start. It takes the place of api/web/assets/theme.css
    #[arg(long, env = "SHOP_THEME")]
    pub shop_theme: Option<PathBuf>,
}

fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let characters = name.chars().count();
    if characters == 0 || characters > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
        return Err(format!(
            "a name has 1 to {NAME_CHARACTERS_MAX} characters, all of which can be seen"
        ));
    }
    Ok(name.to_owned())
}

fn language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let is_language = |part: &str| {
        (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let is_detail = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if parts.next().is_some_and(is_language) && parts.all(is_detail) {
        Ok(text.to_owned())
    } else {
        Err("no tag of a language, such as en or de-CH".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{language, name};

    #[test]
    fn a_name_can_be_seen() {
        assert_eq!(name(" Läden & Söhne "), Ok("Läden & Söhne".to_owned()));
        for text in [" ", "a\nb", &"a".repeat(81)] {
            assert!(name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_language_is_a_tag() {
        for text in ["en", "de-CH", "zh-Hant-TW", "gsw"] {
            assert!(language(text).is_ok(), "{text}");
        }
        for text in ["", "e", "english", "de_CH", "de-", "1-a", "de-<b>"] {
            assert!(language(text).is_err(), "{text}");
        }
    }
}
