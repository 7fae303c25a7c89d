//! The commands.

pub mod demo;
pub mod migrate;
pub mod openapi;
pub mod token;
pub mod user;
