//! The place of a scenario: servers of its own, or an existing API; and the proof of a run at each. On servers of its
//! own, the tests' history checker checks the answers that clients got, and every sale is audited.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{bail, ensure};
use identity::token::Tokens;
use sale::model::SaleId;
use system::{
    history::{Circumstances, Proof, check},
    rest::at_rest,
};

use super::{
    outcome::Meter,
    plan::{Plan, Unit},
    record::{RATE_LIMITS, Record, conclusions, history, unexpected},
    target::Target,
};
use crate::ground::{Ground, POSTED_DEADLINE, address_of};

/// The maximum number of a run's violations, or of its kinds of undecided answers, that are shown.
const SHOWN_MAX: usize = 10;

pub enum Place {
    Own(Box<Ground>),
    Target(Arc<Target>),
}

impl Place {
    pub async fn open(target: Option<&str>) -> anyhow::Result<Self> {
        Ok(match target {
            Some(url) => Self::Target(Arc::new(Target::signing(url).await?)),
            None => Self::Own(Box::new(Ground::start().await?)),
        })
    }

    /// The API's address, and its name as `Host`.
    pub fn address(&self) -> anyhow::Result<(SocketAddr, String)> {
        match self {
            Self::Own(ground) => {
                let address = address_of(&ground.stage.api().url())?;
                Ok((address, address.to_string()))
            }
            Self::Target(target) => Ok((target.address, target.host.clone())),
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

    /// Checks all conditions after a run with this many measured requests, or orders. Returns the proof in words.
    pub(super) async fn prove_all(
        &mut self,
        plan: &Plan,
        sale: SaleId,
        records: &[Record],
        count: u64,
    ) -> anyhow::Result<String> {
        ensure!(!records.iter().any(Record::is_limited), RATE_LIMITS);
        let undecided = conclusions(records).undecided;
        let shown = undecided.iter().take(SHOWN_MAX);
        let shown: Vec<_> = shown
            .map(|(what, count)| format!("{count} times {what}"))
            .collect();
        let shown = shown.join("; ");
        ensure!(shown.is_empty(), "answers that decided nothing: {shown}");
        let unexpected = unexpected(plan, records);
        ensure!(
            unexpected.is_empty(),
            "statuses that {} does not expect: {unexpected:?}",
            plan.name
        );
        match (plan.unit, &*self) {
            // No buyer got an answer with an order of a prefilled journal: only the audit checks these.
            (Unit::Orders, Self::Own(_)) => Ok(format!("{count} orders are posted")),
            (Unit::Requests, Self::Own(_)) | (_, Self::Target(_)) => {
                self.prove(sale, records).await
            }
        }
    }

    /// Waits until everything is posted, and proves that the answers that buyers got are true. Returns the proof in
    /// words.
    pub async fn prove(&mut self, sale: SaleId, records: &[Record]) -> anyhow::Result<String> {
        let ground = match self {
            Self::Own(ground) => ground,
            Self::Target(target) => return target.prove(sale, records).await,
        };
        ground.begin_posting()?;
        let stage = &ground.stage;
        let rest = at_rest(&stage.gate, &stage.ledger, sale, POSTED_DEADLINE).await?;
        let events = history(records, sale);
        let circumstances = Circumstances::default();
        match check(&events, &rest.ledger, rest.gate.as_ref(), &circumstances) {
            Ok(proof) if proof.acknowledged == proof.confirmed => Ok(format!(
                "{} requests of {} buyers: {} got an order, and the ledger holds these {}",
                proof.requests, proof.buyers, proof.acknowledged, proof.confirmed
            )),
            Ok(Proof {
                acknowledged,
                confirmed,
                ..
            }) => {
                bail!("{acknowledged} buyers got an order, and the ledger holds {confirmed}")
            }
            Err(violations) => {
                let lines = violations.iter().take(SHOWN_MAX);
                let lines: Vec<String> = lines.map(ToString::to_string).collect();
                bail!("{} violations:\n{}", violations.len(), lines.join("\n"))
            }
        }
    }

    /// Audits all sales on servers of its own, and ends them. Returns the audit's result in words, if there was one.
    pub async fn close(self) -> anyhow::Result<Option<&'static str>> {
        let Self::Own(ground) = self else {
            return Ok(None);
        };
        ground.close().await?;
        Ok(Some("; the audit agrees"))
    }
}
