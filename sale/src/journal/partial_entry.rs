//! Reads what it can from the bytes of a rejection: for a person who investigates what went wrong.

use chrono::{DateTime, Utc};

use super::entry::{ENTRY_VERSION, HEAD_BYTES, WINNER_BYTES, winner};
use crate::model::Purchase;

/// Bytes of an entry, read as far as possible.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartialEntry {
    /// The version byte.
    pub version: Option<u8>,
    /// The number of winners that it says it has.
    pub count: Option<u16>,
    /// When it says that the gate admitted them.
    pub admitted_at: Option<DateTime<Utc>>,
    /// The winners that are there.
    pub winners: Vec<Purchase>,
    /// Bytes that belong to none of these.
    pub left_over: usize,
}

impl PartialEntry {
    /// Reads bytes that may be an entry. Of a version other than ours, only the version is known.
    pub fn of_entry(raw: &[u8]) -> Self {
        let version = raw.first().copied();
        let Some((head, body)) = raw.split_first_chunk::<HEAD_BYTES>() else {
            let left_over = raw.len().saturating_sub(1);
            return Self {
                version,
                left_over,
                ..Self::default()
            };
        };
        if version != Some(ENTRY_VERSION) {
            return Self {
                version,
                left_over: raw.len() - 1,
                ..Self::default()
            };
        }
        let [_, count_1, count_2, time @ ..] = *head;
        let micros = i64::try_from(u64::from_be_bytes(time)).ok();
        Self {
            version,
            count: Some(u16::from_be_bytes([count_1, count_2])),
            admitted_at: micros.and_then(DateTime::from_timestamp_micros),
            ..Self::of_winners(body)
        }
    }

    /// Reads the winners alone: a rejection keeps only them of a purchase that could be read.
    pub fn of_winners(raw: &[u8]) -> Self {
        let pairs = raw.chunks_exact(WINNER_BYTES);
        Self {
            left_over: pairs.remainder().len(),
            winners: pairs.filter_map(winner).collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::PartialEntry;
    use crate::model::{BuyerId, OrderId, Purchase};

    #[test]
    fn a_damaged_entry_is_read_as_far_as_it_goes() {
        let won = Purchase {
            buyer: BuyerId::from_uuid(Uuid::from_u128(7)),
            order: OrderId::from_uuid(Uuid::from_u128(8)),
        };
        let head = [&[1, 0, 2][..], &1_000_000_u64.to_be_bytes()].concat();
        let winner = [won.buyer.to_bytes(), won.order.to_bytes()].concat();
        let cut = [&head[..], &winner, &[9; 5]].concat();
        let read = PartialEntry::of_entry(&cut);
        assert_eq!((read.version, read.count), (Some(1), Some(2)));
        assert_eq!(read.admitted_at.unwrap().timestamp(), 1);
        assert_eq!((read.winners, read.left_over), (vec![won], 5));
        assert_eq!(PartialEntry::of_winners(&winner).winners, [won]);
    }

    #[test]
    fn of_another_version_nothing_is_guessed() {
        for (raw, version, left_over) in [
            (&b""[..], None, 0),
            (b"\x02junk", Some(2), 4),
            (b"\x01junk", Some(1), 4),
            (&[3; 43], Some(3), 42),
        ] {
            let expected = PartialEntry {
                version,
                left_over,
                ..PartialEntry::default()
            };
            assert_eq!(PartialEntry::of_entry(raw), expected);
        }
    }
}
