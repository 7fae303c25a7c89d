//! Files that a page has the browser save: they land in a folder of the test, without a question.

use std::fs;

use super::{
    Browser, BrowserError,
    driver::{PATIENCE, downloads},
};

impl Browser {
    /// Waits until the browser has saved a file of this name, and takes it: the next one may have the same name.
    pub async fn take_download(&self, name: &str) -> Result<String, BrowserError> {
        let file = downloads(self.folder.path()).join(name);
        // Chromium writes under another name first.
        let is_saved = async || Ok(file.is_file());
        self.until(&format!("{name} is saved"), PATIENCE, is_saved)
            .await?;
        let content = fs::read_to_string(&file)?;
        fs::remove_file(&file)?;
        Ok(content)
    }
}
