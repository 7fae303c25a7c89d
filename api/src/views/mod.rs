//! What admins see: products, sales and their traffic, audits, orders, rejections, the log, users, the system. The routes
//! show them, and the command line some of them, with the same members and values.

mod audit;
mod change;
mod order;
pub mod orders_csv;
mod product;
mod rejection;
mod sale;
mod system;
mod traffic;
mod user;
mod words;

pub use audit::{SaleAudit, SaleRepair};
pub use change::{AuditLogEntry, author};
pub use order::{AdminOrder, OrderOfUser, OrderReply};
pub use product::ProductReply;
pub use rejection::{BuyersOrder, RejectionReply, ReplayProspect};
pub use sale::{AdminSale, SaleStatistics};
pub use system::{PostgresServerReport, SystemReport, TablesWord};
pub use traffic::{AnswerCounts, SaleTraffic, TrafficAt};
pub use user::AdminUser;
pub use words::{OrderWord, SaleStatus, StateWord};
