//! Serves HTTP/1 and HTTP/2 on the connections of an acceptor, with limits that poem's server does not have.
//!
//! Each connection is a task. It ends when its client ends it, when it has stayed too long ([`crate::connection::activity`]), or,
//! after the answers to requests under way, when the server ends.

use std::{
    convert::Infallible,
    future::{poll_fn, ready},
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::future::BoxFuture;
use http_body_util::combinators::BoxBody;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use poem::{
    Endpoint, Request, Response,
    endpoint::{DynEndpoint, ToDynEndpoint},
    http::{self, HeaderValue, Version, header, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::AsyncReadExt, net::TcpStream, runtime::Handle, select, sync::Notify, time::timeout,
};
use tokio_util::task::TaskTracker;

use crate::{
    connection::{
        acceptor::{BoundedAcceptor, Taken},
        activity::{Activity, Overdue, Patience, Watched},
        host,
        unparsed::Explained,
    },
    problem::Problem,
    replies::{
        EVENT_STREAM,
        request_id::{self, RequestId},
        security_headers,
    },
};

/// The longest head of an HTTP/1 request, bytes; a connection buffers no more than this.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The longest list of headers of an HTTP/2 request, bytes.
const HTTP2_HEAD_BYTES_MAX: u32 = 16 * 1024;
/// Requests under way on one HTTP/2 connection: the least that its standard recommends. (Without a limit, replies
/// that a client does not yet read stay in memory.)
const HTTP2_STREAMS_MAX: u32 = 100;
/// Requests that a client may have withdrawn before the server read them.
const HTTP2_WITHDRAWN_MAX: usize = 20;
/// How much of a body an HTTP/2 client may send before the server reads it, bytes: as much as the largest body.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The same for all requests of one connection, bytes.
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// How long a connection that was asked to end may take.
const CLOSING_MAX: Duration = Duration::from_secs(2);

/// How a connection of HTTP/2 begins (RFC 9113 section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Reply = http::Response<Watched<BoxBody<Bytes, io::Error>>>;

/// What the connections of a runtime share.
struct Server {
    http1: http1::Builder,
    /// For connections that may be of HTTP/2.
    any: auto::Builder<TokioExecutor>,
    endpoint: Arc<dyn DynEndpoint<Output = Response>>,
    local: LocalAddr,
    patience: Patience,
    ending: Ending,
}

/// The end of a server, for which all connections wait.
#[derive(Default)]
struct Ending {
    has_begun: AtomicBool,
    begins: Notify,
}

impl Ending {
    fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.begins.notify_waiters();
    }

    /// Ready once the end has begun. It registers its task once, and not each time that the task has something to do:
    /// every request would pay for that. So one task alone may poll it.
    async fn begun(&self) {
        let mut begins = pin!(self.begins.notified());
        let mut is_registered = false;
        let begun = poll_fn(|context| {
            if self.has_begun.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            if is_registered {
                return Poll::Pending;
            }
            is_registered = true;
            begins.as_mut().poll(context)
        });
        begun.await;
    }
}

/// The connections of a runtime. Dropping this asks them to end.
struct Connections<'a> {
    runtime: &'a Handle,
    open: TaskTracker,
    server: Arc<Server>,
}

impl Drop for Connections<'_> {
    fn drop(&mut self) {
        self.server.ending.begin();
    }
}

/// [`serve_on`] the runtime of the caller.
pub async fn serve<E>(acceptor: BoundedAcceptor, endpoint: E, ending: impl Future<Output = ()>)
where
    E: Endpoint<Output = Response> + 'static,
{
    serve_on(&[Handle::current()], acceptor, endpoint, ending).await;
}

/// Serves the connections of `acceptor` until `ending`, and then answers the requests under way. A dropped future
/// asks the connections to end, and waits for none.
///
/// A connection goes to the runtime that has the fewest, and stays there.
pub async fn serve_on<E>(
    runtimes: &[Handle],
    mut acceptor: BoundedAcceptor,
    endpoint: E,
    ending: impl Future<Output = ()>,
) where
    E: Endpoint<Output = Response> + 'static,
{
    let endpoint: Arc<dyn DynEndpoint<Output = Response>> = Arc::new(ToDynEndpoint(endpoint));
    let connections = |runtime| Connections {
        runtime,
        open: TaskTracker::new(),
        // What they all touch for each request would otherwise go from one processor to the other.
        server: Arc::new(Server {
            http1: http1_builder(),
            any: any_builder(),
            endpoint: Arc::clone(&endpoint),
            local: LocalAddr(acceptor.local().into()),
            patience: acceptor.patience(),
            ending: Ending::default(),
        }),
    };
    let threads: Vec<Connections<'_>> = runtimes.iter().map(connections).collect();
    let mut ending = pin!(ending);
    loop {
        let taken = select! {
            () = &mut ending => break,
            taken = acceptor.accept() => taken,
        };
        if let Some(thread) = threads.iter().min_by_key(|thread| thread.open.len()) {
            let serving = Arc::clone(&thread.server).serve(taken);
            thread.open.spawn_on(serving, thread.runtime);
        }
    }
    drop(acceptor);
    for thread in &threads {
        thread.server.ending.begin();
        thread.open.close();
    }
    for thread in &threads {
        thread.open.wait().await;
    }
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // hyper would read while it answers, to notice a client that leaves: `Explained` does so without a buffer.
    builder.max_buf_size(HEAD_BYTES_MAX).half_close(true);
    builder
}

fn any_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(true);
    builder
        .http2()
        .max_header_list_size(HTTP2_HEAD_BYTES_MAX)
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_pending_accept_reset_streams(HTTP2_WITHDRAWN_MAX)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES);
    builder
}

impl Server {
    async fn serve(self: Arc<Self>, taken: Taken) {
        let _places = taken.places;
        let mut stream = match TcpStream::from_std(taken.stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be served");
                return;
            }
        };
        let activity = Arc::new(Activity::default());
        let mut overdue = Overdue::new(Arc::clone(&activity), self.patience);
        let mut start = [0; HTTP2_PREFACE.len()];
        let read = select! {
            biased;
            read = stream.read(&mut start) => read,
            () = &mut overdue => return,
            () = self.ending.begun() => return,
        };
        let Ok(count @ 1..) = read else {
            return;
        };
        // If the first bytes could be those of either, hyper finds out.
        let is_http1 = start[..count] != HTTP2_PREFACE[..count];
        let explained = Explained::new(stream, &start[..count], Arc::clone(&activity));
        let stream = TokioIo::new(explained);
        let client = Arc::new(Client {
            server: Arc::clone(&self),
            remote: RemoteAddr(taken.remote.into()),
            activity: Arc::clone(&activity),
        });
        let service = service_fn(move |request| {
            let client = Arc::clone(&client);
            async move { Ok::<_, Infallible>(client.answer(request).await) }
        });
        if is_http1 {
            let connection = pin!(self.http1.serve_connection(stream, service));
            let end = http1::Connection::graceful_shutdown;
            self.drive(connection, end, overdue, &activity).await;
        } else {
            // Boxed: most connections are of HTTP/1, and need less memory.
            let mut connection = Box::pin(self.any.serve_connection(stream, service));
            let end = auto::Connection::graceful_shutdown;
            self.drive(connection.as_mut(), end, overdue, &activity)
                .await;
        }
    }

    /// Drives a connection of hyper's, and has it end in order once it is overdue or the server ends.
    async fn drive<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        end: impl FnOnce(Pin<&mut C>),
        mut overdue: Overdue,
        activity: &Activity,
    ) {
        // The connection is polled first: what is overdue depends on what it has just read.
        let in_time = select! {
            biased;
            _ = connection.as_mut() => return,
            () = &mut overdue => false,
            () = self.ending.begun() => true,
        };
        end(connection.as_mut());
        if in_time {
            select! {
                biased;
                _ = connection.as_mut() => return,
                () = &mut overdue => {}
                // They end by themselves, unless their client does not read.
                () = activity.owes_only_streams() => {}
            }
        }
        // The connection is closing: its error, or a timeout, changes nothing.
        let _ = timeout(CLOSING_MAX, connection).await;
    }
}

/// One connection's client.
struct Client {
    server: Arc<Server>,
    remote: RemoteAddr,
    activity: Arc<Activity>,
}

impl Client {
    async fn answer(&self, request: http::Request<Incoming>) -> Reply {
        let owed = self.activity.asked();
        let answer = self.begin(request).await;
        let response = answer.unwrap_or_else(|error| error.into_response());
        self.activity.answered();
        let is_events = response.content_type() == Some(EVENT_STREAM);
        http::Response::from(response).map(|body| Watched::new(body, owed, is_events))
    }

    /// Passes a request on, or refuses it. It is not part of the future above, which would carry the request as well.
    fn begin(&self, request: http::Request<Incoming>) -> BoxFuture<'_, poem::Result<Response>> {
        let fault = host::fault(&request);
        let (local, remote) = (self.server.local.clone(), self.remote.clone());
        let request = Request::from((request, local, remote, Scheme::HTTP));
        match fault {
            None => DynEndpoint::call(&*self.server.endpoint, request),
            Some(fault) => Box::pin(ready(Ok(refusal(&request, fault)))),
        }
    }
}

/// The answer to a request on whose meaning two readers could disagree. It ends a connection of HTTP/1, because the
/// following bytes may be a part of the request.
fn refusal(request: &Request, fault: &'static str) -> Response {
    let id = RequestId::of(request);
    tracing::debug!(request_id = %id, fault, "request refused");
    let path = request.uri().path();
    let mut response = Problem::validation(fault).render(path);
    let headers = response.headers_mut();
    headers.insert(request_id::HEADER, id.into_header());
    if request.version() < Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    security_headers::add(path.starts_with("/api/"), headers);
    response
}
