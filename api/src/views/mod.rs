//! Products, sales, their traffic, and orders as admins see them: the routes show them, and the command line with the same members
//! and values.

mod order;
mod product;
mod sale;
mod traffic;
mod words;

pub use order::OrderReply;
pub use product::ProductReply;
pub use sale::{AdminSale, SaleStatistics};
pub use traffic::{AnswerCounts, SaleTraffic, TrafficAt};
pub use words::{OrderWord, SaleStatus, StateWord};
