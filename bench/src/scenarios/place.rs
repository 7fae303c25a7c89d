//! The place of a scenario: servers of its own, or an existing API.

use std::{net::SocketAddr, sync::Arc};

use identity::token::Tokens;
use sale::model::SaleId;

use super::{
    meter::Meter,
    record::Record,
    target::{Target, signing},
};
use crate::ground::{Ground, address_of};

pub enum Place {
    Own(Box<Ground>),
    Target(Arc<Target>),
}

impl Place {
    pub async fn open(target: Option<&str>) -> anyhow::Result<Self> {
        Ok(match target {
            Some(url) => Self::Target(Arc::new(Target::find(url, signing()?).await?)),
            None => Self::Own(Box::new(Ground::start().await?)),
        })
    }

    pub fn address(&self) -> anyhow::Result<(SocketAddr, String)> {
        match self {
            Self::Own(ground) => {
                let address = address_of(&ground.stage.api().url())?;
                Ok((address, address.to_string()))
            }
            Self::Target(target) => Ok(target.address()),
        }
    }

    pub fn tokens(&self) -> anyhow::Result<Tokens> {
        match self {
            Self::Own(ground) => Ok(Tokens::new(&ground.stage.deployment.tokens())?),
            Self::Target(target) => target.tokens(),
        }
    }

    pub async fn sale(&mut self, units: u32) -> anyhow::Result<SaleId> {
        match self {
            Self::Own(ground) => Ok(ground.sale(units).await?.id),
            Self::Target(target) => target.sale(units).await,
        }
    }

    /// The processes there whose CPU time can be read, of those that run now.
    pub fn meter(&self) -> anyhow::Result<Meter> {
        match self {
            Self::Own(ground) => Ok(Meter {
                api: Some(ground.api_pid()?),
                redis: Some(ground.redis_pid()?),
                reconciler: ground.reconciler_pid().ok(),
                generator: None,
            }),
            Self::Target(_) => Ok(Meter::default()),
        }
    }

    /// Waits until everything is posted, and proves that the answers that buyers got are true. Returns the proof in
    /// words.
    pub async fn prove(&mut self, sale: SaleId, records: &[Record]) -> anyhow::Result<String> {
        match self {
            Self::Own(ground) => ground.prove(sale, records).await,
            Self::Target(target) => target.prove(sale, records).await,
        }
    }

    /// Audits all sales on servers of its own, and ends them. Returns the audit's result in words, if there was one.
    pub async fn close(self) -> anyhow::Result<Option<&'static str>> {
        match self {
            Self::Own(ground) => {
                ground.close().await?;
                Ok(Some("; the audit agrees"))
            }
            Self::Target(_) => Ok(None),
        }
    }
}
