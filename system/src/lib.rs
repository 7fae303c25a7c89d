//! The whole system as real processes, and the proof that it worked correctly.
//!
//! | module | owns |
//! | --- | --- |
//! | [`history`] | everything that clients saw, and the checker of invariants 1 to 7 |
//! | [`rest`] | waiting until a sale has nothing left to do |
//! | [`client`] | an HTTP client that records everything it sees |
//! | [`streams`] | a viewer of event streams who records everything it sees |
//! | [`rush`], [`latency`] | many buyers at one sale |
//! | [`deployment`] | the settings that the processes of one system share |
//! | [`binaries`], [`processes`] | the API and the reconciler: built, started, killed, restarted |
//! | [`audit`] | the reconciler's audit, run as a process |
//! | [`stage`] | a whole system for one test |
//! | `browser` | Chromium, for the tests of the pages (feature `browser`) |

pub mod audit;
pub mod binaries;
#[cfg(feature = "browser")]
pub mod browser;
pub mod client;
pub mod deployment;
pub mod history;
pub mod latency;
pub mod processes;
pub mod rest;
pub mod rush;
pub mod stage;
pub mod streams;
