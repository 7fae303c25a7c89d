//! A lean client of event streams: it holds many of a sale, counts the events, and knows the last stock that each saw.
//! Stock never grows here, because nobody restocks or cancels, so a stream that shows more than before is wrong.
//!
//! | module | owns |
//! | --- | --- |
//! | [`parser`] | the form of a stream |
//! | [`feed`] | one stream, event by event |

pub mod feed;
mod parser;

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{bail, ensure};
use sale::model::SaleId;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    feed::{Feed, Source},
    parser::Event,
};
use super::connection::ANSWER_DEADLINE;

/// The pause between two looks at what all streams have seen.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Until the first event of a stream.
const NOTHING_YET: u64 = u64::MAX;

/// Open streams. They end when this is dropped.
pub struct Streams {
    seen: Arc<Seen>,
    _readers: JoinSet<()>,
}

struct Seen {
    events: AtomicU64,
    /// The last stock of each stream.
    stocks: Box<[AtomicU64]>,
    /// Why the first stream that failed did so.
    failure: OnceLock<String>,
}

impl Streams {
    /// Opens so many streams of a sale, and returns when each has got its first event, with this stock.
    pub async fn open(
        address: SocketAddr,
        host: &str,
        sale: SaleId,
        (count, stock): (usize, u64),
    ) -> anyhow::Result<Self> {
        let source = Source {
            address,
            host,
            sale,
            token: None,
        };
        let seen = Arc::new(Seen {
            events: AtomicU64::new(0),
            stocks: (0..count).map(|_| AtomicU64::new(NOTHING_YET)).collect(),
            failure: OnceLock::new(),
        });
        let mut readers = JoinSet::new();
        for place in 0..count {
            let feed = Feed::open(source, "").await?;
            let seen = Arc::clone(&seen);
            readers.spawn(async move {
                let Err(error) = seen.read(feed, place).await;
                let _ = seen.failure.set(format!("stream {place}: {error:#}"));
            });
        }
        let streams = Self {
            seen,
            _readers: readers,
        };
        streams.until_all_see(stock).await?;
        Ok(streams)
    }

    /// The events that all streams have got.
    pub fn events(&self) -> u64 {
        self.seen.events.load(Ordering::Relaxed)
    }

    /// Waits until the last event of every stream has this stock.
    pub async fn until_all_see(&self, stock: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            if let Some(failure) = self.seen.failure.get() {
                bail!("{failure}");
            }
            let stocks = self.seen.stocks.iter();
            let mut others = stocks
                .map(|last| last.load(Ordering::Relaxed))
                .filter(|last| *last != stock);
            let Some(other) = others.next() else {
                return Ok(());
            };
            ensure!(
                began.elapsed() < ANSWER_DEADLINE,
                "{} streams do not show that {stock} units are left, one of them shows {}",
                others.count() + 1,
                if other == NOTHING_YET {
                    "nothing".to_owned()
                } else {
                    other.to_string()
                }
            );
            sleep(LOOK_PAUSE).await;
        }
    }
}

impl Seen {
    /// Reads a stream until it breaks off.
    async fn read(&self, mut feed: Feed, place: usize) -> anyhow::Result<std::convert::Infallible> {
        loop {
            if let Event::Sale { left } = feed.next().await? {
                self.saw(place, left)?;
            }
        }
    }

    fn saw(&self, place: usize, stock: u64) -> anyhow::Result<()> {
        let before = self.stocks[place].swap(stock, Ordering::Relaxed);
        self.events.fetch_add(1, Ordering::Relaxed);
        ensure!(
            stock <= before,
            "{stock} units are left, after {before} were"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::{SaleId, Streams};

    const HEAD: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

    fn event(stock: u64) -> String {
        let text = format!("event: sale\ndata: {{\"availableQuantity\":{stock}}}\n\n");
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    /// Streams of a server whose every stream begins with 7 units, and the server's end of each.
    async fn opened(count: usize) -> (Streams, Vec<TcpStream>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = async {
            let mut ends = Vec::new();
            for _ in 0..count {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = [0; 1024];
                assert!(stream.read(&mut asked).await.unwrap() > 0);
                let first = format!("{HEAD}{}", event(7));
                stream.write_all(first.as_bytes()).await.unwrap();
                ends.push(stream);
            }
            ends
        };
        let opening = Streams::open(address, "shop", SaleId::random(), (count, 7));
        let (streams, ends) = tokio::join!(opening, accepting);
        (streams.unwrap(), ends)
    }

    async fn failure(streams: &Streams, stock: u64) -> String {
        streams.until_all_see(stock).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn events_of_all_streams_count_and_each_must_show_the_last_stock() {
        let (streams, mut ends) = opened(3).await;
        assert_eq!(streams.events(), 3);
        for end in &mut ends {
            end.write_all(event(6).as_bytes()).await.unwrap();
        }
        streams.until_all_see(6).await.unwrap();
        assert_eq!(streams.events(), 6);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_or_shows_more_than_before_is_a_failure() {
        let (streams, mut ends) = opened(2).await;
        ends.pop();
        let why = failure(&streams, 0).await;
        assert_eq!(why, "stream 1: the connection was closed");
        let (streams, mut ends) = opened(1).await;
        ends[0].write_all(event(8).as_bytes()).await.unwrap();
        let why = failure(&streams, 0).await;
        assert_eq!(why, "stream 0: 8 units are left, after 7 were");
    }
}
