//! Finding parts of a page as people do: by what they are and what they are called.
//!
//! The browser itself says both, in the tree that it offers to screen readers (`Accessibility.getFullAXTree`): roles,
//! names as computed from labels and contents, and states. So a test that finds a button shows that a blind person
//! would, and an element that is hidden from people is hidden from the test.

use serde_json::{Value, json};
use thirtyfour::{By, WebElement};

use super::{Browser, BrowserError, driver::PATIENCE};

/// Where a script leaves an element for WebDriver to fetch.
const KEEP: &str = "function () { window.foundByTest = this; }";
const FETCH: &str = "const found = window.foundByTest; delete window.foundByTest; return found;";

/// The first of the two events of a choice. A browser sends both, and chromedriver only the second (`change`).
const CHOSEN: &str = "arguments[0].dispatchEvent(new InputEvent('input', { bubbles: true }));";

/// A part of a page in the tree for screen readers.
#[derive(Debug, Clone)]
pub struct Seen {
    node: i64,
    /// What it is: `button`, `heading`, `textbox` ...
    pub role: String,
    /// What it is called.
    pub name: String,
    /// The text that describes it: `aria-describedby`.
    pub description: String,
    /// What it holds: the text of a field.
    pub value: String,
    /// It can be used: neither `disabled` nor `aria-disabled`.
    pub is_enabled: bool,
    /// The keys go to it.
    pub is_focused: bool,
}

/// A part of a page that can be used.
pub struct Found {
    /// What it was when it was found.
    pub seen: Seen,
    /// The element.
    pub element: WebElement,
}

impl Found {
    /// Clicks on its middle. Fails where something covers it.
    pub async fn click(&self) -> Result<(), BrowserError> {
        Ok(self.element.click().await?)
    }

    /// Clicks twice, as fast as a mouse does.
    pub async fn double_click(&self) -> Result<(), BrowserError> {
        let mouse = self.element.handle().action_chain();
        Ok(mouse.double_click_element(&self.element).perform().await?)
    }

    /// Replaces the text of a field.
    pub async fn write(&self, text: &str) -> Result<(), BrowserError> {
        self.element.clear().await?;
        Ok(self.element.send_keys(text).await?)
    }
}

impl Browser {
    /// Everything on the page with this role and this name. A name that ends with `*` stands for all names that begin
    /// so; `*` alone for any.
    pub async fn all(&self, role: &str, name: &str) -> Result<Vec<Seen>, BrowserError> {
        let mut seen = self.tree().await?;
        seen.retain(|seen| seen.role == role && is_called(&seen.name, name));
        Ok(seen)
    }

    /// Waits until there is exactly one such part.
    pub async fn until_seen(&self, role: &str, name: &str) -> Result<Seen, BrowserError> {
        self.until_such(role, name, |_| true).await
    }

    /// Waits until there is exactly one such part of which this holds.
    pub async fn until_such(
        &self,
        role: &str,
        name: &str,
        holds: impl Fn(&Seen) -> bool,
    ) -> Result<Seen, BrowserError> {
        let mut found = None;
        let look = async || {
            let mut all = self.all(role, name).await?;
            all.retain(&holds);
            let [one] = all.as_slice() else {
                return Ok(false);
            };
            found = Some(one.clone());
            Ok(true)
        };
        self.until(&format!("one {role} {name:?}"), PATIENCE, look)
            .await?;
        found.ok_or_else(|| "it was there a moment ago".into())
    }

    /// Waits until there is no such part.
    pub async fn until_none(&self, role: &str, name: &str) -> Result<(), BrowserError> {
        let none = async || Ok(self.all(role, name).await?.is_empty());
        self.until(&format!("no {role} {name:?}"), PATIENCE, none)
            .await
    }

    /// Waits until there is exactly one such part, and returns it for use.
    pub async fn find(&self, role: &str, name: &str) -> Result<Found, BrowserError> {
        let mut found = None;
        let look = async || {
            let all = self.all(role, name).await?;
            let [one] = all.as_slice() else {
                return Ok(false);
            };
            found = Some(Found {
                seen: one.clone(),
                element: self.element(one).await?,
            });
            Ok(true)
        };
        self.until(&format!("one {role} {name:?}"), PATIENCE, look)
            .await?;
        found.ok_or_else(|| "it was there a moment ago".into())
    }

    /// Waits until there is exactly one such part, and clicks on it.
    pub async fn click(&self, role: &str, name: &str) -> Result<(), BrowserError> {
        let click = async || {
            let all = self.all(role, name).await?;
            let [one] = all.as_slice() else {
                return Ok(false);
            };
            self.element(one).await?.click().await?;
            Ok(true)
        };
        self.until(&format!("a click on {role} {name:?}"), PATIENCE, click)
            .await
    }

    /// Waits for a field, and replaces its text.
    pub async fn write(&self, role: &str, name: &str, text: &str) -> Result<(), BrowserError> {
        self.find(role, name).await?.write(text).await
    }

    /// Waits for a list to choose from, and chooses the entry with this text.
    pub async fn choose(&self, name: &str, entry: &str) -> Result<(), BrowserError> {
        let list = self.find("combobox", name).await?;
        let all = list.element.find_all(By::Tag("option")).await?;
        for option in all {
            if option.text().await? == entry {
                option.click().await?;
                self.driver
                    .execute(CHOSEN, vec![list.element.to_json()?])
                    .await?;
                return Ok(());
            }
        }
        Err(format!("{name:?} has no entry {entry:?}").into())
    }

    /// The parts of the page that people use, one a line.
    pub(super) async fn outline(&self) -> Result<String, BrowserError> {
        let mut lines = String::from("--- parts\n");
        for seen in self.tree().await? {
            let Seen { role, name, .. } = &seen;
            if !name.is_empty() && !["StaticText", "InlineTextBox"].contains(&role.as_str()) {
                let state = if seen.is_enabled { "" } else { " (disabled)" };
                lines.push_str(&format!("{role} {name:?}{state}\n"));
            }
        }
        Ok(lines)
    }

    async fn tree(&self) -> Result<Vec<Seen>, BrowserError> {
        let tree = self
            .devtools("Accessibility.getFullAXTree", json!({}))
            .await?;
        let nodes = tree["nodes"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(nodes.iter().filter_map(seen).collect())
    }

    async fn element(&self, seen: &Seen) -> Result<WebElement, BrowserError> {
        let node = json!({ "backendNodeId": seen.node });
        let object = self.devtools("DOM.resolveNode", node).await?;
        let keep = json!({
            "objectId": object["object"]["objectId"],
            "functionDeclaration": KEEP,
        });
        self.devtools("Runtime.callFunctionOn", keep).await?;
        Ok(self.driver.execute(FETCH, Vec::new()).await?.element()?)
    }
}

/// Reads one node of the tree. `None` where it is hidden from people.
fn seen(node: &Value) -> Option<Seen> {
    if node["ignored"].as_bool() == Some(true) {
        return None;
    }
    let text = |name: &str| {
        let value = node[name]["value"].as_str();
        value.unwrap_or_default().trim().to_owned()
    };
    let properties = node["properties"].as_array();
    let is = |wanted: &str| {
        let mut all = properties.into_iter().flatten();
        all.any(|property| property["name"] == wanted && property["value"]["value"] == true)
    };
    Some(Seen {
        node: node["backendDOMNodeId"].as_i64()?,
        role: text("role"),
        name: text("name"),
        description: text("description"),
        value: text("value"),
        is_enabled: !is("disabled"),
        is_focused: is("focused"),
    })
}

fn is_called(name: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    }
}
