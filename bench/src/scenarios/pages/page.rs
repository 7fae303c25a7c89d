//! One page of a sale in a browser: its files, the sale, its event stream, perhaps a purchase, and perhaps a connection
//! that is lost. It asks for what `api/web/assets/store` asks for, in that order.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use rand::RngExt as _;
use system::client::Buyer;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    load::{
        connection::{ANSWER_DEADLINE, Connection, connect, within},
        request::Request,
        streams::feed::{Event, Feed, Source},
    },
    scenarios::{
        crowd::{Crowd, purchase_of},
        record::Record,
    },
};

/// The status of a purchase whose order is in the ledger.
const COMPLETED: &str = "completed";

/// How every address of a file of the pages begins.
const FILES: &str = "/assets/";

/// What a page does besides watching.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deeds {
    pub(super) buys: bool,
    /// Its stream is lost once.
    pub(super) is_cut: bool,
}

pub(super) struct Page {
    address: SocketAddr,
    crowd: Arc<Crowd>,
    buyer: Buyer,
    deeds: Deeds,
    /// For requests.
    connection: Connection,
    feed: Feed,
    shown: Shown,
}

/// What the page shows.
#[derive(Debug, Clone, Default)]
struct Shown {
    left: Option<u64>,
    purchase: Option<String>,
    /// The events that made it so.
    events: u64,
}

impl Page {
    /// Fetches the page, its files and the sale, and opens the stream, up to the first event.
    pub(super) async fn open(
        address: SocketAddr,
        crowd: Arc<Crowd>,
        deeds: Deeds,
    ) -> anyhow::Result<Self> {
        let (buyer, sale) = (crowd.next()?, crowd.sale);
        let mut connection = connect(address, ANSWER_DEADLINE).await?;
        let page = get(&mut connection, &crowd, &format!("/sales/{sale}"), "").await?;
        for file in files(&page) {
            get(&mut connection, &crowd, &file, "Accept-Encoding: br\r\n").await?;
        }
        let status = format!("/api/flash-sale/status?saleId={sale}");
        get(&mut connection, &crowd, &status, "").await?;
        let feed = follow(address, &crowd, &buyer, "").await?;
        let mut page = Self {
            address,
            crowd,
            buyer,
            deeds,
            connection,
            feed,
            shown: Shown::default(),
        };
        while page.shown.left.is_none() {
            let event = within(ANSWER_DEADLINE, page.feed.next()).await?;
            page.shown.show(event)?;
        }
        Ok(page)
    }

    /// Does its deeds at random instants within this time, and watches until it shows the last stock. Returns its
    /// purchase, and the number of its events.
    pub(super) async fn live(
        mut self,
        busy: Duration,
        mut last: watch::Receiver<Option<u64>>,
    ) -> anyhow::Result<(Option<Record>, u64)> {
        let at = || Instant::now() + rand::rng().random_range(Duration::ZERO..busy);
        let (mut buys_at, mut cut_at) = (self.deeds.buys.then(at), self.deeds.is_cut.then(at));
        let mut record = None;
        loop {
            let is_last = last
                .borrow_and_update()
                .is_some_and(|left| self.shown.left == Some(left));
            let is_bought = !self.deeds.buys || self.shown.purchase.as_deref() == Some(COMPLETED);
            if is_last && is_bought && buys_at.is_none() && cut_at.is_none() {
                return Ok((record, self.shown.events));
            }
            tokio::select! {
                event = self.feed.next() => self.shown.show(event?)?,
                () = instant(buys_at) => {
                    buys_at = None;
                    record = Some(purchase_of(&self.buyer, &mut self.connection, &self.crowd).await?);
                }
                () = instant(cut_at) => {
                    cut_at = None;
                    self.connect_again().await?;
                }
                changed = last.changed() => changed.context("the run ended early")?,
            }
        }
    }

    async fn connect_again(&mut self) -> anyhow::Result<()> {
        let (retry, last_id) = (self.feed.retry(), self.feed.last_id().to_owned());
        ensure!(!retry.is_zero(), "the stream did not say when to come back");
        sleep(retry).await;
        self.feed = follow(self.address, &self.crowd, &self.buyer, &last_id).await?;
        Ok(())
    }
}

impl Shown {
    fn show(&mut self, event: Event) -> anyhow::Result<()> {
        self.events += 1;
        match event {
            Event::Sale { left } => {
                let before = self.left.replace(left).unwrap_or(left);
                ensure!(left <= before, "{left} units are left, after {before} were");
            }
            Event::Purchase { status } => {
                let before = self.purchase.replace(status.clone());
                let was_done = before.as_deref() == Some(COMPLETED);
                ensure!(
                    !was_done || status == COMPLETED,
                    "its purchase is {status}, after it was {COMPLETED}"
                );
            }
        }
        Ok(())
    }
}

/// Waits for an instant; for ever, if there is none.
async fn instant(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn get(
    connection: &mut Connection,
    crowd: &Crowd,
    path: &str,
    headers: &str,
) -> anyhow::Result<Vec<u8>> {
    let mut request = Vec::new();
    Request {
        method: "GET",
        path: format_args!("{path}"),
        host: crowd.host(),
        token: None,
        headers,
        body: None,
    }
    .write(&mut request);
    let answer = within(ANSWER_DEADLINE, connection.ask(&request)).await?;
    ensure!(answer.status == 200, "{path}: status {}", answer.status);
    Ok(answer.body.to_vec())
}

async fn follow(
    address: SocketAddr,
    crowd: &Crowd,
    buyer: &Buyer,
    last_id: &str,
) -> anyhow::Result<Feed> {
    let source = Source {
        address,
        host: crowd.host(),
        sale: crowd.sale,
        token: Some(&buyer.token),
    };
    Feed::open(source, last_id).await
}

/// The addresses of files that a page names.
fn files(page: &[u8]) -> BTreeSet<String> {
    let page = String::from_utf8_lossy(page);
    let named = page.split('"').filter(|part| part.starts_with(FILES));
    named.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{COMPLETED, Event, Shown, files};

    fn purchase(status: &str) -> Event {
        Event::Purchase {
            status: status.to_owned(),
        }
    }

    #[test]
    fn a_page_fetches_each_file_once() {
        let page = br#"<link rel="modulepreload" href="/assets/1a/store/main.js"><a href="/orders">
            <script type="module" src="/assets/1a/store/main.js"></script>"#;
        let files: Vec<String> = files(page).into_iter().collect();
        assert_eq!(files, ["/assets/1a/store/main.js"]);
    }

    #[test]
    fn stock_that_grows_or_an_order_that_vanishes_is_a_failure() {
        let mut shown = Shown::default();
        for event in [
            Event::Sale { left: 3 },
            purchase("none"),
            Event::Sale { left: 3 },
            purchase("queued"),
            purchase(COMPLETED),
            purchase(COMPLETED),
            Event::Sale { left: 2 },
        ] {
            shown.show(event).unwrap();
        }
        assert_eq!((shown.left, shown.events), (Some(2), 7));
        let why = |event| shown.clone().show(event).unwrap_err().to_string();
        let grown = why(Event::Sale { left: 4 });
        assert_eq!(grown, "4 units are left, after 2 were");
        let gone = why(purchase("queued"));
        assert_eq!(gone, "its purchase is queued, after it was completed");
    }
}
