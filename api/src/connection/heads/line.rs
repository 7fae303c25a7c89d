//! A line of a head, whole or in the parts in which it comes.

use super::Fault;

/// How much of a line is kept when it comes in parts, bytes: enough for each line that [`super::Heads`] examines.
const KEPT_BYTES: usize = 48;

/// A line without its line feed. Its end may have been too long to be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) start: &'a [u8],
    pub(super) length: usize,
    pub(super) last: u8,
}

impl<'a> Line<'a> {
    pub(super) fn whole(line: &'a [u8]) -> Self {
        Self {
            start: line,
            length: line.len(),
            last: line.last().copied().unwrap_or_default(),
        }
    }

    /// The value of the header `name`, if this line is that header.
    pub(super) fn value_of(&self, name: &[u8]) -> Option<Result<&'a [u8], Fault>> {
        let (own, rest) = self.start.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b":")?;
        if !own.eq_ignore_ascii_case(name) {
            return None;
        }
        let whole = self.length == self.start.len();
        Some(whole.then(|| value.trim_ascii()).ok_or(Fault::Length))
    }
}

/// The beginning of a line whose end has not come.
#[derive(Debug)]
pub(super) struct Unfinished {
    start: [u8; KEPT_BYTES],
    length: usize,
    last: u8,
}

impl Default for Unfinished {
    fn default() -> Self {
        Self {
            start: [0; KEPT_BYTES],
            length: 0,
            last: 0,
        }
    }
}

impl Unfinished {
    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        let kept = self.length.min(KEPT_BYTES);
        let taken = bytes.len().min(KEPT_BYTES - kept);
        self.start[kept..kept + taken].copy_from_slice(&bytes[..taken]);
        self.length += bytes.len();
        self.last = *last;
    }

    pub(super) fn line(&self) -> Line<'_> {
        Line {
            start: &self.start[..self.length.min(KEPT_BYTES)],
            length: self.length,
            last: self.last,
        }
    }
}
