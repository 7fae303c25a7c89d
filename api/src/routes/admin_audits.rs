//! The audit of a sale and its repair, for admins. `sale/src/audit` judges and repairs.

use std::{sync::Arc, time::Duration};

use poem::web::Data;
use poem_openapi::{OpenApi, param::Path};
use sale::{
    audit::{
        Row, audit,
        repair::{Plan, carry_out},
    },
    gate::Gate,
    ledger::Ledger,
    model::SaleId,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::Admin,
    payload::{Reply, Success, success},
    problem::{Problem, Refusal, failures},
    services::Services,
    views::{SaleAudit, SaleRepair},
};

/// How long an audit may take: it reads all buyers of a sale twice. Less than a request may take by default.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a repair may wait for the reconcilers to empty the journal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

failures! {
    /// Why a sale was not audited.
    AuditFailed {
        /// The request is not valid.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// It cannot be answered at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

failures! {
    /// Why a sale was not repaired.
    RepairFailed {
        /// The request is not valid.
        Invalid = 400,
        /// SALE_NOT_FOUND.
        NotFound = 404,
        /// The sale is settled, or its records contradict each other: a person has to look.
        Conflict = 409,
        /// It cannot be done at the moment; it is safe to try again.
        Unavailable = 503,
    }
}

/// The audits of sales.
pub struct AdminAuditsApi;

#[OpenApi(prefix_path = "/api/admin/flash-sale", tag = "Tag::Administration")]
impl AdminAuditsApi {
    /// Whether gate, journal and ledger of a sale agree
    ///
    /// It may be asked at any instant, also while the sale sells. Each difference has a name and an explanation. An audit
    /// takes 20 s at most, and a process makes two at the same time.
    #[oai(path = "/:id/audit", method = "get", operation_id = "auditFlashSale")]
    async fn audit(
        &self,
        services: Data<&Arc<Services>>,
        _admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> Result<Reply<Success<SaleAudit>>, Refusal<AuditFailed>> {
        let _place = services.long_work.audit()?;
        let sale = SaleId::from_uuid(id.0);
        let row = audited(&services.gate, &services.ledger, sale).await?;
        Ok(success(row.into()))
    }

    /// Repair the differences of a sale that a program can repair
    ///
    /// It audits the sale, posts admitted purchases that are missing in the ledger or loads the gate from the ledger,
    /// and audits the sale again. It decides no purchase again. Where one difference needs a person it changes nothing.
    /// While the gate is loaded, the sale answers its buyers with 503 for a moment. It may be repeated.
    #[oai(
        path = "/:id/audit/repair",
        method = "post",
        operation_id = "repairFlashSale"
    )]
    async fn repair(
        &self,
        services: Data<&Arc<Services>>,
        admin: Admin,
        /// The sale.
        id: Path<Uuid>,
    ) -> Result<Reply<Success<SaleRepair>>, Refusal<RepairFailed>> {
        let place = services.long_work.audit()?;
        let (sale, by) = (SaleId::from_uuid(id.0), admin.caller.buyer);
        let ledger = services.ledger.on_behalf(admin.by(None));
        let (gate, sales) = (services.gate.clone(), services.sales.clone());
        let repaired = services.detached.run(async move {
            let _until_the_end = place;
            let plan = Plan::of(&audited(&gate, &ledger, sale).await?);
            if plan == Plan::Rebuild && ledger.reconcilers().await? == 0 {
                return Err(Problem::no_reconciler());
            }
            let repaired = carry_out(plan, &gate, &ledger, sale, DRAIN_TIMEOUT).await?;
            sales.forget(sale).await;
            tracing::info!(%sale, %by, repair = repaired.word(), "sale repaired");
            let after = audited(&gate, &ledger, sale).await?;
            Ok(SaleRepair::new(repaired, after))
        });
        Ok(success(repaired.await??))
    }
}

/// The audit of a sale, within [`AUDIT_TIMEOUT`].
async fn audited(gate: &Gate, ledger: &Ledger, sale: SaleId) -> Result<Row, Problem> {
    match timeout(AUDIT_TIMEOUT, audit(gate, ledger, sale)).await {
        Ok(row) => Ok(row?),
        Err(_) => Err(Problem::unavailable(
            "The audit took too long. `mincommerce-reconciler audit` has no limit of time.",
        )),
    }
}
