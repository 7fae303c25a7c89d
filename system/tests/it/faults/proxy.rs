//! A TCP proxy between a process and a server: it cuts, refuses, delays, stalls, holds a request at a word, and
//! redirects to another server.
//!
//! Each command has taken effect when its call returns: cut connections are closed, and no byte passes a stalled
//! direction. Bytes that were read before a delay was set are not delayed.

use std::{
    net::{Ipv4Addr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{RwLock, mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until, timeout},
};

/// The size of one read, bytes.
const READ_BYTES: usize = 16 * 1024;

/// Reads that may wait in one direction of one connection.
const READS_WAITING_MAX: usize = 1_024;

/// How long a word may take to appear.
const HELD_DEADLINE: Duration = Duration::from_secs(30);

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the process to the server.
    Requests,
    /// From the server to the process.
    Answers,
}

/// The treatment of the bytes of one direction.
#[derive(Default)]
struct Rule {
    delay: Duration,
    stalled: bool,
    /// A connection is held when this appears.
    word: Option<Vec<u8>>,
}

struct Lane {
    /// Locked while bytes are written, so that no write is under way once the rule has changed.
    rule: RwLock<Rule>,
    changes: watch::Sender<()>,
    /// Connections held at the word.
    held: watch::Sender<usize>,
}

impl Lane {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            rule: RwLock::default(),
            changes: watch::Sender::new(()),
            held: watch::Sender::new(0),
        })
    }

    async fn change(&self, change: impl FnOnce(&mut Rule)) {
        change(&mut *self.rule.write().await);
        self.changes.send_replace(());
    }

    /// Forwards bytes, as far and as soon as the rule allows.
    async fn pass(&self, mut bytes: &[u8], to: &mut OwnedWriteHalf) -> std::io::Result<()> {
        let mut is_held = false;
        loop {
            let mut changes = self.changes.subscribe();
            {
                let rule = self.rule.read().await;
                if !rule.stalled {
                    let word = rule.word.as_deref();
                    match word.and_then(|word| place(bytes, word)) {
                        None => return to.write_all(bytes).await,
                        Some(place) => {
                            to.write_all(&bytes[..place]).await?;
                            bytes = &bytes[place..];
                            if !is_held {
                                is_held = true;
                                self.held.send_modify(|held| *held += 1);
                            }
                        }
                    }
                }
            }
            // The lane owns the sender, so this cannot fail.
            let _ = changes.changed().await;
        }
    }
}

fn place(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

struct Shared {
    requests: Arc<Lane>,
    answers: Arc<Lane>,
    routes: Mutex<Routes>,
}

struct Routes {
    upstream: SocketAddr,
    connections: JoinSet<()>,
}

/// A proxy. Dropping it ends it and cuts its connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy on a free port of 127.0.0.1 to the server at this address.
    pub async fn start(upstream: &str) -> Self {
        // Below the range for clients' ports, so that the proxy can take it again after a refusal.
        let port = servers::free_port().unwrap();
        let mut proxy = Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            shared: Arc::new(Shared {
                requests: Lane::new(),
                answers: Lane::new(),
                routes: Mutex::new(Routes {
                    upstream: resolved(upstream),
                    connections: JoinSet::new(),
                }),
            }),
            accepting: None,
        };
        proxy.accept().await;
        proxy
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections. Accepts new ones.
    pub async fn cut(&self) {
        self.change_routes(|_| ()).await;
    }

    /// Redirects to another server from now on, and closes all connections.
    pub async fn lead_to(&self, upstream: &str) {
        let upstream = resolved(upstream);
        self.change_routes(|now| *now = upstream).await;
    }

    /// Refuses new connections. Existing ones stay.
    pub async fn refuse(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
    }

    /// Accepts new connections again.
    pub async fn accept(&mut self) {
        if self.accepting.is_none() {
            let listener = TcpListener::bind(self.address).await.unwrap();
            let shared = Arc::clone(&self.shared);
            self.accepting = Some(tokio::spawn(accept(listener, shared)));
        }
    }

    /// Delays all bytes of a direction.
    pub async fn delay(&self, way: Way, delay: Duration) {
        self.lane(way).change(|rule| rule.delay = delay).await;
    }

    /// Stops all bytes of a direction, and keeps them.
    pub async fn stall(&self, way: Way) {
        self.lane(way).change(|rule| rule.stalled = true).await;
    }

    /// From now on, holds each connection from the point at which this word appears. The word must come in one piece,
    /// as what a client writes at once does.
    pub async fn hold_at(&self, way: Way, word: &str) {
        let lane = self.lane(way);
        lane.held.send_replace(0);
        lane.change(|rule| rule.word = Some(word.as_bytes().to_vec()))
            .await;
    }

    /// Until a connection is held.
    pub async fn until_held(&self, way: Way) {
        let mut held = self.lane(way).held.subscribe();
        timeout(HELD_DEADLINE, held.wait_for(|held| *held > 0))
            .await
            .expect("the word did not come by in time")
            .unwrap();
    }

    /// Releases a direction: first the kept bytes, then everything after them.
    pub async fn flow(&self, way: Way) {
        self.lane(way).change(|rule| *rule = Rule::default()).await;
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Requests => &self.shared.requests,
            Way::Answers => &self.shared.answers,
        }
    }

    async fn change_routes(&self, change: impl FnOnce(&mut SocketAddr)) {
        let mut connections = {
            let mut routes = self.shared.routes.lock().unwrap();
            change(&mut routes.upstream);
            std::mem::take(&mut routes.connections)
        };
        connections.shutdown().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }
}

fn resolved(address: &str) -> SocketAddr {
    address.to_socket_addrs().unwrap().next().unwrap()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        // Reads the route and counts the connection in one step, so that a change misses no connection.
        let mut routes = shared.routes.lock().unwrap();
        while routes.connections.try_join_next().is_some() {}
        let upstream = routes.upstream;
        let (requests, answers) = (Arc::clone(&shared.requests), Arc::clone(&shared.answers));
        routes
            .connections
            .spawn(serve(client, upstream, requests, answers));
    }
}

/// Serves one connection. If the server cannot be reached, the connection ends at once.
async fn serve(client: TcpStream, upstream: SocketAddr, requests: Arc<Lane>, answers: Arc<Lane>) {
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tokio::join!(
        pump(client_reads, &requests, server_writes),
        pump(server_reads, &answers, client_writes),
    );
}

/// Serves one direction of a connection, until its source ends or its sink closes.
async fn pump(mut from: OwnedReadHalf, lane: &Lane, mut to: OwnedWriteHalf) {
    let (read, mut reads) = mpsc::channel::<(Instant, Vec<u8>)>(READS_WAITING_MAX);
    let reading = async move {
        let mut buffer = vec![0; READ_BYTES];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let due = Instant::now() + lane.rule.read().await.delay;
            if read.send((due, buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, bytes)) = reads.recv().await {
            sleep_until(due).await;
            if lane.pass(&bytes, &mut to).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::{Instant, timeout},
    };

    use super::{Proxy, Way};

    /// Long enough for bytes under way on this machine to arrive.
    const A_MOMENT: Duration = Duration::from_millis(100);

    /// A server that first sends its name, and then echoes each byte.
    async fn echo(name: u8) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.write_all(&[name]).await.unwrap();
                    let (mut reads, mut writes) = stream.split();
                    tokio::io::copy(&mut reads, &mut writes).await
                });
            }
        });
        address
    }

    async fn connect(proxy: &Proxy) -> (TcpStream, u8) {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let name = stream.read_u8().await.unwrap();
        (stream, name)
    }

    async fn is_silent(stream: &mut TcpStream) -> bool {
        timeout(A_MOMENT, stream.read_u8()).await.is_err()
    }

    #[tokio::test]
    async fn what_is_stalled_or_held_comes_later_and_in_order() {
        let proxy = Proxy::start(&echo(b'a').await).await;
        let (mut stream, _) = connect(&proxy).await;
        for way in [Way::Requests, Way::Answers] {
            proxy.stall(way).await;
            stream.write_u8(b'1').await.unwrap();
            assert!(is_silent(&mut stream).await);
            proxy.flow(way).await;
            assert_eq!(stream.read_u8().await.unwrap(), b'1');
        }

        proxy.hold_at(Way::Requests, "word").await;
        stream.write_all(b"a word!").await.unwrap();
        proxy.until_held(Way::Requests).await;
        let mut before = [0; 2];
        stream.read_exact(&mut before).await.unwrap();
        assert_eq!(&before, b"a ");
        assert!(is_silent(&mut stream).await);
        proxy.flow(Way::Requests).await;
        let mut after = [0; 5];
        stream.read_exact(&mut after).await.unwrap();
        assert_eq!(&after, b"word!");
    }

    #[tokio::test]
    async fn each_direction_is_as_late_as_it_is_told_to_be() {
        let proxy = Proxy::start(&echo(b'a').await).await;
        let (mut stream, _) = connect(&proxy).await;
        proxy.delay(Way::Requests, A_MOMENT).await;
        proxy.delay(Way::Answers, A_MOMENT).await;
        let started = Instant::now();
        stream.write_u8(b'1').await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'1');
        assert!(started.elapsed() >= 2 * A_MOMENT);
    }

    #[tokio::test]
    async fn what_is_cut_ends_and_what_is_refused_does_not_begin() {
        let mut proxy = Proxy::start(&echo(b'a').await).await;
        let (mut stream, _) = connect(&proxy).await;
        proxy.refuse().await;
        assert!(TcpStream::connect(proxy.address()).await.is_err());
        stream.write_u8(b'1').await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'1');
        proxy.cut().await;
        assert!(stream.read_u8().await.is_err());
        proxy.accept().await;
        let (mut stream, name) = connect(&proxy).await;
        assert_eq!(name, b'a');
        proxy.lead_to(&echo(b'b').await).await;
        assert!(stream.read_u8().await.is_err());
        assert_eq!(connect(&proxy).await.1, b'b');
    }
}
