//! Products, sales and orders as they are shown to people who run the shop: by the routes, and with the
//! same members and values by the command line.

mod order;
mod product;
mod sale;
mod words;

pub use order::OrderReply;
pub use product::ProductReply;
pub use sale::{AdminSale, SaleStatistics};
pub use words::{OrderWord, SaleStatus, StateWord};
