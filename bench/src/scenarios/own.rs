//! Servers of a scenario's own. The tests' history checker checks the answers that clients got, and every sale is
//! audited.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use identity::token::Tokens;
use sale::model::SaleId;
use system::{
    history::{Circumstances, check},
    rest::at_rest,
};

use super::{
    meter::Meter,
    record::{Record, history},
};
use crate::ground::{Ground, POSTED_DEADLINE, address_of, pid, plain};

/// The maximum number of a run's violations that are printed.
const VIOLATIONS_MAX: usize = 10;

pub struct Own {
    pub ground: Ground,
}

impl Own {
    pub(super) async fn start() -> anyhow::Result<Self> {
        Ok(Self {
            ground: Ground::start().await?,
        })
    }

    pub(super) fn address(&self) -> anyhow::Result<(SocketAddr, String)> {
        let address = address_of(&self.ground.stage.api().url())?;
        Ok((address, address.to_string()))
    }

    pub(super) fn tokens(&self) -> anyhow::Result<Tokens> {
        Ok(Tokens::new(&self.ground.stage.deployment.tokens())?)
    }

    pub(super) async fn sale(&self, units: u32) -> anyhow::Result<SaleId> {
        Ok(self.ground.sale(units).await?.id)
    }

    pub(super) fn meter(&self) -> anyhow::Result<Meter> {
        Ok(Meter {
            api: Some(self.api_pid()?),
            redis: Some(self.ground.redis_pid()?),
            reconciler: self.reconciler_pid().ok(),
        })
    }

    pub fn api_pid(&self) -> anyhow::Result<u32> {
        pid(self.ground.stage.api().process())
    }

    pub fn reconciler_pid(&self) -> anyhow::Result<u32> {
        let reconciler = self.ground.stage.reconcilers().first();
        pid(reconciler.context("there is no reconciler")?.process())
    }

    pub fn begin_posting(&mut self) -> anyhow::Result<()> {
        if self.ground.stage.reconcilers().is_empty() {
            self.ground.stage.start_reconciler(&[]).map_err(plain)?;
        }
        Ok(())
    }

    pub(super) async fn prove(
        &mut self,
        sale: SaleId,
        records: &[Record],
    ) -> anyhow::Result<String> {
        self.begin_posting()?;
        let stage = &self.ground.stage;
        let rest = at_rest(&stage.gate, &stage.ledger, sale, POSTED_DEADLINE).await?;
        let events = history(records, sale);
        let circumstances = Circumstances::default();
        match check(&events, &rest.ledger, rest.gate.as_ref(), &circumstances) {
            Ok(proof) if proof.acknowledged == proof.confirmed => Ok(format!(
                "{} requests of {} buyers: {} were told of an order, and the ledger holds these {}",
                proof.requests, proof.buyers, proof.acknowledged, proof.confirmed
            )),
            Ok(proof) => bail!(
                "{} buyers were told of an order, and the ledger holds {}",
                proof.acknowledged,
                proof.confirmed
            ),
            Err(violations) => {
                let lines = violations.iter().take(VIOLATIONS_MAX);
                let lines: Vec<String> = lines.map(ToString::to_string).collect();
                bail!("{} violations:\n{}", violations.len(), lines.join("\n"))
            }
        }
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.ground.close().await
    }
}
