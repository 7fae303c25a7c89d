//! The failures of the domain as problems: the one place that maps them to HTTP.

use std::sync::Arc;

use identity::{passwords::PasswordError, token::TokenError};
use sale::{
    audit::AuditError,
    gate::GateError,
    install::{Condition, InstallError},
    invalid::Invalid,
    ledger::LedgerError,
    lifecycle::LifecycleError,
    model::{UNITS_MAX, last_instant_text},
    money::Currency,
    replay::ReplayError,
    settle::SettleError,
    store::StoreError,
};

use super::{Code, Problem};
use crate::{
    live::places::StreamRefused,
    purchases::{batcher::AdmitError, lookups::Unknown},
    sales::{SharedError, ShowError},
};

const NEEDS_A_PERSON: &str = "The records of this sale contradict each other, so it stays closed. `mincommerce-reconciler audit` says what an \
     operator must correct.";

/// The same text for a missing token and for an invalid one.
pub const TOKEN_REQUIRED: &str = "A valid token is required.";

const LATER: &str = "This cannot be answered at the moment. It is safe to try again.";

/// When a client should retry for whom there is no place for a stream, seconds.
const STREAM_RETRY_AFTER_SECONDS: u64 = 5;

impl Problem {
    /// A gate is not closed where nothing would open it again if this process died.
    pub fn no_reconciler() -> Self {
        Self::unavailable(
            "No reconciler is running, which would be needed. Nothing was changed: start one, and try again.",
        )
    }

    fn too_many_streams(detail: &'static str) -> Self {
        Self::new(Code::TooManyAttempts, detail).retry_after(STREAM_RETRY_AFTER_SECONDS)
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::of_field(invalid.field, format!("{invalid}."))
    }
}

impl From<TokenError> for Problem {
    /// An invalid token, whatever is wrong with it. Only an expired one has a code of its own.
    fn from(error: TokenError) -> Self {
        if matches!(error, TokenError::Expired) {
            Self::new(Code::TokenExpired, "Your token has expired: log in again.").challenge(
                "Bearer error=\"invalid_token\", error_description=\"The token has expired\"",
            )
        } else {
            Self::new(Code::Unauthorized, TOKEN_REQUIRED).challenge(
                "Bearer error=\"invalid_token\", error_description=\"The token is not valid\"",
            )
        }
    }
}

impl From<StreamRefused> for Problem {
    fn from(refused: StreamRefused) -> Self {
        match refused {
            StreamRefused::OfUser => Self::too_many_streams("Too many of your event streams are open."),
            StreamRefused::OfAddress => {
                Self::too_many_streams("Too many event streams from your address are open.")
            }
            StreamRefused::Full => Self::unavailable(
                "Too many event streams are open. It is safe to try again later: ask for the status meanwhile.",
            )
            .retry_after(STREAM_RETRY_AFTER_SECONDS),
            StreamRefused::Unknown => Self::unavailable(LATER),
        }
    }
}

impl From<GateError> for Problem {
    fn from(error: GateError) -> Self {
        Self::unavailable(LATER).because(&error)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Gate(error) => Self::unavailable(LATER).because(error),
            StoreError::Ledger(error) => error.into(),
        }
    }
}

impl From<Arc<StoreError>> for Problem {
    fn from(error: Arc<StoreError>) -> Self {
        Self::from(&*error)
    }
}

impl From<LifecycleError> for Problem {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::OrderPending => Self::new(
                Code::Conflict,
                "This purchase is still being recorded. Try again in a moment.",
            ),
            LifecycleError::OrderRejected => Self::new(
                Code::Conflict,
                "This purchase could not be completed, so there is no order to cancel.",
            ),
            LifecycleError::Install(error) => error.into(),
            LifecycleError::Settle(error) => error.into(),
            LifecycleError::Store(error) => Self::from(&error),
        }
    }
}

impl From<Arc<LifecycleError>> for Problem {
    /// Callers that asked together for the counts of a sale share the error.
    fn from(error: Arc<LifecycleError>) -> Self {
        match &*error {
            LifecycleError::Store(error) => error.into(),
            LifecycleError::OrderPending
            | LifecycleError::OrderRejected
            | LifecycleError::Install(_)
            | LifecycleError::Settle(_) => Self::internal(&*error),
        }
    }
}

impl From<InstallError> for Problem {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Store(error) => Self::from(&error),
            InstallError::UnknownSale => Self::sale_not_found(),
            InstallError::Settled => LedgerError::WrongState.into(),
            InstallError::Ahead | InstallError::UncountableEpoch(_) | InstallError::Differs(_) => {
                Self::new(Code::Conflict, NEEDS_A_PERSON).because(&error)
            }
            InstallError::Busy | InstallError::Undrained | InstallError::Unsettled => {
                Self::unavailable(LATER).because(&error)
            }
        }
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::UnknownSale => Self::sale_not_found(),
            AuditError::Store(error) => Self::from(&error),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Busy | ReplayError::Unsettled => Self::unavailable(
                "The gate of the sale is being loaded. It is safe to try again in a moment.",
            )
            .because(&error),
            ReplayError::Undrained => Self::unavailable(
                "Not all purchases of the sale were recorded in time, so that nothing was replayed. Is a reconciler \
                 at work? It also opens the sale again. It is safe to try again then.",
            )
            .because(&error),
            ReplayError::Unattended => Self::no_reconciler(),
            ReplayError::Ahead => Self::new(Code::Conflict, NEEDS_A_PERSON).because(&error),
            ReplayError::Store(error) => Self::from(&error),
        }
    }
}

impl From<SettleError> for Problem {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::UnknownSale => Self::sale_not_found(),
            SettleError::Changed => Self::new(
                Code::Conflict,
                "The sale was changed meanwhile. Look at it, and settle it again.",
            ),
            SettleError::Unsound(Condition::Ahead) | SettleError::ClockAhead { .. } => {
                Self::new(Code::Conflict, NEEDS_A_PERSON).because(&error)
            }
            SettleError::Undrained | SettleError::Unsound(_) => Self::unavailable(
                "The sale has ended, and not all of its purchases are recorded yet. It is safe to try \
                 again in a moment.",
            )
            .because(&error),
            SettleError::Store(error) => Self::from(&error),
        }
    }
}

impl From<&LedgerError> for Problem {
    fn from(error: &LedgerError) -> Self {
        match error {
            LedgerError::UnknownProduct => Self::new(Code::NotFound, "There is no such product."),
            LedgerError::ArchivedProduct => Self::new(
                Code::Conflict,
                "The product is archived, and gets no new sale. Take it out of the archive first.",
            )
            .about("productId"),
            LedgerError::UnknownSale => Self::sale_not_found(),
            LedgerError::UnknownOrder => Self::new(Code::NotFound, "There is no such order."),
            LedgerError::InsufficientStock => Self::new(
                Code::InsufficientStock,
                "The product does not have that many units in stock.",
            ),
            LedgerError::ShortOfStock { asked, in_stock } => short_of_stock(*asked, *in_stock),
            LedgerError::FullSale { units } => full_sale(*units),
            LedgerError::FewerUnits { quantity } => Self::new(
                Code::InsufficientStock,
                format!("The product has only {quantity} units in stock."),
            )
            .with_stock(*quantity),
            LedgerError::StockChanged { quantity } => stock_changed(*quantity),
            LedgerError::PriceUnfit { price, currency } => price_unfit(price, *currency),
            LedgerError::ProductPriceUnfit => Self::new(
                Code::Conflict,
                "The price of the product does not fit its currency: change it first.",
            ),
            LedgerError::InvalidWindow => Self::validation("A sale must end after it starts."),
            LedgerError::PastWindow => {
                Self::validation("endTime must be in the future. To stop a sale that runs, end it.")
            }
            LedgerError::FarWindow => Self::validation(format!(
                "endTime must be no later than {}.",
                last_instant_text()
            )),
            LedgerError::Exists => {
                Self::new(Code::Conflict, "This id or address is in use already.")
            }
            LedgerError::FullStock => Self::new(
                Code::Conflict,
                format!(
                    "The product's stock cannot hold so many units, but at most {UNITS_MAX}. Lower it \
                     first."
                ),
            ),
            LedgerError::KeyReused => Self::new(
                Code::Conflict,
                "This Idempotency-Key was used for another request. Send a new key with a new request.",
            ),
            LedgerError::WrongState => Self::new(
                Code::Conflict,
                "The sale has ended, and cannot be changed any more.",
            ),
            LedgerError::SearchTooLong => Self::unavailable(
                "The search took too long, and was given up. Search for less: for a longer text, or with more filters.",
            ),
            LedgerError::Unavailable(_) | LedgerError::TimedOut => {
                Self::unavailable(LATER).because(error)
            }
            LedgerError::Settings(_) | LedgerError::Failed(_) => Self::internal(error),
        }
    }
}

fn short_of_stock(asked: u32, in_stock: u32) -> Problem {
    let detail = match in_stock {
        0 => "The product has no units in stock. Add to its stock first.".to_owned(),
        _ => format!(
            "quantity must be from 1 to {in_stock}: the product has that many units in stock, and {asked} \
             were asked for."
        ),
    };
    Problem::new(Code::InsufficientStock, detail).about("quantity")
}

fn full_sale(units: u32) -> Problem {
    let detail = match UNITS_MAX.saturating_sub(units) {
        0 => format!("The sale has {UNITS_MAX} units, and no more can be counted."),
        more => format!(
            "quantity must be at most {more}: the sale has {units} units, and can have at most {UNITS_MAX}."
        ),
    };
    Problem::of_field("quantity", detail)
}

fn stock_changed(quantity: u32) -> Problem {
    let detail = format!(
        "The stock was changed since it was read: there are {quantity} units now. Send that as \
         expectedQuantity, or send addQuantity or removeQuantity."
    );
    Problem::new(Code::Conflict, detail).with_stock(quantity)
}

fn price_unfit(price: &str, currency: Currency) -> Problem {
    let decimals = currency.decimals_in_words();
    let fault = format!("is not valid: {price} does not fit, {currency} has {decimals}");
    let field = "price";
    Invalid { field, fault }.into()
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::from(&error)
    }
}

impl From<SharedError> for Problem {
    fn from(error: SharedError) -> Self {
        Self::from(&*error)
    }
}

impl From<ShowError> for Problem {
    fn from(error: ShowError) -> Self {
        match error {
            ShowError::Ledger(error) => error.into(),
            ShowError::Write(error) => Self::internal(&*error),
        }
    }
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Ledger(error) => error.into(),
            Unknown::Busy => {
                Self::unavailable("Too many look-ups are waiting. It is safe to ask again.")
            }
            Unknown::Gate(_) => Self::unavailable(
                "It is not known at the moment whether there is such a purchase. It is safe to \
                 ask again.",
            )
            .because(&unknown),
        }
    }
}

impl From<AdmitError> for Problem {
    /// No cause for the log: a rush has many of these failures, and the metrics count them.
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::UnknownSale => Self::sale_not_found(),
            AdmitError::QueueFull => Self::unavailable(
                "Too many purchases are waiting. This request had no effect; it is safe to try \
                 again.",
            ),
            AdmitError::Unavailable | AdmitError::ShuttingDown => Self::unavailable(
                "Purchases cannot be made at the moment. This request had no effect; it is safe \
                 to try again.",
            ),
            AdmitError::OutcomeUnknown => Self::unavailable(
                "It is not known whether your purchase was made. It is safe to try again: nobody \
                 buys twice.",
            )
            .outcome_unknown(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => {
                Self::unavailable("Too many logins are waiting. It is safe to try again.")
            }
            PasswordError::Hash(_) | PasswordError::BrokenOff => Self::internal(&error),
        }
    }
}
