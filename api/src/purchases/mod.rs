//! Purchases on their way: to the gate in batches, and what became of each.
//!
//! | module | owns |
//! | --- | --- |
//! | [`batcher`] | purchases of one sale gather while a call to Redis is under way |
//! | [`purchase_status`] | whether a purchase is pending, confirmed, rejected or unknown |
//! | [`waiting`] | requests that wait until a purchase is in the ledger |

pub mod batcher;
pub mod purchase_status;
pub mod waiting;
