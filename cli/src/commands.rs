//! The commands.

pub mod completions;
pub mod health;
pub mod migrate;
pub mod openapi;
pub mod order;
pub mod product;
pub mod sale;
pub mod seed;
pub mod token;
pub mod user;
