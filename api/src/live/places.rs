//! The places that streams hold, and why there is none.

use std::{net::IpAddr, sync::Arc};

use prometheus::IntGauge;
use sale::model::BuyerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::StreamLimits;
use crate::{
    connection::client_address::Network,
    metrics::{InFlight, Metrics},
    quota::{Place, Quota},
};

/// Why a stream is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamRefused {
    /// The process has as many streams as it may have.
    #[error("too many streams are open")]
    Full,
    /// The user has.
    #[error("the user has too many streams")]
    OfUser,
    /// The address has.
    #[error("the address has too many streams")]
    OfAddress,
    /// Neither the gate nor the ledger says anything about the sale.
    #[error("the sale cannot be looked at")]
    Unknown,
}

/// The places that the streams of this process may take.
pub struct StreamPlaces {
    all: Arc<Semaphore>,
    by_address: Quota<Network>,
    by_user: Quota<BuyerId>,
    open: IntGauge,
    open_consoles: IntGauge,
}

/// What a stream holds until it is dropped.
#[derive(Debug)]
pub struct StreamPlace {
    _all: Option<OwnedSemaphorePermit>,
    _of_address: Option<Place<Network>>,
    _of_user: Option<Place<BuyerId>>,
    _counted: InFlight,
    _console: Option<InFlight>,
}

impl StreamPlaces {
    /// The metrics show how many are taken.
    pub fn new(limits: StreamLimits, metrics: &Metrics) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.streams_max)),
            by_address: Quota::new(limits.per_address_max),
            by_user: Quota::new(limits.per_user_max),
            open: metrics.streams(),
            open_consoles: metrics.consoles(),
        }
    }

    /// A place for a stream.
    pub fn take(
        &self,
        address: IpAddr,
        user: Option<BuyerId>,
    ) -> Result<StreamPlace, StreamRefused> {
        let of_address = self.by_address.take(Network::of(address));
        let of_address = of_address.ok_or(StreamRefused::OfAddress)?;
        let of_user = user.map(|user| self.of_user(user)).transpose()?;
        let all = Arc::clone(&self.all).try_acquire_owned();
        Ok(StreamPlace {
            _all: Some(all.map_err(|_| StreamRefused::Full)?),
            _of_address: Some(of_address),
            _of_user: of_user,
            _counted: InFlight::new(&self.open),
            _console: None,
        })
    }

    /// A place for an admin's console. A crowd that has taken all other places does not lock admins out.
    pub fn take_for_console(&self, admin: BuyerId) -> Result<StreamPlace, StreamRefused> {
        Ok(StreamPlace {
            _all: None,
            _of_address: None,
            _of_user: Some(self.of_user(admin)?),
            _counted: InFlight::new(&self.open),
            _console: Some(InFlight::new(&self.open_consoles)),
        })
    }

    fn of_user(&self, user: BuyerId) -> Result<Place<BuyerId>, StreamRefused> {
        self.by_user.take(user).ok_or(StreamRefused::OfUser)
    }
}
