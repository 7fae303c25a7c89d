//! The routes, one file a resource, and the table of them.
//!
//! The structs hold nothing: the server and the OpenAPI document are made from the same ones.

mod admin_archive;
mod admin_audits;
mod admin_events;
mod admin_log;
mod admin_orders;
mod admin_products;
mod admin_rejections;
mod admin_sales;
mod admin_steps;
mod admin_system;
mod admin_traffic;
mod admin_users;
mod auth;
pub mod documentation_paths;
mod events;
mod flash_sales;
pub mod headers;
mod health;
mod old_clients;
mod orders;
mod pattern;
mod purchase_lookups;
mod purchases;
mod queue;
mod table;

use poem_openapi::{OpenApi, Tags};

pub use self::{
    pattern::Pattern,
    table::{Operation, RouteTable},
};

/// How the routes are grouped in the document.
#[derive(Tags)]
enum Tag {
    /// Who you are.
    Authentication,
    /// What is on sale.
    #[oai(rename = "Flash sales")]
    FlashSales,
    /// Buying, and what became of it.
    Purchases,
    /// Products, sales and orders, for admins.
    Administration,
    /// Whether the service works.
    Health,
}

/// All routes.
pub fn apis() -> impl OpenApi + 'static {
    let for_buyers = (
        auth::AuthApi,
        flash_sales::FlashSalesApi,
        events::EventsApi,
        purchases::PurchasesApi,
        purchase_lookups::PurchaseLookupsApi,
        orders::OrdersApi,
    );
    let for_admins = (
        admin_products::AdminProductsApi,
        admin_archive::AdminArchiveApi,
        admin_sales::AdminSalesApi,
        admin_steps::AdminStepsApi,
        admin_audits::AdminAuditsApi,
        admin_orders::AdminOrdersApi,
        admin_rejections::AdminRejectionsApi,
        admin_traffic::AdminTrafficApi,
        admin_events::AdminEventsApi,
        admin_log::AdminLogApi,
        admin_users::AdminUsersApi,
        admin_system::AdminSystemApi,
    );
    let for_operators = (
        queue::QueueApi,
        old_clients::OldClientsApi,
        health::HealthApi,
    );
    (for_buyers, for_admins, for_operators)
}
