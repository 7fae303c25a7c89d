//! One connection: a request, and its answer read as far as status and length.

use std::{io, net::SocketAddr};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where the status stands in an answer's first line.
const STATUS: std::ops::Range<usize> = 9..12;

pub(super) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            answer: vec![0; ANSWER_BYTES_MAX],
        })
    }

    /// Sends a request, and returns the status of its answer once all of it has come.
    pub(super) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.answer[length..]).await?;
            if read == 0 {
                bail!("the connection was closed, or the answer is too long");
            }
            length += read;
            if let Some((status, whole)) = parse(&self.answer[..length])? {
                if length == whole {
                    return Ok(status);
                }
                if length > whole {
                    bail!("more than one answer came");
                }
            }
        }
    }
}

/// Status and length of an answer; `None` while its head is not complete.
fn parse(answer: &[u8]) -> anyhow::Result<Option<(u16, usize)>> {
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
    Ok(Some((status, head + 4 + length)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parse(answer).unwrap(), Some((202, answer.len())));
        assert_eq!(parse(&answer[..30]).unwrap(), None);
        assert!(parse(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err());
    }
}
