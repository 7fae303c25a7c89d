//! Where a scenario runs: on servers of its own, or at an API that is there.

use std::{net::SocketAddr, sync::Arc};

use sale::{model::SaleId, token::Tokens};

use super::{
    meter::Meter,
    own::Own,
    record::Record,
    target::{Target, signing},
};

/// A place.
pub enum Place {
    /// Servers of its own.
    Own(Box<Own>),
    /// An API that is there.
    Target(Arc<Target>),
}

impl Place {
    /// Starts servers, or finds the API.
    ///
    /// # Errors
    /// They do not start, or nobody is there.
    pub async fn open(target: Option<&str>) -> anyhow::Result<Self> {
        Ok(match target {
            Some(url) => Self::Target(Arc::new(Target::find(url, signing()?).await?)),
            None => Self::Own(Box::new(Own::start().await?)),
        })
    }

    /// Where the API listens, and what it is called.
    ///
    /// # Errors
    /// It is nowhere.
    pub fn address(&self) -> anyhow::Result<(SocketAddr, String)> {
        match self {
            Self::Own(own) => own.address(),
            Self::Target(target) => Ok(target.address()),
        }
    }

    /// What signs tokens that the API takes.
    ///
    /// # Errors
    /// A setting is no good.
    pub fn tokens(&self) -> anyhow::Result<Tokens> {
        match self {
            Self::Own(own) => own.tokens(),
            Self::Target(target) => target.tokens(),
        }
    }

    /// A sale of so many units that sells now.
    ///
    /// # Errors
    /// It was not made.
    pub async fn sale(&mut self, units: u32) -> anyhow::Result<SaleId> {
        match self {
            Self::Own(own) => own.sale(units).await,
            Self::Target(target) => target.sale(units).await,
        }
    }

    /// Whose CPU time can be read there, of the processes that run now.
    ///
    /// # Errors
    /// The API or Redis does not run.
    pub fn meter(&self) -> anyhow::Result<Meter> {
        match self {
            Self::Own(own) => own.meter(),
            Self::Target(_) => Ok(Meter::default()),
        }
    }

    /// Waits until all is posted, and proves that what buyers were told is what is there. Says what was
    /// proven.
    ///
    /// # Errors
    /// It is not, or not in time.
    pub async fn prove(&mut self, sale: SaleId, records: &[Record]) -> anyhow::Result<String> {
        match self {
            Self::Own(own) => own.prove(sale, records).await,
            Self::Target(target) => target.prove(sale, records).await,
        }
    }

    /// Audits all sales on servers of its own, and ends them. Says that they agree, where it could see that.
    ///
    /// # Errors
    /// A sale does not agree, or a process does not end.
    pub async fn close(self) -> anyhow::Result<Option<&'static str>> {
        match self {
            Self::Own(own) => {
                own.close().await?;
                Ok(Some("; the audit agrees"))
            }
            Self::Target(_) => Ok(None),
        }
    }
}
