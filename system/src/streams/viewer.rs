//! A viewer of one sale's event stream: reads it, and asks for it again when it ends, after the pause that the stream
//! named, with the id of the last event, and at the next API. It records everything that it sees, and when.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Response, StatusCode, header::ACCEPT};
use sale::model::{BuyerId, SaleId};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::frames::{Frame, Frames};
use crate::{
    client::{Buyer, ClientError},
    history::{History, RequestId, Shown},
};

/// The timeout for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A stream that sends nothing for this long is dead: longer than two heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(40);

/// The pause before asking again, until a stream has named one.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How a viewer speaks to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS.
    Http2,
}

/// What a viewer asks for, and where.
#[derive(Debug, Clone)]
pub struct Viewing {
    /// The sale.
    pub sale: SaleId,
    /// With the token of this buyer.
    pub buyer: Option<Buyer>,
    /// The URLs of the APIs. It begins with the first, and goes on with the next one when a stream ends.
    pub apis: Vec<String>,
}

/// Something that a viewer saw, and when.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// The place of the stream's API in the viewer's list.
    pub api: usize,
    /// When the viewer asked for the stream.
    pub asked: Instant,
    /// What.
    pub sight: Sight,
}

/// What a viewer may see.
#[derive(Debug, Clone)]
pub enum Sight {
    /// A stream began: status and headers arrived.
    Opened,
    /// An event.
    Event {
        /// Its id.
        id: String,
        /// Its content.
        shown: Shown,
    },
    /// The pause before asking again.
    Retry(Duration),
    /// A heartbeat.
    Comment,
    /// The stream ended, or did not begin.
    Ended(End),
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// In order: the answer is complete.
    Complete,
    /// The connection broke in the middle of the answer.
    Broken(String),
    /// No connection was made.
    NotConnected,
    /// The API answered with this status instead.
    Refused(u16),
}

/// A running viewer. It stops when it is dropped.
#[derive(Debug)]
pub struct Viewer {
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Viewer {
    /// An HTTP client for viewers. Over HTTP/2, all viewers of one client share a connection to each API.
    ///
    /// # Errors
    /// The HTTP library cannot be set up.
    pub fn http(protocol: Protocol) -> Result<reqwest::Client, ClientError> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_MAX)
            .tcp_nodelay(true)
            .retry(reqwest::retry::never())
            .no_proxy();
        let builder = match protocol {
            Protocol::Http1 => builder.http1_only(),
            Protocol::Http2 => builder.http2_prior_knowledge(),
        };
        Ok(builder.build()?)
    }

    /// Begins to view.
    pub fn start(http: &reqwest::Client, viewing: Viewing, history: History) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let screen = Screen {
            buyer: viewing.buyer.as_ref().map(|buyer| buyer.id),
            sale: viewing.sale,
            history,
            seen: Arc::clone(&seen),
            counted,
            api: 0,
            asked: Instant::now(),
            last_id: String::new(),
            retry: RETRY_PAUSE,
        };
        let task = tokio::spawn(view(http.clone(), viewing, screen));
        Self { seen, count, task }
    }

    /// Everything that it saw so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    /// Waits until it has seen, at this place or later, what `is_it` looks for; returns that and the place behind it.
    ///
    /// # Errors
    /// The deadline passed: all that it saw from there on.
    pub async fn until(
        &self,
        from: usize,
        deadline: Duration,
        is_it: impl Fn(&Seen) -> bool,
    ) -> Result<(usize, Seen), Vec<Seen>> {
        let find = |seen: &[Seen]| {
            let place = (from..seen.len()).find(|place| is_it(&seen[*place]))?;
            Some((place + 1, seen[place].clone()))
        };
        let mut count = self.count.clone();
        let finding = async {
            loop {
                let looked_at = *count.borrow_and_update();
                if let Some(found) = find(&lock(&self.seen)) {
                    return Some(found);
                }
                // The sender lives as long as the task, which ends only with this viewer.
                count.wait_for(|now| *now != looked_at).await.ok()?;
            }
        };
        match tokio::time::timeout(deadline, finding).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(self.seen().split_off(from.min(self.seen().len()))),
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a viewer's task puts what it sees.
struct Screen {
    buyer: Option<BuyerId>,
    sale: SaleId,
    history: History,
    seen: Arc<Mutex<Vec<Seen>>>,
    counted: watch::Sender<usize>,
    api: usize,
    asked: Instant,
    last_id: String,
    retry: Duration,
}

impl Screen {
    fn saw(&self, sight: Sight) {
        let mut seen = lock(&self.seen);
        seen.push(Seen {
            at: Instant::now(),
            api: self.api,
            asked: self.asked,
            sight,
        });
        self.counted.send_replace(seen.len());
    }

    fn frame(&mut self, stream: RequestId, frame: Frame) {
        match frame {
            Frame::Comment => self.saw(Sight::Comment),
            Frame::Retry(pause) => {
                self.retry = pause;
                self.saw(Sight::Retry(pause));
            }
            Frame::Event { id, name, data } => {
                let shown = Shown::of(&name, &data);
                self.history
                    .shown(self.sale, self.buyer, stream, shown.clone());
                self.last_id.clone_from(&id);
                self.saw(Sight::Event { id, shown });
            }
        }
    }
}

/// Views one stream after another, without end.
async fn view(http: reqwest::Client, viewing: Viewing, mut screen: Screen) {
    loop {
        let base = viewing.apis[screen.api].trim_end_matches('/');
        let url = format!("{base}/api/flash-sale/events?saleId={}", viewing.sale);
        let mut request = http.get(url).header(ACCEPT, "text/event-stream");
        if let Some(buyer) = &viewing.buyer {
            request = request.bearer_auth(&buyer.token);
        }
        if !screen.last_id.is_empty() {
            request = request.header("Last-Event-ID", &screen.last_id);
        }
        let stream = screen.history.stream_asked(screen.sale, screen.buyer);
        screen.asked = Instant::now();
        let end = match request.send().await {
            Ok(answer) if answer.status() == StatusCode::OK => {
                screen.saw(Sight::Opened);
                read(answer, stream, &mut screen).await
            }
            Ok(answer) => End::Refused(answer.status().as_u16()),
            Err(error) if error.is_connect() => End::NotConnected,
            Err(error) => End::Broken(error.to_string()),
        };
        screen.saw(Sight::Ended(end));
        sleep(screen.retry).await;
        screen.api = (screen.api + 1) % viewing.apis.len();
    }
}

async fn read(mut answer: Response, stream: RequestId, screen: &mut Screen) -> End {
    let mut frames = Frames::default();
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => {
                for frame in frames.push(&bytes) {
                    screen.frame(stream, frame);
                }
            }
            Ok(None) => return End::Complete,
            Err(error) => return End::Broken(error.to_string()),
        }
    }
}

/// A thread that panicked while recording left the list whole.
fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
