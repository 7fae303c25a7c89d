//! Money as the views of `migrations/0010_views.sql` return it: thousandths beside a currency.

use sqlx::{FromRow, Row as _, postgres::PgRow};

use crate::money::{Currency, Money};

/// The columns, in every row that has a price.
const AMOUNT: &str = "price_thousandths";
const CURRENCY: &str = "currency";

impl<'r> FromRow<'r, PgRow> for Money {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let unreadable = |index: &str, source| sqlx::Error::ColumnDecode {
            index: index.to_owned(),
            source,
        };
        let currency = Currency::stored(row.try_get(CURRENCY)?)
            .map_err(|error| unreadable(CURRENCY, error.into()))?;
        Self::stored(row.try_get(AMOUNT)?, currency)
            .map_err(|error| unreadable(AMOUNT, error.into()))
    }
}
