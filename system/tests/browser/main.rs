//! The pages in a real browser, before real processes.
//!
//! | module | owns |
//! | --- | --- |
//! | `shop`, `scene` | a stage and a browser for one test; the same with a sale |
//! | `buying` | from signing in to an order |
//! | `changes` | what people do to a sale while a visitor looks at it |
//! | `network` | connections that break, an API that dies, answers that are lost |
//! | `tabs` | two tabs, a laptop that slept, a wrong clock, a session that ends |
//! | `looks` | every page in every state: axe-core, and the smallest screen |
//! | `first_load` | what a first visit loads |
//! | `console`, `console_forms` | the console, and its forms |
//! | `console_orders` | an order that is cancelled, and the orders as a file |
//! | `console_trouble` | rejections and their replay, a difference and its repair |
//! | `console_products` | the archive of products |
//! | `console_looks` | every form and question of the console, and a shop without anything: axe-core, and the smallest screen |
//! | `dialogs` | the console's dialogs, as the tests use them |
//! | `frames` | the console while a rush runs: every frame, and the figures at the end |
//! | `notices` | the tests themselves: what is wrong with a page does not go unnoticed |
//!
//! Each test has a sale, a browser and processes of its own. [`scene::Scene::close`] is part of each: it fails the test
//! where the browser complained of anything unexpected, and proves the sale.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a broken assumption is a failed test"
)]

/// All names of tests begin with `browser::`, so that `cargo test --features browser browser` runs them.
#[path = "."]
mod browser {
    mod buying;
    mod changes;
    mod console;
    mod console_forms;
    mod console_looks;
    mod console_orders;
    mod console_products;
    mod console_trouble;
    mod dialogs;
    mod first_load;
    mod frames;
    mod looks;
    mod network;
    mod notices;
    #[path = "../it/faults/proxy.rs"]
    mod proxy;
    mod scene;
    mod shop;
    mod tabs;
}
