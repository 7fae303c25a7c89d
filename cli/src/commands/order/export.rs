//! `mincommerce order export`: all orders of a sale as CSV, as the HTTP API exports them.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    pin::pin,
};

use anyhow::Context;
use api::views::orders_csv::{self, pieces};
use clap::Args;
use futures_util::TryStreamExt;
use process::output::{note, reader_of};
use sale::{
    ledger::{Ledger, OrderFilter},
    model::SaleId,
};

use crate::connections::missing;

/// Settings of `order export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The sale
    pub sale: SaleId,

    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Writes all orders of a sale, the newest first.
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
    Read(#[from] orders_csv::ExportError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes the orders, and returns how many there were.
async fn write(ledger: &Ledger, sale: SaleId, to: impl Write) -> Result<usize, ExportError> {
    let mut writer = BufWriter::new(to);
    let filter = OrderFilter {
        sale: Some(sale),
        ..OrderFilter::default()
    };
    let mut pieces = pin!(pieces(ledger.clone(), filter));
    let mut count = 0;
    while let Some(piece) = pieces.try_next().await? {
        writer.write_all(&piece.bytes)?;
        // A reader gets each step at once, and we notice when it has left.
        writer.flush()?;
        count += piece.orders;
    }
    Ok(count)
}
