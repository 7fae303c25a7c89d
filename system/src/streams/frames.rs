//! The text of an event stream, cut into events by the rules of the HTML standard (section 9.2.6, "Interpreting an
//! event stream"). Chunks of the text may end anywhere, also inside a character.

use std::time::Duration;

/// The longest line and the longest data of one event that are read. Longer ones are cut off there.
const BYTES_MAX: usize = 64 * 1024;

/// One thing that a stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An event, when the empty line after it arrived.
    Event {
        /// The last `id` so far; empty if there was none.
        id: String,
        /// The name; `message` unless the event has another.
        name: String,
        /// The lines of its data.
        data: String,
    },
    /// How long to wait before asking for the stream again.
    Retry(Duration),
    /// A line that only keeps the connection open.
    Comment,
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub struct Frames {
    line: Vec<u8>,
    /// The last line ended with a carriage return, so that a line feed now belongs to it.
    after_return: bool,
    past_first_line: bool,
    id: String,
    name: String,
    data: String,
}

impl Frames {
    /// Takes the next bytes, and returns the frames that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.after_return) => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    frames.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                _ => {
                    self.after_return = false;
                    if self.line.len() < BYTES_MAX {
                        self.line.push(*byte);
                    }
                }
            }
        }
        frames
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        let is_first = !std::mem::replace(&mut self.past_first_line, true);
        let line = line
            .strip_prefix('\u{feff}')
            .filter(|_| is_first)
            .unwrap_or(line);
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => return Some(Frame::Comment),
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.len() < BYTES_MAX => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                return value
                    .parse()
                    .ok()
                    .map(Duration::from_millis)
                    .map(Frame::Retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Frame> {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        Some(Frame::Event {
            id: self.id.clone(),
            name: if name.is_empty() {
                "message".to_owned()
            } else {
                name
            },
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Frame, Frames};

    fn event(id: &str, name: &str, data: &str) -> Frame {
        Frame::Event {
            id: id.to_owned(),
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    fn read(text: &[u8]) -> Vec<Frame> {
        Frames::default().push(text)
    }

    const STREAM: &str = "retry: 2500\n\nid: 7\nevent: sale\ndata: {\"a\":\"ü\"}\n\n: still here\n\n\
                          data:one\ndata:  two\n\n";

    fn frames() -> Vec<Frame> {
        vec![
            Frame::Retry(Duration::from_millis(2_500)),
            event("7", "sale", "{\"a\":\"ü\"}"),
            Frame::Comment,
            event("7", "message", "one\n two"),
        ]
    }

    #[test]
    fn a_stream_is_read_whole_and_split_at_any_byte() {
        assert_eq!(read(STREAM.as_bytes()), frames());
        for at in 0..=STREAM.len() {
            let (start, rest) = STREAM.as_bytes().split_at(at);
            let mut cut = Frames::default();
            let mut found = cut.push(start);
            found.extend(cut.push(rest));
            assert_eq!(found, frames(), "split at {at}");
        }
        let mut cut = Frames::default();
        let found = STREAM.bytes().flat_map(|byte| cut.push(&[byte]));
        assert_eq!(found.collect::<Vec<_>>(), frames(), "byte by byte");
    }

    #[test]
    fn lines_end_with_a_line_feed_a_carriage_return_or_both() {
        for end in ["\r\n", "\r"] {
            let text = STREAM.replace('\n', end);
            assert_eq!(read(text.as_bytes()), frames(), "{end:?}");
            let mut cut = Frames::default();
            let found = text.bytes().flat_map(|byte| cut.push(&[byte]));
            assert_eq!(found.collect::<Vec<_>>(), frames(), "{end:?}");
        }
    }

    #[test]
    fn an_event_that_the_stream_did_not_complete_is_none() {
        assert_eq!(read(b"id: 1\ndata: x\n"), []);
        assert_eq!(read(b"event: sale\nid: 1\n\n"), [], "nor one without data");
    }

    #[test]
    fn unknown_fields_and_malformed_ones_are_ignored() {
        let text = b"\xef\xbb\xbfdata: x\nfoo: bar\nretry: soon\nid: a\0b\nevent\n\n";
        assert_eq!(read(text), [event("", "message", "x")]);
    }

    #[test]
    fn an_empty_id_takes_the_last_one_back() {
        let found = read(b"id: 1\ndata: x\n\ndata: y\n\nid\ndata: z\n\n");
        let expected = [
            event("1", "message", "x"),
            event("1", "message", "y"),
            event("", "message", "z"),
        ];
        assert_eq!(found, expected);
    }
}
