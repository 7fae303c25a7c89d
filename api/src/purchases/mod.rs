//! Purchases on their way: to the gate in batches, and what became of each.
//!
//! | module | owns |
//! | --- | --- |
//! | [`batcher`] | purchases of one sale gather while a call to Redis is under way |
//! | [`gather`], [`lookups`] | the questions of many callers are answered by few calls to gate and ledger |
//! | [`purchase_status`] | whether a purchase is pending, confirmed, rejected or unknown |
//! | [`waiting`] | requests that wait until a purchase is in the ledger |

pub mod batcher;
pub mod gather;
pub mod lookups;
pub mod purchase_status;
pub mod waiting;
