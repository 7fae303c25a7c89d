//! `mincommerce sale create`.

use chrono::Utc;
use clap::Args;
use sale::{
    ledger::NewSale,
    model::{ProductId, SaleId},
};

use super::{end_help, start_help, too_far};
use crate::{connections::Idempotency, instant::Instant, wrong_use::WrongUse};

/// Settings of `sale create`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Everything in stock, for an hour from now on:
    mincommerce sale create --product 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --end-time +1h
  100 units, on a morning to come:
    mincommerce sale create --product 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --quantity 100 \\
      --start-time 2026-11-27T08:00:00Z --end-time 2026-11-27T10:00:00Z
  The same once, however often a script runs it:
    mincommerce sale create --product 0199a0c4-5f3c-7d1e-9b53-2f8e4f6a7c10 --quantity 100 \\
      --start-time 2026-11-27T08:00:00Z --end-time 2026-11-27T10:00:00Z \\
      --idempotency-key black-friday")]
pub struct Create {
    /// What it offers: the id of a product, at the product's price of this moment
    #[arg(long)]
    pub product: ProductId,

    /// The first instant at which it sells
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true,
          long_help = start_help())]
    pub start_time: Instant,

    /// The first instant at which it no longer sells
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, long_help = end_help())]
    pub end_time: Instant,

    /// How many units, one a buyer [default: all that are in stock]
    #[arg(long)]
    pub quantity: Option<u32>,

    /// Doing it once.
    #[command(flatten)]
    pub idempotency: Idempotency,
}

impl Create {
    /// The sale as the options describe it, with relative times from now.
    ///
    /// # Errors
    /// A time or a value that the options got wrong.
    pub fn resolve(&self) -> Result<NewSale, WrongUse> {
        let now = Utc::now();
        let new = NewSale {
            id: SaleId::random(),
            product: self.product,
            start: self.start_time.resolve(now).ok_or_else(too_far)?,
            end: self.end_time.resolve(now).ok_or_else(too_far)?,
            units: self.quantity,
        };
        new.check()?;
        Ok(new)
    }
}
