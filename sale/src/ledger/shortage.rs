//! Adds figures to the error of a change that asked for too many units. The database only refuses the change. The
//! figures are read a moment later, so that the change itself needs no further query.

use super::{Ledger, LedgerError};
use crate::model::{ProductId, SaleId, UNITS_MAX};

impl Ledger {
    /// The error, with figures, of a sale that could not be created.
    pub(super) async fn shortage_of_creation(
        &self,
        error: LedgerError,
        product: ProductId,
        asked: Option<u32>,
    ) -> LedgerError {
        if !matches!(error, LedgerError::InsufficientStock) {
            return error;
        }
        match self.product(product).await {
            Ok(Some(product)) => LedgerError::ShortOfStock {
                asked: asked.unwrap_or(1),
                in_stock: product.quantity,
            },
            Ok(None) => LedgerError::UnknownProduct,
            Err(later) => later,
        }
    }

    /// The error, with figures, of a sale that could not be restocked: too many units in all, or for the stock.
    pub(super) async fn shortage_of_restock(
        &self,
        error: LedgerError,
        sale: SaleId,
        asked: u32,
    ) -> LedgerError {
        if !matches!(error, LedgerError::InsufficientStock) {
            return error;
        }
        match self.known_sale(sale).await {
            Ok(sale) if asked > UNITS_MAX.saturating_sub(sale.units) => {
                LedgerError::FullSale { units: sale.units }
            }
            Ok(sale) => {
                self.shortage_of_creation(error, sale.product_id, Some(asked))
                    .await
            }
            Err(later) => later,
        }
    }
}
