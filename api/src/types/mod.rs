//! Values as JSON and parameters spell them.
//!
//! | module | owns |
//! | --- | --- |
//! | [`instant`] | times, in RFC 3339 |
//! | [`price`] | amounts of money |
//! | [`paging`] | lists in pages: `limit` and `cursor` |

pub mod instant;
pub mod paging;
pub mod price;
