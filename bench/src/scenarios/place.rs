//! The place of a scenario: servers of its own, or an existing API.

use std::{net::SocketAddr, sync::Arc};

use identity::token::Tokens;
use sale::model::SaleId;

use super::{
    meter::Meter,
    own::Own,
    record::Record,
    target::{Target, signing},
};

pub enum Place {
    Own(Box<Own>),
    Target(Arc<Target>),
}

impl Place {
    pub async fn open(target: Option<&str>) -> anyhow::Result<Self> {
        Ok(match target {
            Some(url) => Self::Target(Arc::new(Target::find(url, signing()?).await?)),
            None => Self::Own(Box::new(Own::start().await?)),
        })
    }

    pub fn address(&self) -> anyhow::Result<(SocketAddr, String)> {
        match self {
            Self::Own(own) => own.address(),
            Self::Target(target) => Ok(target.address()),
        }
    }

    pub fn tokens(&self) -> anyhow::Result<Tokens> {
        match self {
            Self::Own(own) => own.tokens(),
            Self::Target(target) => target.tokens(),
        }
    }

    pub async fn sale(&mut self, units: u32) -> anyhow::Result<SaleId> {
        match self {
            Self::Own(own) => own.sale(units).await,
            Self::Target(target) => target.sale(units).await,
        }
    }

    /// The processes there whose CPU time can be read, of those that run now.
    pub fn meter(&self) -> anyhow::Result<Meter> {
        match self {
            Self::Own(own) => own.meter(),
            Self::Target(_) => Ok(Meter::default()),
        }
    }

    /// Waits until everything is posted, and proves that the answers that buyers got are true. Returns the proof in
    /// words.
    pub async fn prove(&mut self, sale: SaleId, records: &[Record]) -> anyhow::Result<String> {
        match self {
            Self::Own(own) => own.prove(sale, records).await,
            Self::Target(target) => target.prove(sale, records).await,
        }
    }

    /// Audits all sales on servers of its own, and ends them. Returns the audit's result in words, if there was one.
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
