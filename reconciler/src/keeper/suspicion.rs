//! What a look at a gate proves to be wrong, although the gate itself says that it decides.
//!
//! The gate was looked at after the ledger was read, so whatever seems wrong is held against the ledger
//! once more: it may have posted, or changed, in between.

use sale::{
    gate::{admission::Progress, snapshot::Snapshot},
    ledger::Sale,
    model::SaleId,
};

use super::Keeper;

/// What a look at a gate that decides gives rise to.
pub(super) enum Suspicion {
    /// Nothing.
    None,
    /// It must be closed, to be rebuilt from the ledger.
    Wrong,
    /// Somebody has a mark, and neither an entry nor an order.
    StrayMarks,
}

impl Keeper {
    /// What is wrong with a gate that decides.
    pub(super) async fn suspicion(
        &self,
        sale: &Sale,
        found: &Snapshot,
    ) -> anyhow::Result<Suspicion> {
        let now = Progress {
            epoch: found.epoch,
            taken: found.taken,
        };
        let seen = self.seen.lock().await.insert(sale.id, now);
        if let Some(seen) = seen.filter(|seen| seen.epoch == now.epoch && seen.taken > now.taken) {
            // For the report of the rebuild.
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

    /// Whether the gate has terms that the ledger does not have: newer ones, or others of the same
    /// version. The ledger was rolled back, and what it has now is what counts.
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

    /// An empty journal means that all who are taken are posted, and none is forgotten who is not.
    /// Whoever is taken and not posted then is posted from the mark.
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

    /// A gate seems newer than the ledger: an install may have ended since the ledger was read, so
    /// it is read once more, after the gate.
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
