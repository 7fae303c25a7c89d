//! Values as JSON and parameters spell them.
//!
//! | module | owns |
//! | --- | --- |
//! | [`instant`] | times, in RFC 3339 |
//! | [`price`] | amounts of money |
//! | [`bucket_width`] | the width of buckets of traffic |
//! | [`one_of`] | words of which a parameter is one |
//! | [`paging`] | lists in pages: `limit` and `cursor` |

pub mod bucket_width;
pub mod instant;
pub mod one_of;
pub mod paging;
pub mod price;
