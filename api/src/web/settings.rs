//! The settings of the pages.

use clap::{Args, ValueEnum};

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
}
