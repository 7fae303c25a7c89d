//! `cargo demo`: the whole system on this machine with one command.
//!
//! 1. builds the API and the reconciler
//! 2. finds or installs Redis and Postgres, and starts private ones
//! 3. migrates, and creates an admin, a product and a sale
//! 4. starts the API and the reconciler, and writes the `--info` file
//! 5. shows where the pages are; with `--watch`, waits until a console is open
//! 6. sends the buyers, waits until everything is in Postgres, and checks the result: with the audit,
//!    and with a proof from the answers that the buyers got
//! 7. goes on serving until Ctrl-C, or ends with `--exit`
//!
//! The demo restarts Redis, Postgres, the API or the reconciler on its data when one of them dies, and the buyers
//! retry. Ctrl-C ends everything in order at any time.

mod given;
mod info;
mod pages;
mod parts;
mod report;
mod seed;
mod show;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use identity::token::Tokens;
use indicatif::{ProgressBar, ProgressStyle};
use process::{exit::Exit, output::note, settings::LogSettings, signals::asked_to_end};
use sale::{
    gate::Gate,
    ledger::Ledger,
    model::{Role, SaleId},
};
use system::{
    audit::{AuditError, audit},
    client::{Buyer, Client},
    deployment::Deployment,
    history::{Circumstances, History, check},
    rest::at_rest,
    rush::{Plan, rush},
};
use tokio::task::spawn_blocking;

use self::{
    info::{Content, InfoFile},
    parts::{Parts, Place},
    report::Findings,
    seed::Pages,
};

/// Requests under way at the same time.
const CONCURRENCY: usize = 256;

/// How long a buyer keeps asking while no server answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take after the rush until everything is in Postgres.
const REST_DEADLINE: Duration = Duration::from_secs(120);

/// How long, and how often, the demo retries the audit while a server is away.
const AUDIT_PATIENCE: Duration = Duration::from_secs(30);
const AUDIT_PAUSE: Duration = Duration::from_millis(200);

/// How long our keys stay in an external Redis after the demo has ended.
const KEYS_LINGER: Duration = Duration::from_secs(1);

/// Runs the whole system with private servers, and sends a rush of buyers at a sale
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo demo", version)]
pub struct Demo {
    /// How to log.
    #[command(flatten)]
    pub log: LogSettings,

    /// How many buyers come
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub buyers: u32,

    /// How many units there are
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub units: u32,

    /// End after the rush, instead of going on to serve
    #[arg(long)]
    pub exit: bool,

    /// The port of the API; 0 takes a free one
    #[arg(long, default_value_t = 3001)]
    pub port: u16,

    /// Write addresses, an admin's token and process ids to this file (JSON, mode 0600), once it
    /// serves and before the rush
    #[arg(long, value_name = "FILE")]
    pub info: Option<PathBuf>,

    /// Begin the rush only when a console is open, so that it can be seen; after so many seconds it
    /// begins in any case
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          default_missing_value = pages::WATCH_SECONDS,
          value_parser = clap::value_parser!(u64).range(1..=pages::WATCH_SECONDS_MAX))]
    pub watch: Option<u64>,
}

/// Runs the demo. Status 1 if a check failed.
///
/// # Errors
/// A part of the system could not be started.
pub async fn run(demo: Demo) -> anyhow::Result<Exit> {
    let interrupted = asked_to_end()?;
    let parts = Arc::new(Parts::new()?);
    let connections = OnceLock::new();
    let ended = tokio::select! {
        ended = perform(&demo, &parts, &connections) => ended.map(Some),
        () = interrupted => {
            show::step("ending: the processes first, then the servers");
            Ok(None)
        }
    };
    if let Err(error) = &ended {
        note(&format!("error: {error:#}"));
    }
    let serving = parts.is_serving();
    // In order, also after a failure: API, reconciler, our own connections, Postgres, Redis.
    in_background(&parts, |parts| {
        parts.stop_processes();
        Ok(())
    })
    .await?;
    if let Some(connections) = connections.get() {
        connections.close(parts.is_redis_borrowed()).await;
    }
    spawn_blocking(move || parts.stop_servers())
        .await
        .context("stopping broke off")?;
    Ok(match ended {
        Ok(Some(right)) => Exit::when(right),
        Ok(None) if serving => Exit::Done,
        Ok(None) => Exit::Interrupted,
        Err(_) => Exit::Failed,
    })
}

/// The whole demo, up to the end of `--exit`: whether every check passed. Without `--exit` it returns only an error.
async fn perform(
    demo: &Demo,
    parts: &Arc<Parts>,
    connections: &OnceLock<Connections>,
) -> anyhow::Result<bool> {
    let port = (demo.port != 0).then_some(demo.port);
    let place = in_background(parts, move |parts| parts.start_servers(port)).await?;
    let deployment = &place.deployment;
    let connected = Connections::make(deployment).await?;
    let connections = connections.get_or_init(|| connected);
    connections.ledger.migrate().await?;
    let seed = seed::seed(&connections.gate, &connections.ledger, demo.units).await?;
    show::step("migrated, and created an admin, a product and a sale");

    let shared = Arc::clone(&place);
    let watched = demo.watch.is_some();
    in_background(parts, move |parts| {
        parts.start_processes(&shared, port, watched)
    })
    .await?;
    let url = parts.url().context("the API is not running")?;
    let admin = &seed.admin;
    let (admin_token, _) =
        connections
            .tokens
            .mint(admin.id, admin.email.as_deref(), Role::Admin)?;
    show::step(&format!("the API serves at {url}"));
    show::step(&format!(
        "API and reconciler log to {}",
        parts.logs().display()
    ));
    // Held until the end: it rewrites the file when a process was restarted.
    let _info_file = match &demo.info {
        Some(path) => {
            let content = Content::new(&url, &admin_token, seed.sale, deployment);
            Some(InfoFile::start(path, content, Arc::clone(parts))?)
        }
        None => None,
    };

    let pages = Pages::new(&url, &seed);
    show::pages(&pages, &seed);
    pages.offer();
    if let (Some(seconds), Some(metrics)) = (demo.watch, parts.metrics()) {
        pages::until_watched(&pages, &metrics, Duration::from_secs(seconds)).await?;
    }

    let findings = put_to_the_test(demo, parts, &place, seed.sale, connections).await?;
    show::text(&report::table(&findings).to_string());
    for line in report::complaints(&findings) {
        note(&line);
    }
    let right = findings.is_right();
    if !right {
        note(&format!("the logs are in {}", parts.keep_logs().display()));
    }
    if demo.exit {
        return Ok(right);
    }
    // The person has seen that a check failed: an interruption does not change that.
    parts.now_serving(right);
    show::serving(&url, &pages, &seed, demo.info.as_deref());
    std::future::pending().await
}

/// Our own connections.
struct Connections {
    gate: Gate,
    ledger: Ledger,
    tokens: Tokens,
}

impl Connections {
    async fn make(deployment: &Deployment) -> anyhow::Result<Self> {
        Ok(Self {
            gate: given::or_unset("REDIS_URL", Gate::connect(&deployment.redis()).await)?,
            ledger: Ledger::connect(&deployment.postgres()).await?,
            tokens: Tokens::new(&deployment.tokens())?,
        })
    }

    /// Ends the connections; before that, deletes the demo's keys from an external Redis.
    async fn close(&self, clear: bool) {
        if clear && let Err(error) = self.clear().await {
            tracing::warn!(%error, "keys of the demo are left in this Redis");
        }
        self.gate.disconnect().await;
        self.ledger.disconnect().await;
    }

    async fn clear(&self) -> anyhow::Result<()> {
        for sale in self.ledger.live_sales(Duration::ZERO).await? {
            self.gate.expire(sale.id, KEYS_LINGER).await?;
        }
        Ok(())
    }
}

/// Runs the rush, and gathers everything that proves or refutes it.
async fn put_to_the_test(
    demo: &Demo,
    parts: &Parts,
    place: &Place,
    sale: SaleId,
    connections: &Connections,
) -> anyhow::Result<Findings> {
    let history = History::new();
    let url = parts.url().context("the API is not running")?;
    let client = Client::new(&url, history.clone())?;
    let buyers: Vec<Buyer> = (0..demo.buyers)
        .map(|_| Buyer::new(&connections.tokens))
        .collect::<Result<_, _>>()?;

    let bar = progress_bar(demo.buyers.into());
    let moving = bar.clone();
    let plan = Plan {
        concurrency: CONCURRENCY,
        patience: PATIENCE,
        ..Plan::default()
    };
    let done = move |count: usize| moving.set_position(count as u64);
    let rush = rush(&client, sale, buyers, plan, done).await;
    bar.finish_and_clear();

    let after = tokio::time::Instant::now();
    let rest = at_rest(&connections.gate, &connections.ledger, sale, REST_DEADLINE).await;
    let posted_after = after.elapsed();
    let events = history.events();
    let proof = rest.map_err(|error| error.to_string()).map(|rest| {
        let gate = rest.gate.as_ref();
        (
            check(&events, &rest.ledger, gate, &Circumstances::default()),
            rest,
        )
    });
    let audit = audit_of(place, &place.deployment, sale).await;
    Ok(Findings {
        units: demo.units,
        buyers: demo.buyers,
        rush,
        posted_after,
        proof,
        audit,
        restarts: parts.restarts(),
    })
}

async fn audit_of(
    place: &Place,
    deployment: &Deployment,
    sale: SaleId,
) -> Result<system::audit::Row, String> {
    let deadline = tokio::time::Instant::now() + AUDIT_PATIENCE;
    let rows = loop {
        match audit(&place.binaries.reconciler, deployment, &[sale]).await {
            Ok(rows) => break rows,
            // A server died during the audit and is restarting. A difference that the audit finds is not such an error.
            Err(AuditError::Failed { .. }) if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(AUDIT_PAUSE).await;
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    rows.into_iter()
        .next()
        .ok_or_else(|| "the audit has no row".to_owned())
}

/// Runs a blocking step. If the demo is interrupted meanwhile, `Parts` ends whatever the step starts.
async fn in_background<T: Send + 'static>(
    parts: &Arc<Parts>,
    step: impl FnOnce(&Parts) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let parts = Arc::clone(parts);
    spawn_blocking(move || step(&parts))
        .await
        .context("a step broke off")?
}

fn progress_bar(buyers: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:40} {pos}/{len} buyers, {per_sec}, {elapsed}");
    let bar = ProgressBar::new(buyers);
    // The template is a constant; if it fails, the bar keeps its default look.
    if let Ok(style) = style {
        bar.with_style(style)
    } else {
        bar
    }
}
