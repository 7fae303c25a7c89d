//! Starting, serving and ending.
//!
//! To end: stop accepting connections, answer the requests under way (within a deadline), let the batcher answer
//! every waiting purchase, and close the connections to the servers behind.

use std::{
    future::{Future, ready},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use identity::{
    passwords::PasswordThreads,
    token::{TokenError, Tokens},
};
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Request, Response, Route,
    endpoint::{BoxEndpoint, DynEndpoint, make_sync},
    get,
};
use sale::{
    gate::{
        Gate, GateError,
        hints::{Hints, HintsConnection},
    },
    ledger::{Ledger, LedgerError},
    lifecycle::Lifecycle,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    connection::{
        acceptor::{BoundedAcceptor, ConnectionLimits},
        client_address::Clients,
        open_files,
        serving::serve,
    },
    document::{docs, documentation_paths, openapi},
    edge::{Edge, Rules, root_paths::RootPaths, surplus::surplus},
    metrics::Metrics,
    purchases::{batcher::Admissions, purchase_status::Purchases, waiting::Waiting},
    rate_limits::RateLimits,
    routes::{self, RouteTable},
    sales::Sales,
    services::Services,
    settings::{ApiDocs, MetricsAddress, Settings},
    throughput::Throughput,
};

/// The part of a request's time that remains for its answer after it has waited.
const ANSWER_RESERVE: Duration = Duration::from_secs(1);
/// How long closing the connections to the servers behind may take, after the last answer: a handler that was too
/// late may hold one.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// Connections that may wait for an accept; Linux allows no more than `net.core.somaxconn`, mostly as many.
const LISTEN_QUEUE: u32 = 4_096;
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
    /// Redis cannot be reached, or is not configured safely. (Without its source, which is no readable line.)
    #[error("Redis (REDIS_URL): {0}")]
    Gate(GateError),
    /// Postgres cannot be reached.
    #[error("Postgres (DATABASE_URL)")]
    Ledger(#[from] LedgerError),
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

/// A service that is ready to serve.
pub struct Api {
    services: Arc<Services>,
    hearing: HintsConnection,
    rules: Rules,
    listener: BoundedAcceptor,
    address: SocketAddr,
    metrics: Option<(BoundedAcceptor, SocketAddr)>,
    shutdown_deadline: Duration,
    documentation: ApiDocs,
}

impl Api {
    /// Connects to the servers behind, and opens the listeners.
    pub async fn start(settings: &Settings) -> Result<Self, ServeError> {
        let limits = &settings.limits;
        let patience = limits.patience();
        if patience.silence_max <= limits.request_deadline() {
            return Err(ServeError::Impatient);
        }
        let tokens = Tokens::new(&settings.token)?;
        let connections_max = open_files::room_for(limits.connections_max);
        let connection_limits = ConnectionLimits {
            connections_max,
            connections_per_address_max: open_files::share_of_address(
                limits.connections_per_address_max,
                limits.connections_max,
                connections_max,
            ),
            proxies: settings.trusted_proxies.clone(),
            patience,
        };
        let (listener, address) = listen(settings.address(), "API_ADDRESS", connection_limits)?;
        let metrics_limits = ConnectionLimits::of_metrics();
        let metrics = match settings.metrics_address {
            MetricsAddress::Off => None,
            MetricsAddress::At(address) => {
                Some(listen(address, "METRICS_ADDRESS", metrics_limits)?)
            }
        };

        // A wrong setting stops the start before the process sends anything to either server.
        settings.postgres.options().map_err(LedgerError::from)?;
        let gate = Gate::connect(&settings.redis)
            .await
            .map_err(ServeError::Gate)?
            .with_durability(&settings.durability)
            .await
            .map_err(ServeError::Gate)?;
        tracing::info!(durability = ?settings.durability.gate_durability, "admissions");
        let ledger = Ledger::connect(&settings.postgres).await?;
        let documented: &[&str] = match settings.api_docs {
            ApiDocs::On => &documentation_paths::ALL,
            ApiDocs::Off => &[],
        };
        let routes = Arc::new(RouteTable::of(&routes::apis(), documented));
        let hints = Hints::listen(&settings.redis).map_err(ServeError::Gate)?;
        let hearing = hints.connection();
        let (ending, told) = watch::channel(false);
        let rate_limits = Arc::new(RateLimits::new(&settings.rate_limits));
        let services = Services {
            admissions: Admissions::start(gate.clone(), ledger.clone(), limits.admissions()),
            lifecycle: Lifecycle::new(gate.clone(), ledger.clone()),
            waiting: Waiting::start(ledger.clone(), hints, limits.waiting_purchases_max, told),
            patience_max: limits.request_deadline().saturating_sub(ANSWER_RESERVE),
            purchases: Purchases::new(gate.clone(), ledger.clone()),
            sales: Sales::new(gate.clone(), ledger.clone()),
            tokens,
            passwords: PasswordThreads::start(limits.password_checks_max)
                .map_err(ServeError::PasswordThreads)?,
            buyer_login: settings.buyer_login,
            rate_limits: Arc::clone(&rate_limits),
            metrics: Arc::new(Metrics::new(routes.patterns())?),
            started: Instant::now(),
            ending,
            health: Services::look_cache(),
            throughput: Throughput::default(),
            queue: Services::look_cache(),
            statistics: Services::statistics_cache(),
            gate,
            ledger,
        };
        Ok(Self {
            services: Arc::new(services),
            hearing,
            rules: Rules {
                root_paths: if settings.legacy_root_paths {
                    RootPaths::of(&routes)
                } else {
                    RootPaths::default()
                },
                routes,
                deadline: limits.request_deadline(),
                clients: Clients::behind(settings.trusted_proxies.clone()),
                rate_limits,
                origins: settings.cors_allowed_origins.clone(),
            },
            listener,
            address,
            metrics,
            shutdown_deadline: limits.shutdown_deadline(),
            documentation: settings.api_docs,
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
            () = serve(self.listener, edge, ending) => {}
            () = too_late => tracing::warn!("not everyone could be answered in time"),
        }

        let closed = async {
            services.admissions.close().await;
            // Close all together: a server that is away must not take the others' time.
            tokio::join!(
                self.hearing.disconnect(),
                services.gate.disconnect(),
                services.ledger.disconnect(),
            );
        };
        if timeout(CLOSE_DEADLINE, closed).await.is_err() {
            tracing::warn!("not everything could be closed in time");
        }
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

/// All routes, without the work of the edge. (Nested routes would make poem write and read the address of each
/// request again.)
struct Routes {
    services: Arc<Services>,
    table: Arc<RouteTable>,
    service: BoxEndpoint<'static>,
    /// None if the documentation is switched off.
    docs: Option<BoxEndpoint<'static>>,
}

impl Routes {
    fn new(services: Arc<Services>, table: Arc<RouteTable>, documentation: ApiDocs) -> Self {
        Self {
            services,
            table,
            service: openapi::service(routes::apis()).into_endpoint(),
            docs: match documentation {
                ApiDocs::On => {
                    spawn_blocking(docs::prepare);
                    Some(docs::routes().boxed())
                }
                ApiDocs::Off => None,
            },
        }
    }
}

impl Endpoint for Routes {
    type Output = Response;

    fn call(&self, mut request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        if let Some(docs) = &self.docs
            && request.uri().path().starts_with(documentation_paths::PAGE)
        {
            return DynEndpoint::call(docs.as_ref(), request);
        }
        let surplus = match surplus(&self.table, &mut request) {
            Ok(surplus) => surplus,
            Err(error) => return ready(Err(error)).boxed(),
        };
        request.set_data(Arc::clone(&self.services));
        let answer = DynEndpoint::call(self.service.as_ref(), request);
        match surplus {
            None => answer,
            Some(surplus) => async move {
                surplus.read().await?;
                answer.await
            }
            .boxed(),
        }
    }
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

/// A crowd comes at once. A client that finds the queue full retries a second later, and then after two more.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A process that has just ended leaves connections behind on the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_QUEUE)
}

fn listen(
    address: SocketAddr,
    setting: &'static str,
    limits: ConnectionLimits,
) -> Result<(BoundedAcceptor, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen {
        address,
        setting,
        source,
    };
    let listener = listener(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((
        BoundedAcceptor::new(listener, limits).map_err(failed)?,
        bound,
    ))
}
