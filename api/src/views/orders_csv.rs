//! Orders as CSV (RFC 4180), for people with spreadsheets: for the export of the HTTP API, and that of the command line.
//!
//! They are read and written in steps, so that memory does not depend on how many there are. Between two steps an
//! export holds no connection to Postgres, however slowly its reader takes it.
//!
//! A spreadsheet runs a cell as a formula that begins with `=`, `+`, `-` or `@`, also behind a tab or a line break. An
//! address may begin so, and buyers choose theirs. Such a cell gets an apostrophe, which makes it a text.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{Stream, stream};
use sale::ledger::{Ledger, LedgerError, ListedOrder, Order, OrderFilter, Page};

/// Orders read in one step.
const STEP_ORDERS: u32 = 1_000;

/// What a spreadsheet may take for the beginning of a formula.
const FORMULA_BEGINS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// The columns, by their names in the HTTP API.
const HEADER: [&str; 12] = [
    "orderId",
    "userId",
    "saleId",
    "productId",
    "quantity",
    "price",
    "currency",
    "status",
    "createdAt",
    "updatedAt",
    "email",
    "productName",
];

/// A part of an export.
#[derive(Debug)]
pub struct Piece {
    /// Whole lines.
    pub bytes: Bytes,
    /// The orders in them.
    pub orders: usize,
}

/// Why an export is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The orders could not be read.
    #[error(transparent)]
    Read(#[from] LedgerError),
    /// The lines could not be written: a defect.
    #[error("orders could not be written as CSV")]
    Write(#[from] csv::Error),
}

/// Where an export goes on.
enum Next {
    Header,
    After(Page),
}

/// The orders that pass this filter, the newest first, behind a line with the names of the columns.
pub fn pieces(
    ledger: Ledger,
    filter: OrderFilter,
) -> impl Stream<Item = Result<Piece, ExportError>> + Send {
    let begin = Some((ledger, filter, Next::Header));
    stream::try_unfold(begin, async |state| {
        let Some((ledger, filter, next)) = state else {
            return Ok(None);
        };
        let page = match next {
            Next::Header => {
                let first = Page {
                    after: None,
                    limit: STEP_ORDERS,
                };
                let header = Piece {
                    bytes: lines([HEADER.map(Cow::Borrowed)])?,
                    orders: 0,
                };
                return Ok(Some((header, Some((ledger, filter, Next::After(first))))));
            }
            Next::After(page) => page,
        };
        let orders = ledger.listed_orders(&filter, page).await?;
        let Some(last) = orders.last() else {
            return Ok(None);
        };
        let after = Page {
            after: Some(last.place()),
            ..page
        };
        let is_last = orders.len() < STEP_ORDERS as usize;
        let piece = Piece {
            bytes: lines(orders.iter().map(record))?,
            orders: orders.len(),
        };
        let rest = (!is_last).then_some((ledger, filter, Next::After(after)));
        Ok(Some((piece, rest)))
    })
}

fn lines<'a>(
    records: impl IntoIterator<Item = [Cow<'a, str>; HEADER.len()]>,
) -> csv::Result<Bytes> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(record.iter().map(|cell| cell.as_bytes()))?;
    }
    let written = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    Ok(written.into())
}

fn record(listed: &ListedOrder) -> [Cow<'_, str>; HEADER.len()] {
    let ListedOrder {
        order,
        email,
        product_name,
    } = listed;
    [
        order.id.to_string().into(),
        order.buyer.to_string().into(),
        order.sale.to_string().into(),
        order.product_id.to_string().into(),
        Order::QUANTITY.to_string().into(),
        order.price.to_string().into(),
        order.price.currency().to_string().into(),
        order.status.as_str().into(),
        instant(order.created_at).into(),
        instant(order.updated_at).into(),
        harmless(email.as_deref().unwrap_or_default()),
        harmless(product_name),
    ]
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A cell that no spreadsheet runs.
fn harmless(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA_BEGINS) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_cell_that_a_spreadsheet_could_run_becomes_a_text() {
        for cell in ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        for cell in ["", "Lamp", "a=b@example.org", "'=1", "1-2"] {
            assert_eq!(harmless(cell), cell);
        }
    }
}
