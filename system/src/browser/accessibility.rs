//! axe-core on the present page: WCAG 2.2, levels A and AA.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Browser, BrowserError};

/// axe-core, as npm installs it.
const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/browser/node_modules/axe-core/axe.min.js"
);

/// Installs it.
const COMMAND: &str = "npm ci --omit=optional --prefix system/browser";

/// Runs axe, and returns each violation as a line: the rule, what it demands, and where it is broken.
const RUN: &str = "
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];
    return axe
        .run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
        .then(({ violations }) => violations.flatMap(({ id, help, nodes }) =>
            nodes.map(({ html, failureSummary }) => `${id}: ${help}\\n  ${html}\\n  ${failureSummary}`)));
";

impl Browser {
    /// Everything on the present page that breaks a rule.
    ///
    /// # Errors
    /// axe-core is not installed. The message is the line to type.
    pub async fn accessibility_violations(&self) -> Result<Vec<String>, BrowserError> {
        let is_there = self.run("return Boolean(window.axe)", &[]).await?;
        if is_there != Value::Bool(true) {
            self.run(&axe()?, &[]).await?;
        }
        let lines = self.run(RUN, &[]).await?;
        Ok(serde_json::from_value(lines)?)
    }
}

fn axe() -> Result<String, BrowserError> {
    if !Path::new(AXE).is_file() {
        return Err(format!("the browser tests need axe-core: type `{COMMAND}`").into());
    }
    Ok(fs::read_to_string(AXE)?)
}
