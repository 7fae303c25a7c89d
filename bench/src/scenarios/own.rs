//! Proves a run on servers of its own. The tests' history checker checks the answers that clients got, and every sale is
//! audited.

use anyhow::bail;
use sale::model::SaleId;
use system::{
    history::{Circumstances, check},
    rest::at_rest,
};

use super::record::{Record, history};
use crate::ground::{Ground, POSTED_DEADLINE};

/// The maximum number of a run's violations that are printed.
const VIOLATIONS_MAX: usize = 10;

impl Ground {
    pub(super) async fn prove(
        &mut self,
        sale: SaleId,
        records: &[Record],
    ) -> anyhow::Result<String> {
        self.begin_posting()?;
        let stage = &self.stage;
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
}
