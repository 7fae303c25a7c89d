//! Everything that the browser complains about: errors of scripts, violations of the Content-Security-Policy, failed
//! requests. Any of it fails the test, except failed requests that the test arranged.

use thirtyfour::BrowserLogEntry;

use super::{Browser, BrowserError};

/// The levels of complaints.
const LEVELS: [&str; 2] = ["SEVERE", "WARNING"];

/// The source of complaints about requests.
const NETWORK: &str = "network";

/// What was complained about so far, and what the test expects.
#[derive(Debug, Default)]
pub(super) struct Problems {
    complaints: Vec<BrowserLogEntry>,
    expected: Vec<&'static str>,
}

impl Browser {
    /// Requests may fail in this way from the start: a status ("status of 409") or an error of the network
    /// (`ERR_INTERNET_DISCONNECTED`).
    pub fn expect_failed_requests(&self, how: &[&'static str]) {
        self.with_problems(|problems| problems.expected.extend(how));
    }

    /// Everything that the browser complained about, of all tabs, and that the test does not expect.
    pub async fn complaints(&self) -> Result<Vec<String>, BrowserError> {
        let new = self.driver.browser_log().await?;
        Ok(self.with_problems(|problems| {
            problems.complaints.extend(new);
            problems.unexpected()
        }))
    }
}

impl Problems {
    fn unexpected(&self) -> Vec<String> {
        let complaints = self.complaints.iter();
        complaints
            .filter(|entry| LEVELS.contains(&entry.level.as_str()) && !self.expects(entry))
            .map(|entry| {
                let source = entry.source.as_deref().unwrap_or("unknown source");
                format!("{} ({source}): {}", entry.level, entry.message)
            })
            .collect()
    }

    fn expects(&self, entry: &BrowserLogEntry) -> bool {
        entry.source.as_deref() == Some(NETWORK)
            && self.expected.iter().any(|how| entry.message.contains(how))
    }
}
