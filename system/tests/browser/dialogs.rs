//! The console's dialogs: their fields, and the questions before a step.

use serde_json::json;

use super::shop::Shop;

/// The control of a dialog's label, which the script's first argument names.
const LABELLED: &str = "
    const labels = [...document.querySelectorAll('dialog label')];
    const control = labels.find((label) => label.textContent === arguments[0])?.control;";

/// The value of a field of the dialog.
pub async fn field(shop: &Shop, label: &str) -> String {
    let script = format!("{LABELLED} return control?.value ?? '';");
    let value = shop.browser.run(&script, &[json!(label)]).await.unwrap();
    value.as_str().unwrap().to_owned()
}

/// Gives a field of the browser for days and times this value, as its picker does.
pub async fn pick_time(shop: &Shop, label: &str, value: &str) {
    let script = format!(
        "{LABELLED}
        control.value = arguments[1];
        control.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));"
    );
    let arguments = [json!(label), json!(value)];
    shop.browser.run(&script, &arguments).await.unwrap();
}

/// Presses a button that opens a dialog, and waits until that says this.
pub async fn open(shop: &Shop, button: &str, says: &str) {
    let browser = &shop.browser;
    browser.click("button", button).await.unwrap();
    browser.until_seen("dialog", "*").await.unwrap();
    browser.until_text(says).await.unwrap();
}

/// Sends the dialog, and waits until that has succeeded.
pub async fn send(shop: &Shop, button: &str) {
    let browser = &shop.browser;
    browser.click("button", button).await.unwrap();
    browser.until_none("dialog", "*").await.unwrap();
}

/// Sends the dialog, and waits until it says at this field what is wrong.
pub async fn send_in_vain(shop: &Shop, button: &str, (role, name): (&str, &str), fault: &str) {
    let browser = &shop.browser;
    browser.click("button", button).await.unwrap();
    let wrong = browser.until_such(role, name, |seen| seen.description.contains(fault));
    wrong.await.unwrap();
}

/// Leaves the dialog.
pub async fn leave(shop: &Shop) {
    send(shop, "Back").await;
}

/// Takes a step that asks for nothing, with the question before it.
pub async fn take_step(shop: &Shop, step: &str) {
    open(shop, step, "").await;
    send(shop, step).await;
}

/// Takes a step that cannot be undone: it wants the sale's name.
pub async fn take_final_step(shop: &Shop, step: &str, name: &str) {
    open(shop, step, "This cannot be undone.").await;
    let field = shop.browser.write("textbox", "Type *", name).await;
    field.unwrap();
    send(shop, step).await;
}
