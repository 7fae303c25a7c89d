//! The form of an event stream: the head of an HTTP/1.1 answer, chunks, and in them the lines of events. A chunk may
//! end within a line, and what is read at once may end anywhere.

use std::{collections::VecDeque, mem, str, time::Duration};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};

/// The longest line.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// An event, as far as visitors of a benchmark read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The sale's state: so many units are left.
    Sale { left: u64 },
    /// What has become of the caller's purchase: its status.
    Purchase { status: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stock {
    available_quantity: u64,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

#[derive(Debug, Default)]
pub struct Parser {
    part: Part,
    /// The begun line of the head, or around a chunk.
    frame: Vec<u8>,
    /// The begun line of an event.
    line: Vec<u8>,
    /// The event's name so far.
    name: Vec<u8>,
    /// The event's data so far.
    data: Vec<u8>,
    /// The newest id, for `Last-Event-ID`; empty before the first.
    pub id: String,
    /// The pause that the server wants before another connection.
    pub retry: Duration,
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
    /// Reads what has come, and adds its events.
    pub fn read(&mut self, mut bytes: &[u8], events: &mut VecDeque<Event>) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            if let Part::Chunk(left @ 1..) = self.part {
                let (mut now, rest) = bytes.split_at(left.min(bytes.len()));
                self.part = Part::Chunk(left - now.len());
                bytes = rest;
                while end_of_line(&mut self.line, &mut now)? {
                    events.extend(self.event_line()?);
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

    /// Reads a line of an event: the event, if that ends one.
    fn event_line(&mut self) -> anyhow::Result<Option<Event>> {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if line.is_empty() {
            let (name, data) = (mem::take(&mut self.name), mem::take(&mut self.data));
            return match &*name {
                _ if data.is_empty() => Ok(None),
                b"sale" => said(&data).map(|Stock { available_quantity }| {
                    Some(Event::Sale {
                        left: available_quantity,
                    })
                }),
                b"purchase" => {
                    said(&data).map(|Status { status }| Some(Event::Purchase { status }))
                }
                _ => Ok(None),
            };
        }
        // A line without a colon is a field without a value; one that begins with a colon is a comment.
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => self.data.extend_from_slice(value),
            b"event" => self.name = value.to_vec(),
            b"id" => str::from_utf8(value)?.clone_into(&mut self.id),
            b"retry" => self.retry = Duration::from_millis(str::from_utf8(value)?.parse()?),
            _ => {}
        }
        Ok(None)
    }
}

fn said<T: DeserializeOwned>(data: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(data).context("an event does not say what it must")
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
    use std::{collections::VecDeque, time::Duration};

    use super::{Event, Parser};

    const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn chunk(text: &str) -> String {
        format!("{:X}\r\n{text}\r\n", text.len())
    }

    /// The events of a stream that comes in pieces of this length, and its reader.
    fn events(text: &str, piece: usize) -> anyhow::Result<(Vec<Event>, Parser)> {
        let (mut parser, mut events) = (Parser::default(), VecDeque::new());
        for bytes in text.as_bytes().chunks(piece) {
            parser.read(bytes, &mut events)?;
        }
        Ok((events.into(), parser))
    }

    #[test]
    fn events_are_found_wherever_chunks_and_reads_end() {
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
        let queued = Event::Purchase {
            status: "queued".to_owned(),
        };
        let left = |left| Event::Sale { left };
        for piece in [1, 2, 7, 100, text.len()] {
            let (events, parser) = events(&text, piece).unwrap();
            assert_eq!(
                events,
                [left(12), queued.clone(), left(11), left(0)],
                "{piece}"
            );
            assert_eq!(
                (&*parser.id, parser.retry),
                ("3-0", Duration::from_millis(2_500))
            );
        }
    }

    #[test]
    fn what_is_no_stream_or_ends_is_a_failure_that_says_so() {
        let why = |text: &str| events(text, 5).unwrap_err().to_string();
        let refused = why("HTTP/1.1 429 Too Many Requests\r\n\r\n");
        assert!(refused.contains("429 Too Many Requests"), "{refused}");
        assert!(refused.contains("STREAMS_PER_ADDRESS_MAX"), "{refused}");
        assert_eq!(why(&format!("{HEAD}0\r\n\r\n")), "the server ended it");
        let none = chunk("event: sale\ndata: {}\n\n");
        let none = why(&format!("{HEAD}{none}"));
        assert_eq!(none, "an event does not say what it must");
        assert!(events(&format!("{HEAD}x\r\n"), 5).is_err());
        assert!(events(&format!("{HEAD}1\r\nab\r\n"), 5).is_err());
    }
}
