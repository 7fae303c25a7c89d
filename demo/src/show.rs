//! The lines that the demo prints for a person besides the table.

use std::path::Path;

use process::output::Commentary;

use super::seed::{Pages, Seed};

/// The demo goes on serving, whether or not a person reads its lines.
static COMMENTARY: Commentary = Commentary::new();

/// A text of one line or more.
pub(super) fn text(text: &str) {
    COMMENTARY.print(text);
}

/// One step that begins or is done.
pub(super) fn step(words: &str) {
    text(&format!("- {words}"));
}

/// A server that runs. Its URL holds a password, so it is not shown.
pub(super) fn server(name: &str, port: Option<u16>) {
    match port {
        Some(port) => step(&format!(
            "{name} on 127.0.0.1:{port}, started for this demo"
        )),
        None => step(&format!("{name} as its URL in the environment says")),
    }
}

/// Shows where the pages are, and how the admin signs in.
pub(super) fn pages(pages: &Pages, seed: &Seed) {
    let email = seed.admin.email.as_deref().unwrap_or_default();
    let password = &seed.password;
    step(&format!("the storefront: {}", pages.store));
    step(&format!("the console: {}", pages.console));
    step(&format!(
        "the admin signs in as {email}, password {password}"
    ));
}

/// Shows how to go on.
pub(super) fn serving(url: &str, pages: &Pages, seed: &Seed, info: Option<&Path>) {
    let Seed {
        admin,
        password,
        sale,
    } = seed;
    let email = admin.email.as_deref().unwrap_or_default();
    let Pages { store, console } = pages;
    text(&format!(
        "\nIt goes on serving at {url} until Ctrl-C.\n\n\
         The storefront: {store} (a buyer signs in with any address)\n\
         The console: {console}\n\
         The API's documentation: {url}/api-docs\n\n\
         # The sale\n\
         curl -s '{url}/api/flash-sale/status?saleId={sale}'\n\n\
         # Log in as the admin ({email}, password {password})\n\
         curl -s -X POST {url}/api/auth/login -H 'Content-Type: application/json' \\\n  \
           -d '{{\"email\":\"{email}\",\"password\":\"{password}\"}}'"
    ));
    match info {
        Some(path) => text(&format!(
            "\n# The same token is in {path}\nADMIN=$(jq -r .adminToken {path})",
            path = path.display()
        )),
        None => text(
            "\n# With the token that it answers (--info FILE writes one to a file, \
                  which docs/cli.md reads)\nADMIN=...",
        ),
    }
    text(&format!(
        "\n# Buy as anybody, and ask what became of it (where the rush has left no unit: OUT_OF_STOCK;\n\
         # plan another sale in the console, and put its id in place of this one)\n\
         SALE={sale}\n\
         BUYER=$(curl -s -X POST {url}/api/auth/login -H 'Content-Type: application/json' \\\n  \
           -d '{{\"email\":\"anna@example.com\"}}' | jq -r .token)\n\
         curl -s -X POST {url}/api/purchase -H \"Authorization: Bearer $BUYER\" \\\n  \
           -H 'Content-Type: application/json' -d \"{{\\\"saleId\\\":\\\"$SALE\\\"}}\"\n\
         curl -s \"{url}/api/purchase/status?saleId=$SALE\" -H \"Authorization: Bearer $BUYER\""
    ));
}
