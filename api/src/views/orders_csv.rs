//! Orders as CSV (RFC 4180), for people with spreadsheets: for the export of the HTTP API, and that of the command line.
//!
//! They are read and written in steps, sale by sale, so that neither memory nor the cost of a step depends on how many
//! there are. Between two steps an export holds no connection to Postgres, however slowly its reader takes it.
//!
//! A spreadsheet runs a cell as a formula that begins with `=`, `+`, `-` or `@`, also behind a tab or a line break, and in
//! some languages in their full width. An address may begin so, and buyers choose theirs. Such a cell gets an apostrophe,
//! which makes it a text.

use std::{borrow::Cow, future::ready};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use sale::{
    ledger::{Ledger, LedgerError, ListedOrder, Order, OrderFilter, Page, Place, Sale},
    model::SaleId,
};

/// Orders read in one step.
const STEP_ORDERS: u32 = 1_000;
/// Sales read in one step.
const STEP_SALES: u32 = 100;

/// What a spreadsheet may take for the beginning of a formula.
const FORMULA_BEGINS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

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

/// The orders that pass this filter, behind a line with the names of the columns: the newest sale first, and of each
/// sale the newest order first.
pub fn pieces(
    ledger: Ledger,
    filter: OrderFilter,
) -> impl Stream<Item = Result<Piece, ExportError>> + Send {
    let sales = match filter.sale {
        Some(sale) => stream::once(ready(Ok(sale))).boxed(),
        None => all_sales(ledger.clone()).boxed(),
    };
    let orders = sales.map_ok(move |sale| {
        let of_sale = OrderFilter {
            sale: Some(sale),
            ..filter.clone()
        };
        orders(ledger.clone(), of_sale)
    });
    stream::once(ready(header())).chain(orders.try_flatten())
}

/// All sales, the newest first.
fn all_sales(ledger: Ledger) -> impl Stream<Item = Result<SaleId, ExportError>> + Send {
    let first = Page {
        after: None,
        limit: STEP_SALES,
    };
    let steps = stream::try_unfold(Some((ledger, first)), async |state| {
        let Some((ledger, page)) = state else {
            return Ok(None);
        };
        let sales = ledger.sales(page).await?;
        let next = next_page(page, &sales, Sale::place);
        let sales: Vec<_> = sales.iter().map(|sale| Ok(sale.id)).collect();
        let rest = next.map(|page| (ledger, page));
        Ok::<_, ExportError>(Some((stream::iter(sales), rest)))
    });
    steps.try_flatten()
}

/// The orders that pass this filter, the newest first.
fn orders(
    ledger: Ledger,
    filter: OrderFilter,
) -> impl Stream<Item = Result<Piece, ExportError>> + Send {
    let first = Page {
        after: None,
        limit: STEP_ORDERS,
    };
    stream::try_unfold(Some((ledger, filter, first)), async |state| {
        let Some((ledger, filter, page)) = state else {
            return Ok(None);
        };
        let orders = ledger.listed_orders(&filter, page).await?;
        if orders.is_empty() {
            return Ok(None);
        }
        let next = next_page(page, &orders, ListedOrder::place);
        let piece = Piece {
            bytes: lines(orders.iter().map(record))?,
            orders: orders.len(),
        };
        let rest = next.map(|page| (ledger, filter, page));
        Ok(Some((piece, rest)))
    })
}

/// The page behind these rows; `None` if there can be no more.
fn next_page<T>(page: Page, rows: &[T], place: impl Fn(&T) -> Place) -> Option<Page> {
    let last = rows.last().filter(|_| rows.len() >= page.limit as usize)?;
    Some(Page {
        after: Some(place(last)),
        ..page
    })
}

fn header() -> Result<Piece, ExportError> {
    Ok(Piece {
        bytes: lines([HEADER.map(Cow::Borrowed)])?,
        orders: 0,
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
        for cell in [
            "=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a",
        ] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        for cell in ["", "Lamp", "a=b@example.org", "'=1", "1-2"] {
            assert_eq!(harmless(cell), cell);
        }
    }
}
