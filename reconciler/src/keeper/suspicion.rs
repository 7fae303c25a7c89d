//! The checks of a gate that says itself that it decides.
//!
//! The gate was read after the ledger. So each suspicion is checked against the ledger once more: it may have posted,
//! or changed, in between.

use sale::{
    gate::{admission::GateProgress, snapshot::Snapshot},
    ledger::Sale,
    model::SaleId,
};

use super::Keeper;

/// The result of the checks of a gate that decides.
pub(super) enum Suspicion {
    /// Nothing.
    None,
    /// It must be closed, and rebuilt from the ledger.
    Wrong,
    /// Some buyer has a mark, but neither an entry nor an order.
    StrayMarks,
}

impl Keeper {
    /// What is wrong with a gate that decides.
    pub(super) async fn suspicion(
        &self,
        sale: &Sale,
        found: &Snapshot,
    ) -> anyhow::Result<Suspicion> {
        let now = GateProgress {
            epoch: found.epoch,
            taken: found.taken,
        };
        let seen = self.seen.lock().await.insert(sale.id, now);
        if let Some(seen) = seen.filter(|seen| seen.epoch == now.epoch && seen.taken > now.taken) {
            // Kept for the report of the rebuild.
            self.seen.lock().await.insert(sale.id, seen);
            tracing::error!(
                sale = %sale.id, seen = seen.taken, taken = now.taken,
                "the gate was rolled back, and is rebuilt"
            );
            return Ok(Suspicion::Wrong);
        }
        if self.has_foreign_terms(sale, found).await? {
            return Ok(Suspicion::Wrong);
        }
        self.flow(sale, found).await
    }

    /// Whether the gate has terms that the ledger does not have: newer ones, or others of the same version. Then the
    /// ledger was rolled back, and its present terms count.
    async fn has_foreign_terms(&self, sale: &Sale, found: &Snapshot) -> anyhow::Result<bool> {
        if !are_foreign(sale, found) {
            return Ok(false);
        }
        let now = self.ledger.sale(sale.id).await?;
        let Some(now) = now.filter(|now| are_foreign(now, found)) else {
            return Ok(false);
        };
        tracing::error!(
            sale = %sale.id, gate_version = found.version.0, ledger_version = now.version.0,
            differing = ?found.terms_unlike(&now),
            "ALARM: the gate has terms that the ledger does not have, which was rolled back; the gate is rebuilt"
        );
        Ok(true)
    }

    /// With an empty journal all taken purchases must be posted, and forgotten ones must be posted always. A taken
    /// purchase that is not posted then is posted from its mark.
    async fn flow(&self, sale: &Sale, found: &Snapshot) -> anyhow::Result<Suspicion> {
        let suspect = found.backlog.entries == 0 && found.taken > u64::from(sale.posted);
        if !suspect && found.forgotten <= u64::from(sale.posted) {
            return Ok(Suspicion::None);
        }
        let Some(standing) = self.ledger.standing(sale.id).await? else {
            return Ok(Suspicion::None);
        };
        if found.forgotten > standing.posted {
            tracing::error!(sale = %sale.id, "more was forgotten than posted: the gate is rebuilt");
            return Ok(Suspicion::Wrong);
        }
        if suspect && found.taken > standing.posted {
            tracing::error!(sale = %sale.id, "marks without a journal entry are posted");
            return Ok(Suspicion::StrayMarks);
        }
        Ok(Suspicion::None)
    }

    /// A gate seems newer than the ledger. An install may have ended since the ledger was read, so this reads the
    /// ledger once more, after the gate.
    pub(super) async fn check_ahead(&self, sale: SaleId) -> anyhow::Result<()> {
        let found = self.gate.snapshot(sale).await?;
        let now = self.ledger.sale(sale).await?;
        if let (Some(found), Some(now)) = (found, now)
            && found.epoch > now.epoch
        {
            tracing::error!(
                %sale,
                gate_epoch = %found.epoch,
                ledger_epoch = %now.epoch,
                "ALARM: the gate is newer than the ledger, which was rolled back; \
                 it is closed until a person has looked"
            );
            self.gate.close(sale).await?;
        }
        Ok(())
    }
}

fn are_foreign(sale: &Sale, found: &Snapshot) -> bool {
    found.version > sale.version
        || (found.version == sale.version && !found.terms_unlike(sale).is_empty())
}
