//! The pages in a real browser, before real processes. One module a topic.
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
    mod first_load;
    mod looks;
    mod network;
    mod notices;
    #[path = "../it/faults/proxy.rs"]
    mod proxy;
    mod scene;
    mod tabs;
}
