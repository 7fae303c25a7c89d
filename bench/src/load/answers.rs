//! The answers to the requests of a run. Answers of one status, one length and one code are of one kind. The first
//! answer of each kind is kept, and interpreted once, after the run. So an ended sale, or a buyer who has bought
//! already, does not count as sold out, although all of them are 409. The run itself does not pay for parsing: it
//! searches the code in the first of a kind only, and compares the others in the same place.

use std::{fmt, ops::Range};

use anyhow::ensure;
use system::{
    client::understand,
    history::{
        Ask,
        meaning::{Meaning, of_answer, of_failure},
    },
};

use super::connection::Answer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Accepted,
    SoldOut,
}

#[derive(Debug, Clone, Default)]
pub struct Answers {
    kinds: Vec<Kind>,
}

/// The text before a code in a body.
const CODE: &[u8] = br#""code":""#;

#[derive(Debug, Clone)]
struct Kind {
    status: u16,
    first: Box<[u8]>,
    /// The place of its code, including the text before it; empty if it has no code.
    code: Range<usize>,
    count: usize,
}

impl Expected {
    fn is(self, meaning: &Meaning) -> bool {
        match self {
            Self::Accepted => matches!(meaning, Meaning::Admitted(_)),
            Self::SoldOut => matches!(meaning, Meaning::SoldOut),
        }
    }
}

impl Answers {
    pub fn add(&mut self, answer: Answer<'_>) {
        self.count_more(answer.status, answer.body, 1);
    }

    pub fn merge(&mut self, others: &Self) {
        for kind in &others.kinds {
            self.count_more(kind.status, &kind.first, kind.count);
        }
    }

    fn count_more(&mut self, status: u16, body: &[u8], more: usize) {
        let known = |kind: &&mut Kind| kind.has(status, body);
        if let Some(kind) = self.kinds.iter_mut().find(known) {
            kind.count += more;
        } else {
            self.kinds.push(Kind {
                status,
                first: body.into(),
                code: code(body),
                count: more,
            });
        }
    }

    pub fn with(&self, status: u16) -> usize {
        let kinds = self.kinds.iter().filter(|kind| kind.status == status);
        kinds.map(|kind| kind.count).sum()
    }

    /// Checks that all purchases got this answer.
    pub fn all(&self, expected: Expected) -> anyhow::Result<()> {
        let right = |kind: &Kind| expected.is(&kind.meaning());
        ensure!(
            self.kinds.iter().all(right),
            "not every answer was {expected:?}: {self}"
        );
        Ok(())
    }
}

impl Kind {
    fn has(&self, status: u16, body: &[u8]) -> bool {
        let code = self.code.clone();
        self.status == status
            && self.first.len() == body.len()
            && self.first[code.clone()] == body[code]
    }

    fn meaning(&self) -> Meaning {
        let asked = Ask::Purchase {
            key: None,
            wait_seconds: None,
        };
        match understand(self.status, None, &self.first) {
            Ok(answer) => of_answer(&asked, &answer),
            Err(failure) => of_failure(&failure),
        }
    }
}

/// The place of the code in a body, up to and including the closing quote.
fn code(body: &[u8]) -> Range<usize> {
    let start = body.windows(CODE.len()).position(|part| part == CODE);
    let Some(start) = start else { return 0..0 };
    let value = start + CODE.len();
    let length = body[value..].iter().position(|byte| *byte == b'"');
    start..length.map_or(body.len(), |length| value + length + 1)
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, kind) in self.kinds.iter().enumerate() {
            let gap = if place == 0 { "" } else { "; " };
            let (count, status) = (kind.count, kind.status);
            write!(f, "{gap}{count} of {status}, {:?}", kind.meaning())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sale::model::OrderId;

    use super::{Answer, Answers, Expected};

    fn answers(parts: &[(u16, &str)]) -> Answers {
        let mut answers = Answers::default();
        for (status, body) in parts {
            answers.add(Answer {
                status: *status,
                body: body.as_bytes(),
            });
        }
        answers
    }

    #[test]
    fn a_refusal_for_another_reason_is_not_sold_out() {
        let sold_out = (409, r#"{"code":"OUT_OF_STOCK"}"#);
        let ended = (409, r#"{"code":"SALE_NOT_ACTIVE","reason":"ended"}"#);
        let bought = format!(
            r#"{{"code":"ALREADY_PURCHASED","orderId":"{}"}}"#,
            OrderId::random()
        );
        let all = answers(&[sold_out, sold_out]);
        all.all(Expected::SoldOut).unwrap();
        assert!(all.all(Expected::Accepted).is_err());
        for other in [ended, (409, &bought), (409, "")] {
            let mixed = answers(&[sold_out, other, sold_out]);
            assert_eq!(mixed.with(409), 3);
            assert!(mixed.all(Expected::SoldOut).is_err(), "{mixed}");
        }
    }

    #[test]
    fn a_refusal_of_the_same_length_is_not_hidden_by_its_code() {
        let sold_out = (409, r#"{"detail":"All sold.","code":"OUT_OF_STOCK"}"#);
        for other in [
            r#"{"detail":"All sold.","code":"IS_NOT_READY"}"#,
            r#"{"detail":"It is paused.","code":"PAUSED_N"}"#,
            r#"{"detail":"No","code":"A_CODE_THAT_IS_LONG"}"#,
        ] {
            assert_eq!(other.len(), sold_out.1.len());
            for parts in [[sold_out, (409, other)], [(409, other), sold_out]] {
                let mixed = answers(&parts);
                assert!(mixed.all(Expected::SoldOut).is_err(), "{mixed}");
            }
        }
        let elsewhere = (409, r#"{"detail":"All gone.","code":"OUT_OF_STOCK"}"#);
        let all = answers(&[sold_out, elsewhere]);
        all.all(Expected::SoldOut).unwrap();
        assert_eq!(all.with(409), 2);
    }

    #[test]
    fn answers_of_all_connections_are_counted_and_none_is_hidden_by_others() {
        let body = format!(
            r#"{{"success":true,"data":{{"orderId":"{}"}}}}"#,
            OrderId::random()
        );
        let mut all = answers(&[(202, &body), (202, &body)]);
        all.all(Expected::Accepted).unwrap();
        all.merge(&answers(&[(202, &body), (503, "{}")]));
        assert_eq!((all.with(202), all.with(503)), (3, 1));
        assert!(all.all(Expected::Accepted).is_err());
    }
}
