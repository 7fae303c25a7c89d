//! The form of an event stream: the head of an HTTP/1.1 answer, chunks, and in them the lines of events. A chunk may
//! end within a line, and what is read at once may end anywhere.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

/// The longest line.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What an event of a sale says of its stock.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stock {
    available_quantity: u64,
}

#[derive(Debug, Default)]
pub struct Parser {
    part: Part,
    /// The begun line of the head, or around a chunk.
    frame: Vec<u8>,
    /// The begun line of an event.
    line: Vec<u8>,
    /// The event's name so far is that of a sale's state.
    is_sale: bool,
    /// The event's data so far.
    data: Vec<u8>,
}

/// What comes next.
#[derive(Debug, Default, Clone, Copy)]
enum Part {
    /// The first line of the head.
    #[default]
    Status,
    /// Another line of it.
    Head,
    /// The size of a chunk.
    Size,
    /// So many bytes of the chunk, and then the end of its line.
    Chunk(usize),
}

impl Parser {
    /// Reads what has come, and passes on the stock of each event of a sale.
    pub fn read(
        &mut self,
        mut bytes: &[u8],
        mut on_stock: impl FnMut(u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            if let Part::Chunk(left @ 1..) = self.part {
                let (mut now, rest) = bytes.split_at(left.min(bytes.len()));
                self.part = Part::Chunk(left - now.len());
                bytes = rest;
                while end_of_line(&mut self.line, &mut now)? {
                    if let Some(stock) = self.event_line()? {
                        on_stock(stock)?;
                    }
                    self.line.clear();
                }
            } else if end_of_line(&mut self.frame, &mut bytes)? {
                self.part = self.frame_line()?;
                self.frame.clear();
            }
        }
        Ok(())
    }

    /// Reads a line of the head, or around a chunk: what comes next.
    fn frame_line(&self) -> anyhow::Result<Part> {
        let line = std::str::from_utf8(&self.frame)?.trim_end();
        Ok(match self.part {
            Part::Status => {
                let is_good = line.starts_with("HTTP/1.1 200");
                ensure!(
                    is_good,
                    "answered with {line} (is STREAMS_PER_ADDRESS_MAX 0?)"
                );
                Part::Head
            }
            Part::Head if line.is_empty() => Part::Size,
            Part::Head => Part::Head,
            Part::Size => {
                let size = usize::from_str_radix(line, 16).context("a chunk has no size")?;
                ensure!(size > 0, "the server ended it");
                Part::Chunk(size)
            }
            Part::Chunk(_) if line.is_empty() => Part::Size,
            Part::Chunk(_) => bail!("a chunk is longer than its size"),
        })
    }

    /// Reads a line of an event: the stock, if that ends an event of a sale.
    fn event_line(&mut self) -> anyhow::Result<Option<u64>> {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if let Some(data) = line.strip_prefix(b"data:") {
            self.data.extend_from_slice(data);
        } else if let Some(name) = line.strip_prefix(b"event:") {
            self.is_sale = name.trim_ascii() == b"sale";
        } else if line.is_empty() {
            let ended = self.is_sale && !self.data.is_empty();
            let stock = ended.then(|| serde_json::from_slice::<Stock>(&self.data));
            let stock = stock
                .transpose()
                .context("an event does not say its stock")?;
            self.is_sale = false;
            self.data.clear();
            return Ok(stock.map(|stock| stock.available_quantity));
        }
        // Anything else is an id, a pause before retries, or a comment.
        Ok(None)
    }
}

/// Moves bytes to a line, up to its end: whether it is complete.
fn end_of_line(line: &mut Vec<u8>, bytes: &mut &[u8]) -> anyhow::Result<bool> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (now, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    ensure!(
        line.len() + now.len() <= LINE_BYTES_MAX,
        "a line is too long"
    );
    line.extend_from_slice(now);
    *bytes = if end.is_some() { &rest[1..] } else { rest };
    Ok(end.is_some())
}

#[cfg(test)]
mod tests {
    use super::Parser;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn chunk(text: &str) -> String {
        format!("{:X}\r\n{text}\r\n", text.len())
    }

    /// The stocks of a stream that comes in pieces of this length.
    fn stocks(text: &str, piece: usize) -> anyhow::Result<Vec<u64>> {
        let (mut parser, mut stocks) = (Parser::default(), Vec::new());
        for bytes in text.as_bytes().chunks(piece) {
            parser.read(bytes, |stock| {
                stocks.push(stock);
                Ok(())
            })?;
        }
        Ok(stocks)
    }

    #[test]
    fn stocks_are_found_wherever_chunks_and_reads_end() {
        let sale = |stock| {
            format!(
                "id: 3-{stock}\nevent: sale\ndata: {{\"status\":\"active\",\ndata: \"availableQuantity\":{stock},\"soldQuantity\":1}}\n\n"
            )
        };
        let (first, second) = (sale(12), sale(11));
        let (begun, rest) = second.split_at(20);
        let text = [
            HEAD.to_owned(),
            chunk("retry: 2500\n\n"),
            chunk(&first),
            chunk(":\n\n"),
            chunk("event: purchase\ndata: {\"status\":\"queued\"}\n\n"),
            chunk(begun),
            chunk(&format!("{rest}{}", sale(0))),
        ]
        .concat();
        for piece in [1, 2, 7, 100, text.len()] {
            assert_eq!(stocks(&text, piece).unwrap(), [12, 11, 0], "{piece}");
        }
    }

    #[test]
    fn what_is_no_stream_or_ends_is_a_failure_that_says_so() {
        let why = |text: &str| stocks(text, 5).unwrap_err().to_string();
        let refused = why("HTTP/1.1 429 Too Many Requests\r\n\r\n");
        assert!(refused.contains("429 Too Many Requests"), "{refused}");
        assert!(refused.contains("STREAMS_PER_ADDRESS_MAX"), "{refused}");
        assert_eq!(why(&format!("{HEAD}0\r\n\r\n")), "the server ended it");
        let none = chunk("event: sale\ndata: {}\n\n");
        let none = why(&format!("{HEAD}{none}"));
        assert_eq!(none, "an event does not say its stock");
        assert!(stocks(&format!("{HEAD}x\r\n"), 5).is_err());
        assert!(stocks(&format!("{HEAD}1\r\nab\r\n"), 5).is_err());
    }
}
