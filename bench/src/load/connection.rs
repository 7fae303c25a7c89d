//! One connection: a request, and its complete answer. A request that was given up half way, because its future was
//! dropped, can be resumed: the connection keeps what it has sent and read so far.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest accepted answer, bytes: a page of metrics has more than 64 KiB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The initial buffer for an answer, bytes: there may be thousands of connections.
const ANSWER_BYTES: usize = 2 * 1024;

/// The place of the status in an answer's first line.
const STATUS: std::ops::Range<usize> = 9..12;

/// The deadline for a connection, or an answer.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Bytes of the request that are sent.
    sent: usize,
    answer: Vec<u8>,
    /// Bytes of the answer that are read.
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    pub body: &'a [u8],
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            sent: 0,
            answer: vec![0; ANSWER_BYTES],
            length: 0,
        })
    }

    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.sent = 0;
        self.length = 0;
        self.go_on(request).await
    }

    pub async fn go_on(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        while self.sent < request.len() {
            let sent = self.stream.write(&request[self.sent..]).await?;
            ensure!(sent > 0, "the connection takes nothing more");
            self.sent += sent;
        }
        let Parsed { status, body, end } = loop {
            if let Some(parsed) = parse(&self.answer[..self.length])?
                && self.length >= parsed.end
            {
                break parsed;
            }
            if self.length == self.answer.len() {
                ensure!(self.length < ANSWER_BYTES_MAX, "the answer is too long");
                self.answer.resize(self.length * 2, 0);
            }
            let read = self.stream.read(&mut self.answer[self.length..]).await?;
            if read == 0 {
                bail!("the connection was closed");
            }
            self.length += read;
        };
        ensure!(self.length == end, "more than one answer came");
        Ok(Answer {
            status,
            body: &self.answer[body..end],
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parsed {
    status: u16,
    body: usize,
    end: usize,
}

/// The parts of an answer; `None` while its head is not complete.
fn parse(answer: &[u8]) -> anyhow::Result<Option<Parsed>> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&answer[..head]).context("an answer's head is no text")?;
    let status = text.get(STATUS).and_then(|status| status.parse().ok());
    let status = status.context("an answer has no status")?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok())
        .context("an answer does not say its length")?;
    let body = head + 4;
    Ok(Some(Parsed {
        status,
        body,
        end: body + length,
    }))
}

/// Waits for a result until a deadline.
pub async fn within<T, E: Into<anyhow::Error>>(
    deadline: Duration,
    awaited: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T> {
    let in_time = timeout(deadline, awaited).await;
    let in_time = in_time.with_context(|| format!("the server was silent for {deadline:?}"))?;
    in_time.map_err(Into::into)
}

pub async fn connect(address: SocketAddr, deadline: Duration) -> anyhow::Result<Connection> {
    let connection = within(deadline, Connection::open(address)).await;
    connection.context("cannot connect")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::oneshot,
        time::timeout,
    };

    use super::{ANSWER_BYTES, Answer, Connection, Parsed, parse};

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        let parsed = Parsed {
            status: 202,
            body: answer.len() - 2,
            end: answer.len(),
        };
        assert_eq!(parse(answer).unwrap(), Some(parsed));
        assert_eq!(parse(&answer[..30]).unwrap(), None);
        assert!(parse(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err());
    }

    #[tokio::test]
    async fn what_was_given_up_half_way_is_asked_once_and_read_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::open(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (given_up, go_on) = oneshot::channel();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 7];
            stream.read_exact(&mut asked).await.unwrap();
            // The first half of the answer. The rest comes only after the client has stopped waiting.
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Le")
                .await
                .unwrap();
            go_on.await.unwrap();
            let body = "x".repeat(ANSWER_BYTES);
            let rest = format!("ngth: {}\r\n\r\n{body}", body.len());
            stream.write_all(rest.as_bytes()).await.unwrap();
            let mut more = Vec::new();
            stream.read_to_end(&mut more).await.unwrap();
            (asked, more)
        });
        let asked = timeout(Duration::from_millis(20), connection.ask(b"request")).await;
        assert!(asked.is_err());
        given_up.send(()).unwrap();
        let body = "x".repeat(ANSWER_BYTES);
        let answer = Answer {
            status: 200,
            body: body.as_bytes(),
        };
        assert_eq!(connection.go_on(b"request").await.unwrap(), answer);
        drop(connection);
        assert_eq!(server.await.unwrap(), (b"request".to_vec(), Vec::new()));
    }
}
