//! The documentation: the OpenAPI document, and the page that shows it.
//!
//! | module | owns |
//! | --- | --- |
//! | [`openapi`] | the document, from the routes and the table of operations |
//! | [`docs`] | serving the document and its page |

pub mod docs;
pub mod openapi;
