//! What is a shop's own: its name, its language, its logo, its theme. Read and checked once, at the start.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    str,
};

use super::{
    encoded::Encoded,
    settings::PagesSettings,
    site::CSS,
    theme::{self, ThemeError},
};

/// The largest logo, bytes: every page loads it.
pub const LOGO_BYTES_MAX: usize = 256 * 1024;
/// The largest theme, bytes.
pub const THEME_BYTES_MAX: usize = 64 * 1024;
/// How far into a logo the beginning of an SVG is looked for, bytes: comments may come before it.
const SVG_HEAD_BYTES: usize = 4 * 1024;

/// Why a shop's own file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The file cannot be read.
    #[error("{setting}: {} cannot be read", path.display())]
    Read {
        /// The setting that names it.
        setting: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is too large.
    #[error("{setting}: {} has more than {} KiB", path.display(), bytes_max / 1024)]
    TooLarge {
        /// The setting that names it.
        setting: &'static str,
        /// Where it is.
        path: PathBuf,
        /// How large it may be.
        bytes_max: usize,
    },
    /// The logo is no picture that every browser shows.
    #[error("SHOP_LOGO: {} is no SVG, PNG, WebP or JPEG", .0.display())]
    NoPicture(PathBuf),
    /// The theme is not one.
    #[error("SHOP_THEME: {}, {fault}", path.display())]
    NoTheme {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        fault: ThemeError,
    },
    /// The theme is no text.
    #[error("SHOP_THEME: {} is not UTF-8", .0.display())]
    NoText(PathBuf),
}

/// What is a shop's own.
pub struct Shop {
    /// Its name.
    pub name: String,
    /// The language of the pages.
    pub language: String,
    /// Its logo, if it has one.
    pub logo: Option<Encoded>,
    /// Its colours, if it has some.
    pub theme: Option<Encoded>,
}

impl Shop {
    /// Reads and checks the files that the settings name.
    pub fn read(settings: &PagesSettings) -> Result<Self, ShopError> {
        Ok(Self {
            name: settings.shop_name.clone(),
            language: settings.shop_lang.clone(),
            logo: settings.shop_logo.as_deref().map(logo).transpose()?,
            theme: settings.shop_theme.as_deref().map(theme).transpose()?,
        })
    }
}

fn logo(path: &Path) -> Result<Encoded, ShopError> {
    let bytes = read("SHOP_LOGO", path, LOGO_BYTES_MAX)?;
    let kind = picture_type(&bytes).ok_or_else(|| ShopError::NoPicture(path.to_owned()))?;
    Ok(Encoded::new(kind, bytes))
}

fn theme(path: &Path) -> Result<Encoded, ShopError> {
    let bytes = read("SHOP_THEME", path, THEME_BYTES_MAX)?;
    let text = str::from_utf8(&bytes).map_err(|_| ShopError::NoText(path.to_owned()))?;
    theme::check(text).map_err(|fault| ShopError::NoTheme {
        path: path.to_owned(),
        fault,
    })?;
    Ok(Encoded::new(CSS, bytes))
}

fn read(setting: &'static str, path: &Path, bytes_max: usize) -> Result<Vec<u8>, ShopError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    read.map_err(|source| ShopError::Read {
        setting,
        path: path.to_owned(),
        source,
    })?;
    if bytes.len() > bytes_max {
        return Err(ShopError::TooLarge {
            setting,
            path: path.to_owned(),
            bytes_max,
        });
    }
    Ok(bytes)
}

/// The type of a picture, by its first bytes.
fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Some("image/jpeg");
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    let head = &bytes[..bytes.len().min(SVG_HEAD_BYTES)];
    let head = String::from_utf8_lossy(head);
    let is_markup = head
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('<');
    (is_markup && head.contains("<svg")).then_some("image/svg+xml")
}

#[cfg(test)]
mod tests {
    use super::picture_type;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n..."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"<svg xmlns='...'/>", Some("image/svg+xml")),
            (
                b"<?xml version='1.0'?>\n<!-- a -->\n<svg/>",
                Some("image/svg+xml"),
            ),
            (b"<!doctype html>", None),
            (b"GIF89a", None),
            (b"", None),
        ] {
            assert_eq!(picture_type(bytes), kind, "{bytes:?}");
        }
    }
}
