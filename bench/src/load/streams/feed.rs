//! One event stream of a sale, event by event.

use std::{collections::VecDeque, io::ErrorKind, net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use sale::model::SaleId;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

pub use super::parser::Event;
use super::parser::Parser;
use crate::load::{
    connection::{ANSWER_DEADLINE, within},
    request::Request,
};

/// Bytes that are read at once: several events.
const READ_BYTES: usize = 4 * 1024;

/// Where a stream comes from, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub address: SocketAddr,
    pub host: &'a str,
    pub sale: SaleId,
    pub token: Option<&'a str>,
}

#[derive(Debug)]
pub struct Feed {
    stream: TcpStream,
    parser: Parser,
    /// Events that have come and were not taken.
    ready: VecDeque<Event>,
}

impl Feed {
    /// Connects, and asks for what comes after the event with this id; for everything, if it is empty.
    pub async fn open(source: Source<'_>, last_id: &str) -> anyhow::Result<Self> {
        let Source {
            address,
            host,
            sale,
            token,
        } = source;
        let headers = match last_id {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let mut request = Vec::new();
        Request {
            method: "GET",
            path: format_args!("/api/flash-sale/events?saleId={sale}"),
            host,
            token,
            headers: &headers,
            body: None,
        }
        .write(&mut request);
        let connecting = within(ANSWER_DEADLINE, TcpStream::connect(address));
        let mut stream = connecting.await.context("cannot connect a stream")?;
        stream.write_all(&request).await?;
        Ok(Self {
            stream,
            parser: Parser::default(),
            ready: VecDeque::new(),
        })
    }

    /// The next event. Nothing is lost if the caller stops waiting.
    pub async fn next(&mut self) -> anyhow::Result<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            self.stream.readable().await?;
            // Not kept while it waits: there are thousands.
            let mut bytes = [0; READ_BYTES];
            let read = match self.stream.try_read(&mut bytes) {
                Ok(0) => bail!("the connection was closed"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            self.parser.read(&bytes[..read], &mut self.ready)?;
        }
    }

    /// The id of the newest event, for the next connection.
    pub fn last_id(&self) -> &str {
        &self.parser.id
    }

    /// The pause that the server wants before the next connection.
    pub fn retry(&self) -> Duration {
        self.parser.retry
    }
}
