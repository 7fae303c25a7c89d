//! The words of the domain as the document lists them. The domain defines each word.

use std::fmt;

use poem_openapi::Enum;
use sale::model::{OrderStatus, Phase, SaleState};
use serde::Serialize;

/// A word that replies show. With the name of a schema in brackets, requests have it too.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident = $model:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        words! { @shown $(#[$doc])* #[oai(rename_all = "snake_case")] $name = $model { $($(#[$variant_doc])* $variant),+ } }
    };
    ($(#[$doc:meta])* $name:ident ($schema:literal) = $model:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        words! { @shown $(#[$doc])* #[oai(rename = $schema, rename_all = "snake_case")] $name = $model { $($(#[$variant_doc])* $variant),+ } }

        impl From<$name> for $model {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Self::$variant),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($model::from(*self).as_str())
            }
        }
    };
    (@shown $(#[$doc:meta])* $name:ident = $model:ident { $($(#[$variant_doc:meta])* $variant:ident),+ }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
        $(#[$doc])*
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl From<$model> for $name {
            fn from(word: $model) -> Self {
                match word {
                    $($model::$variant => Self::$variant),+
                }
            }
        }
    };
}

pub(super) use words;

words! {
    /// Where a sale is in its life.
    SaleStatus ("SaleStatus") = Phase {
        /// It has not begun.
        Upcoming,
        /// It sells.
        Active,
        /// It would sell, were it not paused.
        Paused,
        /// It is over.
        Ended,
    }
}

words! {
    /// What people have decided about a sale.
    StateWord ("StateWord") = SaleState {
        /// It sells within its window.
        Open,
        /// It does not sell for now.
        Paused,
        /// It sells no more.
        Ended,
        /// It is closed for good: unsold units went back to the product.
        Settled,
    }
}

words! {
    /// What has become of an order.
    OrderWord ("OrderStatus") = OrderStatus {
        /// It stands.
        Confirmed,
        /// It was cancelled.
        Cancelled,
    }
}
