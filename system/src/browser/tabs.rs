//! Several tabs of one browser, with one profile; and a tab that sleeps, as a laptop's does when it is closed.

use serde_json::json;
use thirtyfour::WindowHandle;

use super::{Browser, BrowserError};

/// A tab. Everything that a test does goes to the tab that it entered last.
#[derive(Debug, Clone)]
pub struct Tab(WindowHandle);

impl Browser {
    /// The present tab.
    pub async fn tab(&self) -> Result<Tab, BrowserError> {
        Ok(Tab(self.driver.window().await?))
    }

    /// Opens one more tab, and enters it.
    pub async fn open_tab(&self) -> Result<Tab, BrowserError> {
        let tab = Tab(self.driver.new_tab().await?);
        self.enter(&tab).await?;
        Ok(tab)
    }

    /// Goes to a tab.
    pub async fn enter(&self, tab: &Tab) -> Result<(), BrowserError> {
        Ok(self.driver.switch_to_window(tab.0.clone()).await?)
    }

    /// Closes the present tab, and enters another.
    pub async fn close_tab(&self, next: &Tab) -> Result<(), BrowserError> {
        self.driver.close_window().await?;
        self.enter(next).await
    }

    /// Freezes the present tab: its scripts and timers stand still, until it wakes.
    pub async fn sleep(&self) -> Result<(), BrowserError> {
        self.set_lifecycle("frozen").await
    }

    /// Lets the present tab go on.
    pub async fn wake(&self) -> Result<(), BrowserError> {
        self.set_lifecycle("active").await
    }

    async fn set_lifecycle(&self, state: &str) -> Result<(), BrowserError> {
        self.devtools("Page.setWebLifecycleState", json!({ "state": state }))
            .await?;
        Ok(())
    }
}
