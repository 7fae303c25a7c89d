//! The visitor's circumstances, of the present tab: screen, colours, motion, clock, zone, network.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Browser, BrowserError};

/// Pixels of the page to the right of the screen, and those of a dialog that one must scroll to.
const OVERHANG: &str = "
    const dialogs = [...document.querySelectorAll('dialog[open]')];
    const hidden = dialogs.map((dialog) =>
        Math.max(Math.ceil(dialog.getBoundingClientRect().right) - innerWidth, dialog.scrollWidth - dialog.clientWidth));
    return Math.max(0, document.documentElement.scrollWidth - innerWidth, ...hidden);";

/// The size of a page, CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl Screen {
    /// The smallest screen that the pages must fit (WCAG 2.2, 1.4.10 Reflow).
    pub const SMALLEST: Self = Self {
        width: 320,
        height: 640,
    };
    /// A phone.
    pub const PHONE: Self = Self {
        width: 390,
        height: 844,
    };
    /// A laptop.
    pub const LAPTOP: Self = Self {
        width: 1_280,
        height: 800,
    };
}

/// The colours that the visitor prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Dark text on light paper.
    Light,
    /// Light text on dark paper.
    Dark,
}

impl Browser {
    /// Gives the page another size.
    pub async fn set_screen(&self, screen: Screen) -> Result<(), BrowserError> {
        let Screen { width, height } = screen;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.set("Emulation.setDeviceMetricsOverride", metrics)
            .await
    }

    /// Sets the visitor's preferences. Motion is reduced, so that a look at the page meets no transition half-way.
    pub async fn set_colours(&self, colours: Colours) -> Result<(), BrowserError> {
        let scheme = match colours {
            Colours::Light => "light",
            Colours::Dark => "dark",
        };
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]});
        self.set("Emulation.setEmulatedMedia", features).await
    }

    /// The visitor's time zone, as `Europe/Berlin`.
    pub async fn set_zone(&self, zone: &str) -> Result<(), BrowserError> {
        let zone = json!({ "timezoneId": zone });
        self.set("Emulation.setTimezoneOverride", zone).await
    }

    /// The visitor's clock is wrong by this much, on every page that is loaded from now on.
    pub async fn set_clock_wrong_by(&self, offset: TimeDelta) -> Result<(), BrowserError> {
        let script = format!(
            "{{
                const Right = Date;
                const offset = {};
                globalThis.Date = class Date extends Right {{
                    constructor(...given) {{
                        if (given.length === 0) {{ super(Right.now() + offset); }} else {{ super(...given); }}
                    }}
                    static now() {{ return Right.now() + offset; }}
                }};
            }}",
            offset.num_milliseconds()
        );
        let script = json!({ "source": script });
        self.set("Page.addScriptToEvaluateOnNewDocument", script)
            .await
    }

    /// Takes the network away, or gives it back.
    pub async fn set_offline(&self, is_offline: bool) -> Result<(), BrowserError> {
        self.set("Network.enable", json!({})).await?;
        let conditions = json!({
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.set("Network.emulateNetworkConditions", conditions)
            .await
    }

    /// Empties the browser's cache of files.
    pub async fn empty_cache(&self) -> Result<(), BrowserError> {
        self.set("Network.clearBrowserCache", json!({})).await
    }

    /// How many pixels the page, or a dialog of it, is wider than the screen.
    pub async fn overhang(&self) -> Result<i64, BrowserError> {
        let wider = self.run(OVERHANG, &[]).await?;
        wider.as_i64().ok_or_else(|| "the page has no width".into())
    }

    async fn set(&self, method: &str, parameters: Value) -> Result<(), BrowserError> {
        self.devtools(method, parameters).await?;
        Ok(())
    }
}
