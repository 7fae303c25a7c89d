//! Where Chromium and chromedriver are: where a setting says, on `PATH`, or in Debian's places.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `MINCOMMERCE_CHROMIUM` | path of the Chromium to start |
//! | `MINCOMMERCE_CHROMEDRIVER` | path of its chromedriver |

use std::{env, path::PathBuf};

use super::BrowserError;

/// Installs both on Debian.
const COMMAND: &str = "apt-get install --yes --no-install-recommends chromium chromium-driver";

/// Folders to search that may not be on `PATH`.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/lib/chromium", "/usr/local/bin"];

/// A program, the variable that names it, and its file's name.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    setting: &'static str,
    file: &'static str,
}

/// The browser.
pub const CHROMIUM: Program = Program {
    setting: "MINCOMMERCE_CHROMIUM",
    file: "chromium",
};

/// Its driver.
pub const CHROMEDRIVER: Program = Program {
    setting: "MINCOMMERCE_CHROMEDRIVER",
    file: "chromedriver",
};

impl Program {
    /// Its path.
    ///
    /// # Errors
    /// It is not there. The message is the line to type.
    pub fn find(self) -> Result<PathBuf, BrowserError> {
        let named = env::var_os(self.setting).filter(|value| !value.is_empty());
        let path = env::var_os("PATH").unwrap_or_default();
        self.find_among(named.map(PathBuf::from), env::split_paths(&path))
    }

    fn find_among(
        self,
        named: Option<PathBuf>,
        path: impl Iterator<Item = PathBuf>,
    ) -> Result<PathBuf, BrowserError> {
        let Self { setting, file } = self;
        if let Some(named) = named {
            return if named.is_file() {
                Ok(named)
            } else {
                Err(format!("{setting} names {}, which is no file", named.display()).into())
            };
        }
        path.chain(FOLDERS.map(PathBuf::from))
            .map(|folder| folder.join(file))
            .find(|place| place.is_file())
            .ok_or_else(|| {
                format!(
                    "the browser tests need {file}: type `{COMMAND}` (with sudo if you are not root), or set {setting}"
                )
                .into()
            })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{COMMAND, Program};

    #[test]
    fn a_missing_browser_is_reported_with_the_line_to_type() {
        let absent = Program {
            setting: "MINCOMMERCE_ABSENT",
            file: "no-browser-has-this-name",
        };
        let error = absent.find_among(None, std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains(COMMAND), "{error}");
        let named = Some(PathBuf::from("/no/such/file"));
        let error = absent.find_among(named, std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains("MINCOMMERCE_ABSENT"), "{error}");
    }
}
