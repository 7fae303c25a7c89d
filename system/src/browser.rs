//! Debian's Chromium, driven as a person would use it, for the tests of the pages.
//!
//! | module | owns |
//! | --- | --- |
//! | [`programs`] | where Chromium and chromedriver are, and what to type where they are missing |
//! | [`driver`] | chromedriver as a child process, and the browser that it starts |
//! | [`find`] | finding parts of a page by role and name |
//! | [`tabs`] | several tabs of one browser, and tabs that sleep |
//! | [`conditions`] | the visitor's circumstances: screen, colours, clock, zone, network |
//! | [`downloads`] | files that a page has the browser save |
//! | [`problems`] | everything that the browser complains about: any of it fails the test |
//! | [`accessibility`] | axe-core on the present page |
//!
//! Each browser has a chromedriver, a profile folder and a Chromium of its own. Both programs die with our process:
//! the kernel ends chromedriver, and Chromium ends when the pipe to chromedriver closes.

pub mod accessibility;
pub mod conditions;
pub mod downloads;
pub mod driver;
pub mod find;
pub mod problems;
pub mod programs;
pub mod tabs;

pub use conditions::{Colours, Screen};
pub use driver::Browser;
pub use find::{Found, Seen};
pub use thirtyfour::Key;

/// A person reads a failure of these tests; no code inspects it.
pub type BrowserError = Box<dyn std::error::Error + Send + Sync>;
