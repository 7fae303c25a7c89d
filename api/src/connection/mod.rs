//! Connections: how many there are, how long they stay, and which requests are refused before they are read.
//!
//! | module | owns |
//! | --- | --- |
//! | [`acceptor`], [`places`], [`open_files`] | accepting connections, and how many in all and from one address |
//! | [`serving`], [`activity`] | serving connections, and ending those that stay too long |
//! | [`heads`], [`host`], [`unparsed`] | refusing malformed requests, and those that could be read in two ways |
//! | [`client_address`] | where requests come from, behind proxies too |

pub mod acceptor;
pub mod activity;
pub mod client_address;
pub mod heads;
pub mod host;
pub mod open_files;
pub mod places;
pub mod serving;
pub mod unparsed;
