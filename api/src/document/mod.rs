//! The documentation: the OpenAPI document, and the page that shows it.
//!
//! | module | owns |
//! | --- | --- |
//! | [`openapi`] | the document, from the routes and the table of operations |
//! | [`docs`] | serving the document and its page |
//! | [`documentation_paths`] | where they are served |

pub mod docs;
pub mod documentation_paths;
pub mod openapi;
