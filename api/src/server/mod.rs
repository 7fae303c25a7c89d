//! Starting, serving and ending.
//!
//! To end: stop accepting connections, answer the requests under way (within a deadline), let the batcher answer
//! every waiting purchase, write the last counts of purchases, and close the connections to the servers behind.

mod endpoint;
mod start;

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures_util::future::join_all;
use identity::token::{TokenError, Tokens};
use poem::{Response, Route, endpoint::make_sync, get};
use sale::{
    gate::{
        Gate, GateError,
        hints::{Hints, HintsConnection},
    },
    ledger::LedgerError,
    model::ProcessKind,
    presence::Presence,
    store::is_setting,
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    endpoint::Routes,
    start::{connect, connections, listen, rules, services},
};
use crate::{
    connection::{
        acceptor::{BoundedAcceptor, ConnectionLimits},
        serving::{serve, serve_on},
    },
    edge::{Edge, Rules},
    services::Services,
    settings::{ApiDocs, MetricsAddress, Settings},
    threads::Threads,
    web::{Web, shop::ShopError},
};

/// How long closing the connections to the servers behind may take, after the last answer: a handler that was too
/// late may hold one.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// The part of that time after which counts are written although not every waiting purchase has its answer.
const LAST_ANSWERS_DEADLINE: Duration = Duration::from_secs(2);
/// How long the metrics port may take to end.
const METRICS_CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// Why the service did not start, or did not continue.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A connection would end before its request is answered.
    #[error("CONNECTION_SILENCE_MAX_SECONDS must be more than REQUEST_DEADLINE_SECONDS")]
    Impatient,
    /// A secret or a key for tokens is unusable.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A file of the shop's own cannot be used. (It says why in one line.)
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// Redis cannot be reached, or is not configured safely. (Without its source, which is no readable line.)
    #[error("Redis (REDIS_URL): {0}")]
    Gate(GateError),
    /// Postgres cannot be reached.
    #[error("Postgres (DATABASE_URL)")]
    Ledger(#[from] LedgerError),
    /// The operating system gives no threads.
    #[error("no threads (WORKER_THREADS)")]
    Threads(#[source] io::Error),
    /// The operating system gives no threads.
    #[error("no threads for passwords (PASSWORD_CHECKS_MAX)")]
    PasswordThreads(#[source] io::Error),
    /// The metrics contradict each other.
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({setting})")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The setting with this address.
        setting: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Serving failed.
    #[error("serving failed")]
    Serve(#[source] io::Error),
}

impl ServeError {
    /// Whether a setting cannot be used, so that a start with the same settings would fail again.
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Impatient | Self::Token(_) | Self::Shop(_) => true,
            Self::Gate(error) => is_setting(error),
            Self::Ledger(error) => is_setting(error),
            Self::Threads(_)
            | Self::PasswordThreads(_)
            | Self::Metrics(_)
            | Self::Listen { .. }
            | Self::Serve(_) => false,
        }
    }
}

/// A service that is ready to serve.
pub struct Api {
    threads: Threads,
    gates: Vec<Gate>,
    /// By this id others know the process.
    process: Uuid,
    services: Arc<Services>,
    hearing: HintsConnection,
    rules: Rules,
    listener: BoundedAcceptor,
    address: SocketAddr,
    metrics: Option<(BoundedAcceptor, SocketAddr)>,
    shutdown_deadline: Duration,
    documentation: ApiDocs,
    web: Option<Web>,
}

impl Api {
    /// Connects to the servers behind, and opens the listeners.
    pub async fn start(settings: &Settings) -> Result<Self, ServeError> {
        let limits = &settings.limits;
        if limits.patience().silence_max <= limits.request_deadline() {
            return Err(ServeError::Impatient);
        }
        let tokens = Tokens::new(&settings.token)?;
        let web = Web::of(&settings.pages, settings.legacy_root_paths)?;
        let connections = connections(settings);
        let streams = limits.streams(connections.connections_max);
        let (listener, address) =
            listen(settings.address(), settings.address_named_by(), connections)?;
        let metrics_limits = ConnectionLimits::of_metrics();
        let metrics = match settings.metrics_address {
            MetricsAddress::Off => None,
            MetricsAddress::At(address) => {
                Some(listen(address, "METRICS_ADDRESS", metrics_limits)?)
            }
        };
        let threads = Threads::start(settings.workers.count())
            .await
            .map_err(ServeError::Threads)?;
        let behind = connect(settings, &threads).await?;
        let hints = Hints::listen(&settings.redis).map_err(ServeError::Gate)?;
        let hearing = hints.connection();
        let rules = rules(settings);
        let process = Uuid::now_v7();
        let services = services(settings, tokens, &behind, hints, &rules, streams, process)?;
        Ok(Self {
            threads,
            gates: behind.gates,
            process,
            services: Arc::new(services),
            hearing,
            rules,
            listener,
            address,
            metrics,
            shutdown_deadline: limits.shutdown_deadline(),
            documentation: settings.api_docs,
            web,
        })
    }

    /// The address of the listener.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where Prometheus can read metrics.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// Serves until `shutdown`, and then ends in good order. Fails with [`ServeError::Serve`].
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let services = self.services;
        let ended = CancellationToken::new();
        let metrics = self.metrics.map(|(acceptor, address)| {
            tracing::info!(%address, "metrics can be read");
            let page = metrics_page(Arc::clone(&services));
            tokio::spawn(serve(acceptor, page, ended.clone().cancelled_owned()))
        });

        tracing::info!(address = %self.address, "listening");
        let presence = Presence::start(services.ledger.clone(), self.process, ProcessKind::Api);
        let ending = async {
            shutdown.await;
            tracing::info!("ending");
            services.ending.send_replace(true);
        };
        let edge = Edge::new(
            Routes::new(
                Arc::clone(&services),
                Arc::clone(&self.rules.routes),
                self.documentation,
                self.web,
            ),
            Arc::clone(&services.metrics),
            self.rules,
        );
        let mut told = services.ending.subscribe();
        // Requests without an answer by then go on until the process ends.
        let too_late = async {
            let _ = told.wait_for(|ending| *ending).await;
            sleep(self.shutdown_deadline).await;
        };
        tokio::select! {
            () = serve_on(self.threads.handles(), self.listener, edge, ending) => {}
            () = too_late => tracing::warn!("not everyone could be answered in time"),
        }

        let closed = close(&services, &presence, &self.hearing, &self.gates);
        if timeout(CLOSE_DEADLINE, closed).await.is_err() {
            tracing::warn!("not everything could be closed in time");
        }
        self.threads.end().await;
        ended.cancel();
        if let Some(metrics) = metrics
            && let Ok(served) = timeout(METRICS_CLOSE_DEADLINE, metrics).await
        {
            served
                .map_err(io::Error::other)
                .map_err(ServeError::Serve)?;
        }
        Ok(())
    }
}

/// Answers the last purchases, writes what was counted, and closes the connections to the servers behind.
async fn close(
    services: &Services,
    presence: &Presence,
    hearing: &HintsConnection,
    gates: &[Gate],
) {
    // Changes that are under way need the gate and the ledger, purchases come too late by now.
    let mut last = pin!(async {
        tokio::join!(services.admissions.close(), services.detached.ended());
    });
    let are_done = timeout(LAST_ANSWERS_DEADLINE, last.as_mut()).await.is_ok();
    let rest = async {
        if !are_done {
            last.await;
        }
    };
    // The last answers are counted by now, unless Redis, or a handler, was too late.
    tokio::join!(services.traffic.close(), presence.end(), rest);
    // Close all together: a server that is away must not take the others' time.
    tokio::join!(
        hearing.disconnect(),
        services.gate.disconnect(),
        join_all(gates.iter().map(Gate::disconnect)),
        services.ledger.disconnect(),
    );
}

fn metrics_page(services: Arc<Services>) -> Route {
    let page = make_sync(
        move |_| match services.metrics.text(services.admissions.counters()) {
            Ok(text) => Response::builder()
                .content_type(prometheus::TEXT_FORMAT)
                .body(text),
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written");
                poem::http::StatusCode::INTERNAL_SERVER_ERROR.into()
            }
        },
    );
    Route::new().at("/metrics", get(page))
}
