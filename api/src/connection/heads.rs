//! The framing of requests on an HTTP/1 connection: where a head begins and ends, and how long the body after it is.
//!
//! hyper accepts some requests on whose end two readers can disagree. A proxy in front that finds another end then
//! forwards one buyer's request as a part of another's (request smuggling, RFC 9112 section 11.2). hyper has no
//! setting against it, so [`Heads`] follows the bytes on their way to hyper, and refuses:
//!
//! - a line of a head that ends without a carriage return
//! - `Content-Length` beside `Transfer-Encoding`, or either of them twice
//! - a `Transfer-Encoding` other than `chunked`, and a length that is not a number
//! - a chunk that does not end where its size says
//!
//! In a head it overwrites the byte at fault with a NUL, which hyper accepts nowhere in a head. So hyper answers the
//! requests before, refuses this one at this very place, and closes the connection. For hyper, a
//! body in chunks ends before the byte at fault: hyper finds it unfinished, and closes the connection after the
//! answer.
//!
//! An ordinary request costs a search for its line ends and a look at the first letter of each header. Nothing is
//! copied unless a line comes in parts.

mod chunks;
mod line;

use memchr::memchr;

use self::{
    chunks::Chunks,
    line::{Line, Unfinished},
};

/// The first line of an HTTP/2 connection.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r";
/// The header that gives the length of a body.
const CONTENT_LENGTH: &[u8] = b"content-length";
/// The header that says how a body without a length is sent.
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

/// Why a request is refused before the service reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A line ends without a carriage return.
    BareLineFeed,
    /// The length of the body is not given in exactly one way.
    Length,
    /// A chunk of the body does not end where its size says.
    Chunk,
}

impl Fault {
    /// What the client must change.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::BareLineFeed => {
                "Each line of a request's head must end with a carriage return and a line feed."
            }
            Self::Length => {
                "The length of the body must be given once: by one Content-Length, or by one \
                 Transfer-Encoding that is chunked."
            }
            Self::Chunk => "A chunk of the body does not end where its size says.",
        }
    }
}

/// Where the bytes of a connection are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between requests, or in the head of one.
    Head,
    /// In a body of which this many bytes are missing.
    Body(u64),
    /// In a body that comes in chunks.
    Chunks(Chunks),
    /// HTTP/2, or after a fault: [`Heads`] examines nothing more.
    Elsewhere,
}

/// How the length of the body of the current request is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Unsaid,
    Length(u64),
    Chunked,
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub struct Heads {
    place: Place,
    framing: Framing,
    /// The first line of the current head is complete.
    begun: bool,
    /// Nothing was read before this head.
    first: bool,
    unfinished: Unfinished,
    fault: Option<Fault>,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            place: Place::Head,
            framing: Framing::Unsaid,
            begun: false,
            first: true,
            unfinished: Unfinished::default(),
            fault: None,
        }
    }
}

impl Heads {
    /// The fault for which the connection ends, if there is one.
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether a head has begun to come and is not complete.
    pub fn unfinished(&self) -> bool {
        self.place == Place::Head && (self.begun || !self.unfinished.is_empty())
    }

    /// Whether this is HTTP/1 without a fault.
    pub fn are_followed(&self) -> bool {
        self.place != Place::Elsewhere
    }

    /// Follows the next bytes, and overwrites the one at fault. Returns how many of them hyper may read: none after a
    /// fault in a body.
    pub fn read(&mut self, bytes: &mut [u8]) -> usize {
        if self.fault == Some(Fault::Chunk) {
            return 0;
        }
        let mut at = 0;
        while at < bytes.len() {
            let step = match self.place {
                Place::Elsewhere => return bytes.len(),
                Place::Head => self.read_line(&bytes[at..]),
                Place::Body(missing) => {
                    let count = within(missing, bytes.len() - at);
                    self.place = match missing - count as u64 {
                        0 => Place::Head,
                        missing => Place::Body(missing),
                    };
                    Ok(count)
                }
                Place::Chunks(Chunks::Data(missing)) => {
                    let count = within(missing, bytes.len() - at);
                    self.place = Place::Chunks(match missing - count as u64 {
                        0 => Chunks::DataCr,
                        missing => Chunks::Data(missing),
                    });
                    Ok(count)
                }
                Place::Chunks(step) => match step.next(bytes[at]) {
                    Some(Chunks::End) => {
                        self.place = Place::Head;
                        Ok(1)
                    }
                    Some(next) => {
                        self.place = Place::Chunks(next);
                        Ok(1)
                    }
                    None => Err((Fault::Chunk, 0)),
                },
            };
            match step {
                Ok(count) => at += count,
                Err((fault, offset)) => {
                    self.fault = Some(fault);
                    self.place = Place::Elsewhere;
                    if fault == Fault::Chunk {
                        return at + offset;
                    }
                    bytes[at + offset] = 0;
                }
            }
        }
        bytes.len()
    }

    /// Reads up to the end of a line. Returns how many bytes that were, or which byte is at fault.
    fn read_line(&mut self, bytes: &[u8]) -> Result<usize, (Fault, usize)> {
        let Some(length) = memchr(b'\n', bytes) else {
            self.unfinished.push(bytes);
            return Ok(bytes.len());
        };
        let judged = if self.unfinished.is_empty() {
            self.end_line(Line::whole(&bytes[..length]))
        } else {
            let mut unfinished = std::mem::take(&mut self.unfinished);
            unfinished.push(&bytes[..length]);
            self.end_line(unfinished.line())
        };
        judged.map(|()| length + 1).map_err(|fault| (fault, length))
    }

    fn end_line(&mut self, line: Line<'_>) -> Result<(), Fault> {
        if line.last != b'\r' {
            return Err(Fault::BareLineFeed);
        }
        match (self.begun, line.length) {
            // hyper skips empty lines before a request.
            (false, 1) => {}
            (false, _) => {
                self.begun = true;
                if self.first && line.start == HTTP2_PREFACE {
                    self.place = Place::Elsewhere;
                }
                self.first = false;
            }
            (true, 1) => {
                self.begun = false;
                self.place = match std::mem::replace(&mut self.framing, Framing::Unsaid) {
                    Framing::Unsaid | Framing::Length(0) => Place::Head,
                    Framing::Length(length) => Place::Body(length),
                    Framing::Chunked => Place::Chunks(Chunks::Start),
                };
            }
            (true, _) => self.header(line)?,
        }
        Ok(())
    }

    fn header(&mut self, line: Line<'_>) -> Result<(), Fault> {
        let framing = match line.start[0] {
            b'c' | b'C' => line.value_of(CONTENT_LENGTH).map(|value| length(value?)),
            b't' | b'T' => line.value_of(TRANSFER_ENCODING).map(|value| coding(value?)),
            _ => None,
        };
        if let Some(framing) = framing {
            if self.framing != Framing::Unsaid {
                return Err(Fault::Length);
            }
            self.framing = framing?;
        }
        Ok(())
    }
}

fn length(value: &[u8]) -> Result<Framing, Fault> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| digits);
    number
        .and_then(|number| number.parse().ok())
        .map(Framing::Length)
        .ok_or(Fault::Length)
}

fn coding(value: &[u8]) -> Result<Framing, Fault> {
    if value.eq_ignore_ascii_case(b"chunked") {
        Ok(Framing::Chunked)
    } else {
        Err(Fault::Length)
    }
}

/// How many of `available` bytes are among the `missing` ones.
fn within(missing: u64, available: usize) -> usize {
    usize::try_from(missing).map_or(available, |missing| missing.min(available))
}

#[cfg(test)]
mod tests {
    use super::{Fault, Heads};

    /// What becomes of a connection, which must not depend on the parts in which it comes.
    #[track_caller]
    fn follow(text: &str) -> (String, Option<Fault>, bool) {
        let follow_in = |part: usize| {
            let mut heads = Heads::default();
            let mut bytes = text.as_bytes().to_vec();
            let mut readable = 0;
            for part in bytes.chunks_mut(part) {
                readable += heads.read(part);
            }
            bytes.truncate(readable);
            let text = String::from_utf8(bytes).unwrap();
            (text, heads.fault(), heads.unfinished())
        };
        let whole = follow_in(text.len());
        for part in 1..text.len() {
            assert_eq!(follow_in(part), whole, "in parts of {part}");
        }
        whole
    }

    #[test]
    fn what_is_sound_passes_as_it_is() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\na\nb\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTRANSFER-ENCODING:   Chunked  \r\nTE: trailers\r\n\r\n\
             4\r\na\nb\n\r\n1F ;ext=\"1\"\r\n0123456789012345678901234567890\r\n0\r\nX: 1\r\n\r\n\
             GET / HTTP/1.1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nany\nbytes",
        ] {
            assert_eq!(follow(text), (text.to_owned(), None, false));
        }
    }

    #[test]
    fn a_line_that_ends_without_a_carriage_return_is_made_unreadable() {
        for (before, after) in [
            ("GET / HTTP/1.1", "Host: a\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: a", "\r\n"),
            ("GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\n\r\n"),
            ("", "GET / HTTP/1.1\r\n\r\n"),
            // In the request after another one.
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n\nGET / HTTP/1.1\r\nHost: a",
                "\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1",
                "\r\n",
            ),
            ("GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\nA: b", "\n"),
        ] {
            let refused = format!("{before}\0{after}");
            let fault = Some(Fault::BareLineFeed);
            assert_eq!(
                follow(&format!("{before}\n{after}")),
                (refused, fault, false)
            );
        }
    }

    #[test]
    fn a_length_that_is_given_in_more_than_one_way_is_refused() {
        for headers in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: \r\n",
            "transfer-encoding: x                                              chunked\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length: 99999999999999999999\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{headers}\r\n");
            let (followed, fault, _) = follow(&text);
            assert_eq!(fault, Some(Fault::Length), "{headers}");
            let kept = followed.find('\0').unwrap();
            assert_eq!(&text[kept..], "\n\r\n", "{headers}");
        }
    }

    #[test]
    fn a_chunk_that_does_not_end_where_its_size_says_is_refused() {
        for chunks in [
            "\r\n",
            "g\r\n",
            "1\n",
            "1;\n",
            "1\r\nab",
            "1\r\na\n",
            "0\r\n\n",
            "0\r\nX: 1\n",
            "1 2",
            "11111111111111111",
        ] {
            let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
            let (readable, fault, _) = follow(&text);
            assert_eq!(fault, Some(Fault::Chunk), "{chunks:?}");
            assert!(readable.len() < text.len(), "{chunks:?}: {readable:?}");
            assert!(text.starts_with(&readable), "{chunks:?}: {readable:?}");
        }
    }

    #[test]
    fn a_head_is_unfinished_from_its_first_byte_to_its_last() {
        let mut heads = Heads::default();
        assert!(!heads.unfinished());
        for part in ["G", "ET / HTTP/1.1\r\n", "Host: a\r\n", "\r"] {
            heads.read(&mut part.as_bytes().to_vec());
            assert!(heads.unfinished(), "{part}");
        }
        heads.read(&mut b"\n".to_vec());
        assert!(!heads.unfinished());
    }
}
