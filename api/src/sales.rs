//! What the API remembers for a moment about sales, so that a crowd that looks at one sale asks gate and ledger once.
//! Callers at the same time share one question. The caches remember missing sales too, and none grows with what
//! callers make up.
//!
//! While the ledger is away nobody can change a sale, so its last answer remains in use: sales go on selling, and can
//! be shown.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use moka::future::Cache;
use sale::{
    gate::{Gate, snapshot::Snapshot},
    ledger::{Ledger, LedgerError, Page, Sale, within},
    model::{SaleId, SaleState},
    view::{self, View},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use crate::replies::shared::SharedReply;

/// How long the ledger's answer about a sale is used.
const SALE_LIFETIME: Duration = Duration::from_secs(1);
/// How long the ledger's last answer is used while the ledger is away.
const LAST_WORD_LIFETIME: Duration = Duration::from_secs(600);
/// How long the ledger may take to answer about a sale.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a snapshot of a gate is used.
const SNAPSHOT_LIFETIME: Duration = Duration::from_millis(100);
/// Sales that are remembered, including made-up ones.
const SALES_MAX: u64 = 10_000;

/// Sales in which to look for a purchase without a sale's id: those that began last.
pub const RECENT_SALES_MAX: u32 = 64;
/// First pages that are remembered, one for each length.
const FIRST_PAGES_MAX: u64 = 4;
/// Pages after the first that requests ask of the ledger at the same time.
const LISTS_AT_ONCE: usize = 2;
/// A ledger's error that several callers share.
pub type SharedError = Arc<LedgerError>;

/// A gate at one instant, and when that was.
#[derive(Debug)]
struct Look {
    gate: Snapshot,
    at: Instant,
    /// What everybody sees by this look, once somebody has asked for it.
    shown: OnceLock<(View, SharedReply)>,
}

/// A sale as everybody sees it.
#[derive(Debug, Clone)]
pub struct Showing {
    /// The sale.
    pub sale: Arc<Sale>,
    /// The view of it.
    pub view: View,
    /// The reply that shows it.
    pub reply: SharedReply,
}

/// Why a sale cannot be shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ShowError {
    /// The ledger does not answer.
    #[error(transparent)]
    Ledger(#[from] SharedError),
    /// The reply cannot be written.
    #[error("a reply cannot be written")]
    Write(#[from] Arc<serde_json::Error>),
}

/// Sales and their states.
type States = Arc<[(SaleId, SaleState)]>;

/// What the process knows about sales.
#[derive(Clone)]
pub struct Sales {
    gate: Gate,
    ledger: Ledger,
    /// The current sale is under `None`.
    sales: Cache<Option<SaleId>, Option<Arc<Sale>>>,
    last_words: Cache<Option<SaleId>, Arc<Sale>>,
    live: Cache<(), States>,
    recent: Cache<(), States>,
    /// The first page of the sales to come, by its length.
    coming: Cache<u32, Arc<[Arc<Sale>]>>,
    /// Turns of callers who ask for another page.
    lists: Arc<Semaphore>,
    looks: Cache<SaleId, Option<Arc<Look>>>,
    /// First pages as everybody sees them, by their length.
    pages: Cache<u32, SharedReply>,
}

impl Sales {
    /// Knows nothing yet.
    pub fn new(gate: Gate, ledger: Ledger) -> Self {
        Self {
            gate,
            ledger,
            sales: Cache::builder()
                .max_capacity(SALES_MAX)
                .time_to_live(SALE_LIFETIME)
                .build(),
            last_words: Cache::builder()
                .max_capacity(SALES_MAX)
                .time_to_live(LAST_WORD_LIFETIME)
                .build(),
            live: Cache::builder()
                .max_capacity(1)
                .time_to_live(SALE_LIFETIME)
                .build(),
            recent: Cache::builder()
                .max_capacity(1)
                .time_to_live(SALE_LIFETIME)
                .build(),
            coming: Cache::builder()
                .max_capacity(FIRST_PAGES_MAX)
                .time_to_live(SALE_LIFETIME)
                .build(),
            lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
            looks: Cache::builder()
                .max_capacity(SALES_MAX)
                .time_to_live(SNAPSHOT_LIFETIME)
                .build(),
            pages: Cache::builder()
                .max_capacity(FIRST_PAGES_MAX)
                .time_to_live(SNAPSHOT_LIFETIME)
                .build(),
        }
    }

    /// What everybody sees of a sale (for `None`: of the current one): written with `write`, once for each look at the
    /// gate. `None` if there is no such sale.
    pub async fn showing(
        &self,
        id: Option<SaleId>,
        write: impl Fn(&Sale, &View) -> serde_json::Result<SharedReply>,
    ) -> Result<Option<Showing>, ShowError> {
        let Some(sale) = self.get(id).await? else {
            return Ok(None);
        };
        let look = self.look_at(&sale).await;
        if let Some((view, reply)) = look.as_ref().and_then(|look| look.shown.get()) {
            let (view, reply) = (*view, reply.clone());
            return Ok(Some(Showing { sale, view, reply }));
        }
        let view = view_by(&sale, look.as_deref());
        let reply = write(&sale, &view).map_err(Arc::new)?;
        if let Some(look) = look {
            // Without effect if somebody else was faster.
            let _ = look.shown.set((view, reply.clone()));
        }
        Ok(Some(Showing { sale, view, reply }))
    }

    /// A first page of the sales to come, of this length, written with `write` or a moment ago.
    pub async fn page(
        &self,
        length: u32,
        write: impl Future<Output = Result<SharedReply, ShowError>>,
    ) -> Result<SharedReply, ShowError> {
        let page = self.pages.try_get_with(length, write).await;
        page.map_err(|error| ShowError::clone(&error))
    }

    /// Whether [`Sales::get`] would answer about this sale without asking the ledger.
    pub fn remembers(&self, sale: SaleId) -> bool {
        self.sales.contains_key(&Some(sale))
    }

    /// The sale with this id, or the current one for `None`. Fails if the ledger does not answer now and has not
    /// answered about that sale lately.
    pub async fn get(&self, sale: Option<SaleId>) -> Result<Option<Arc<Sale>>, SharedError> {
        self.sales.try_get_with(sale, self.ask(sale)).await
    }

    async fn ask(&self, sale: Option<SaleId>) -> Result<Option<Arc<Sale>>, LedgerError> {
        let answer = within(LEDGER_TIMEOUT, async {
            match sale {
                Some(id) => self.ledger.sale(id).await,
                None => self.ledger.current_sale().await,
            }
        });
        match answer.await {
            Ok(Some(found)) => {
                let found = Arc::new(found);
                self.last_words.insert(sale, Arc::clone(&found)).await;
                Ok(Some(found))
            }
            Ok(None) => Ok(None),
            Err(error) => match self.last_words.get(&sale).await {
                Some(last) => {
                    tracing::warn!(sale = %last.id, %error, "using what the ledger said last");
                    Ok(Some(last))
                }
                None => Err(error),
            },
        }
    }

    /// The sales whose gates may know of purchases that the ledger does not.
    pub async fn live(&self) -> Result<States, SharedError> {
        let ask = async {
            let sales = within(LEDGER_TIMEOUT, self.ledger.live_sales(Duration::ZERO)).await?;
            Ok(sales
                .iter()
                .map(|sale| (sale.id, sale.state))
                .collect::<States>())
        };
        self.live.try_get_with((), ask).await
    }

    /// The [`RECENT_SALES_MAX`] sales that began last, the latest first.
    pub async fn recent(&self) -> Result<States, SharedError> {
        let ask = async {
            let asked = within(LEDGER_TIMEOUT, self.ledger.recent_sales(RECENT_SALES_MAX));
            Ok(asked.await?.into())
        };
        self.recent.try_get_with((), ask).await
    }

    /// A page of the sales that are to come or under way.
    pub async fn coming(&self, page: Page) -> Result<Arc<[Arc<Sale>]>, SharedError> {
        // Cursors can be made up, so the cache remembers only first pages, which all callers share.
        let _turn = match page.after {
            Some(_) => self.lists.acquire().await.ok(),
            None => None,
        };
        let ask = async {
            let sales = within(LEDGER_TIMEOUT, self.ledger.coming_sales(page)).await?;
            Ok(sales.into_iter().map(Arc::new).collect())
        };
        match page.after {
            None => self.coming.try_get_with(page.limit, ask).await,
            Some(_) => ask.await.map_err(Arc::new),
        }
    }

    /// Forgets a sale that was just changed through this process.
    pub async fn forget(&self, sale: SaleId) {
        for key in [Some(sale), None] {
            self.sales.invalidate(&key).await;
            self.last_words.invalidate(&key).await;
        }
        self.live.invalidate(&()).await;
        self.recent.invalidate(&()).await;
        self.coming.invalidate_all();
        self.pages.invalidate_all();
        self.looks.invalidate(&sale).await;
    }

    /// What replies show of a sale: by its gate; by the ledger if the gate is away, cold, or gone because the sale is
    /// settled.
    pub async fn view(&self, sale: &Sale) -> View {
        let look = self.look_at(sale).await;
        view_by(sale, look.as_deref())
    }

    /// [`Sales::view`], by the ledger if the gate has not answered by the deadline.
    pub async fn view_until(&self, sale: &Sale, deadline: Instant) -> View {
        let view = timeout_at(deadline, self.view(sale)).await;
        view.unwrap_or_else(|_| View::by_ledger(sale))
    }

    async fn look_at(&self, sale: &Sale) -> Option<Arc<Look>> {
        if sale.state == SaleState::Settled {
            return None;
        }
        let id = sale.id;
        let ask = async {
            let gate = view::open_gate(&self.gate, id).await?;
            let at = Instant::now();
            Some(Arc::new(Look {
                gate,
                at,
                shown: OnceLock::new(),
            }))
        };
        self.looks.get_with(id, ask).await
    }
}

fn view_by(sale: &Sale, look: Option<&Look>) -> View {
    look.map_or_else(
        || View::by_ledger(sale),
        |look| View::by_gate(sale, &look.gate, look.at.elapsed()),
    )
}
