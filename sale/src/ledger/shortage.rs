//! Puts figures to a change that wanted more units than there are. The database only says that it cannot be; the figures
//! are those of a moment later, so that the change itself needs no further look.

use super::{Ledger, LedgerError};
use crate::{
    input::UNITS_MAX,
    model::{ProductId, SaleId},
};

impl Ledger {
    /// What a sale that could not be created wanted too much of.
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

    /// What a sale that could not be restocked wanted too much of: of units in all, or of those in stock.
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
