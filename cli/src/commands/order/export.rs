//! `mincommerce order export`: all orders of a sale as CSV (RFC 4180). It reads and writes in steps, so that memory
//! does not depend on the size of the sale.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use csv::Writer;
use process::output::{note, reader_of};
use sale::{
    ledger::{self, Ledger},
    model::SaleId,
};

use crate::{connections::missing, instant::shown};

/// Orders read in one step.
const STEP_ORDERS: u32 = 1_000;

/// The columns, by their names in the HTTP API.
const HEADER: [&str; 10] = [
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
];

/// Settings of `order export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The sale
    pub sale: SaleId,

    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Writes all orders of a sale, in the order of their users' ids.
///
/// # Errors
/// There is no such sale, Postgres does not answer, or the file cannot be written.
pub(super) async fn run(ledger: &Ledger, export: Export) -> anyhow::Result<()> {
    let sale = ledger.sale(export.sale).await?;
    let sale = sale.ok_or_else(|| missing("sale", export.sale))?.id;
    match export.output {
        Some(path) => {
            let name = path.display();
            let file = File::create(&path);
            let file = file.with_context(|| format!("{name} cannot be made"))?;
            let count = write(ledger, sale, file).await;
            let count = count.with_context(|| format!("{name} is not complete"))?;
            note(&format!("{count} orders are in {name}"));
            Ok(())
        }
        None => match write(ledger, sale, io::stdout()).await {
            Err(ExportError::Write(error)) => {
                reader_of(Err(error))?;
                Ok(())
            }
            written => Ok(written.map(drop)?),
        },
    }
}

/// Why an export is not complete.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Read(#[from] ledger::LedgerError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes the orders, and returns how many there were.
async fn write(ledger: &Ledger, sale: SaleId, to: impl Write) -> Result<u64, ExportError> {
    let mut writer = Writer::from_writer(BufWriter::new(to));
    writer.write_record(HEADER).map_err(cause)?;
    let (mut count, mut after) = (0, None);
    loop {
        let orders = ledger.orders_by_buyer(sale, after, STEP_ORDERS).await?;
        let Some(last) = orders.last() else {
            break;
        };
        after = Some(last.buyer);
        count += orders.len() as u64;
        for order in &orders {
            writer.write_record(record(order)).map_err(cause)?;
        }
        // A reader gets each step at once, and we notice when it has left.
        writer.flush()?;
    }
    writer.flush()?;
    Ok(count)
}

/// The operating system's own error: only it distinguishes a reader that has left from other failures.
fn cause(error: csv::Error) -> io::Error {
    let told = error.to_string();
    if let csv::ErrorKind::Io(cause) = error.into_kind() {
        cause
    } else {
        io::Error::other(told)
    }
}

fn record(order: &ledger::Order) -> [String; HEADER.len()] {
    [
        order.id.to_string(),
        order.buyer.to_string(),
        order.sale.to_string(),
        order.product_id.to_string(),
        ledger::Order::QUANTITY.to_string(),
        order.price.to_string(),
        order.price.currency().to_string(),
        order.status.to_string(),
        shown(order.created_at),
        shown(order.updated_at),
    ]
}
