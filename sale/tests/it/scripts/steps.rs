//! The steps of a random history.

use proptest::{collection::vec, prelude::*};
use sale::model::{BuyerId, OrderId, Purchase, SaleState};
use uuid::Uuid;

/// Long past and far away, so that the machine's clock lies between.
pub const WINDOWS: [(i32, i32); 3] = [(2001, 2100), (2100, 2101), (2001, 2002)];

#[derive(Debug, Clone)]
pub enum Seen {
    /// Every answer so far: the knowledge of a process that has run from the start.
    Everything,
    /// Nothing, which is only honest for a new process before any rollback.
    Nothing,
    /// More than the gate has.
    More { epoch: bool },
    /// As much as the gate has, but another purchase.
    Other { posted: bool },
    /// The gate as it is, but terms that are newer by this much.
    Terms { newer: i64 },
}

#[derive(Debug, Clone)]
pub enum Step {
    Admit {
        seen: Seen,
        batch: Vec<(u8, u8)>,
        bits: u32,
    },
    Sync {
        epoch: i64,
        terms: NewTerms,
    },
    ForgetAll,
    Forget {
        picks: Vec<u8>,
        unknown: bool,
        lost: Option<i64>,
    },
    Close,
    Swap {
        epoch: i64,
        terms: NewTerms,
        marks: Option<Vec<(u8, u8)>>,
        miscount: i64,
    },
    Open {
        epoch: i64,
    },
    Reader {
        consumer: usize,
        does: Reading,
    },
    KeepCopy,
    RollBack,
    Lose {
        terms: bool,
        buyers: bool,
        journal: bool,
    },
}

/// The action of a reader of the journal.
#[derive(Debug, Clone)]
pub enum Reading {
    Read { count: usize },
    Claim { count: usize },
    DeliverAgain,
    Remove { idle: bool },
}

#[derive(Debug, Clone)]
pub struct NewTerms {
    pub version: i64,
    pub state: SaleState,
    pub window: usize,
    pub limit: u32,
}

fn new_terms() -> impl Strategy<Value = NewTerms> {
    use SaleState::{Ended, Open, Paused, Settled};
    let state =
        prop_oneof![8 => Just(Open), 1 => Just(Paused), 1 => Just(Ended), 1 => Just(Settled)];
    let window = prop_oneof![8 => Just(0_usize), 1 => Just(1), 1 => Just(2)];
    (-2_i64..3, state, window, 0_u32..16).prop_map(|(version, state, window, limit)| NewTerms {
        version,
        state,
        window,
        limit,
    })
}

/// Mostly the right epoch, sometimes a neighbour.
fn near() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0_i64), 1 => Just(-1), 1 => Just(1)]
}

fn purchases() -> impl Strategy<Value = Vec<(u8, u8)>> {
    vec((0_u8..14, 0_u8..3), 1..7)
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => (1_usize..4).prop_map(|count| Reading::Read { count }),
        2 => (1_usize..4).prop_map(|count| Reading::Claim { count }),
        1 => Just(Reading::DeliverAgain),
        2 => any::<bool>().prop_map(|idle| Reading::Remove { idle }),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    let seen = prop_oneof![
        6 => Just(Seen::Everything),
        2 => Just(Seen::Nothing),
        1 => any::<bool>().prop_map(|epoch| Seen::More { epoch }),
        1 => any::<bool>().prop_map(|posted| Seen::Other { posted }),
        2 => (-1_i64..2).prop_map(|newer| Seen::Terms { newer }),
    ];
    let admit = (seen, purchases(), 0_u32..1 << 20).prop_map(|(seen, batch, bits)| Step::Admit {
        seen,
        batch,
        bits,
    });
    let forget = (
        vec(any::<u8>(), 0..5),
        any::<bool>(),
        proptest::option::weighted(0.2, near()),
    )
        .prop_map(|(picks, unknown, lost)| Step::Forget {
            picks,
            unknown,
            lost,
        });
    let marks = proptest::option::of(purchases());
    let swap = (
        prop_oneof![4 => Just(1_i64), 1 => -1_i64..4],
        new_terms(),
        marks,
        near(),
    )
        .prop_map(|(epoch, terms, marks, miscount)| Step::Swap {
            epoch,
            terms,
            marks,
            miscount,
        });
    prop_oneof![
        16 => admit,
        4 => (near(), new_terms()).prop_map(|(epoch, terms)| Step::Sync { epoch, terms }),
        4 => Just(Step::ForgetAll),
        4 => forget,
        1 => Just(Step::Close),
        4 => swap,
        5 => near().prop_map(|epoch| Step::Open { epoch }),
        9 => (0_usize..3, reading()).prop_map(|(consumer, does)| Step::Reader { consumer, does }),
        2 => Just(Step::KeepCopy),
        1 => Just(Step::RollBack),
        1 => any::<[bool; 3]>().prop_map(|[terms, buyers, journal]| Step::Lose { terms, buyers, journal }),
    ]
}

/// Buyer and order from small numbers; each buyer has orders of its own.
pub fn numbered((buyer, order): (u8, u8)) -> Purchase {
    let id = |number: u128| Uuid::from_u128(0x7000_8000_0000_0000_0000_u128 + number);
    Purchase {
        buyer: BuyerId::from_uuid(id(buyer.into())),
        order: OrderId::from_uuid(id(1_000 + u128::from(buyer) * 10 + u128::from(order))),
    }
}
