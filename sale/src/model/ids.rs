//! The ids of sales, buyers, orders and products: UUIDs, each of a type of its own.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id; ids made later sort later.
            pub fn random() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with this UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The id whose 16 raw bytes are these.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The id's 16 raw bytes, as the gate holds it.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id! {
    /// The id of a sale.
    SaleId
}
id! {
    /// The id of a user who buys.
    BuyerId
}
id! {
    /// The id of an order, made before the gate is asked; also called the job id.
    OrderId
}
id! {
    /// The id of a product.
    ProductId
}

/// The namespace of buyers whose token has a subject that is not a UUID.
const SUBJECT_NAMESPACE: Uuid = Uuid::from_u128(0x8d4b_96d1_5c0e_5b52_9a36_6f0f_2b8f_6a11);

impl BuyerId {
    /// The first of all in their order.
    pub const FIRST: Self = Self(Uuid::nil());

    /// The id after this one in the order of all; `None` for the last.
    pub fn next(self) -> Option<Self> {
        let next = self.0.as_u128().checked_add(1);
        next.map(|next| Self(Uuid::from_u128(next)))
    }

    /// The buyer of a token: the subject itself if it is a UUID, else an id derived (UUID v5) from the issuer and the
    /// subject.
    pub fn of_subject(issuer: &str, subject: &str) -> Self {
        Uuid::parse_str(subject).map_or_else(
            |_| {
                let issuer = Uuid::new_v5(&SUBJECT_NAMESPACE, issuer.as_bytes());
                Self(Uuid::new_v5(&issuer, subject.as_bytes()))
            },
            Self,
        )
    }
}

/// Where the tail of an order's id begins: its last bytes equal those of the sale's id.
const SALE_TAIL: usize = 14;

/// An order's id ends with the same four hex digits as its sale's id. So a look-up by an order's id asks only the few
/// sales that can have made it, however many there are, and a made-up id hardly ever asks one.
impl OrderId {
    /// A new order in a sale. Ids made later sort later.
    pub fn in_sale(sale: SaleId) -> Self {
        Self::with_tail(Uuid::now_v7(), sale)
    }

    /// The order of a purchase with an idempotency key: the same key of the same buyer in the same sale gives the
    /// same order. UUID v8 of a SHA-256. (Buyer and sale have a fixed length, so two different triples never hash the
    /// same bytes.)
    pub fn derived(buyer: BuyerId, sale: SaleId, idempotency_key: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(buyer.to_bytes())
            .chain_update(sale.to_bytes())
            .chain_update(idempotency_key.as_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::with_tail(Uuid::new_v8(bytes), sale)
    }

    /// Whether an order with this id can belong to this sale.
    pub fn may_be_in(self, sale: SaleId) -> bool {
        self.to_bytes()[SALE_TAIL..] == sale.to_bytes()[SALE_TAIL..]
    }

    fn with_tail(id: Uuid, sale: SaleId) -> Self {
        let mut bytes = id.into_bytes();
        bytes[SALE_TAIL..].copy_from_slice(&sale.to_bytes()[SALE_TAIL..]);
        Self(Uuid::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::{Uuid, Variant};

    use super::{BuyerId, OrderId, SALE_TAIL, SaleId};

    /// What of a derived id does not come from the sale's tail.
    fn head(id: OrderId) -> Vec<u8> {
        id.to_bytes()[..SALE_TAIL].to_vec()
    }

    #[test]
    fn buyer_and_sale_and_key_each_make_another_order() {
        let (alice, bob) = (BuyerId::random(), BuyerId::random());
        let (one, two) = (SaleId::random(), SaleId::random());
        let base = OrderId::derived(alice, one, "k");
        assert_eq!(base, OrderId::derived(alice, one, "k"));
        for other in [
            OrderId::derived(bob, one, "k"),
            OrderId::derived(alice, two, "k"),
            OrderId::derived(alice, one, "l"),
            OrderId::derived(alice, one, "kk"),
            OrderId::derived(alice, one, "K"),
        ] {
            assert_ne!(head(base), head(other));
        }
    }

    #[test]
    fn the_places_of_buyer_sale_and_key_are_not_interchangeable() {
        let letters = |letter: u8| [letter; 16];
        let (a, b) = (letters(b'a'), letters(b'b'));
        let order = |buyer, sale, key: &str| {
            OrderId::derived(BuyerId::from_bytes(buyer), SaleId::from_bytes(sale), key)
        };
        let ids = [
            order(a, b, "k"),
            order(b, a, "k"),
            order(a, a, "k"),
            order(b, b, "k"),
            // The same letters, cut at other places.
            order(a, b, "bk"),
            order(a, a, "bbbbbbbbbbbbbbbbk"),
            order(a, b, "aaaaaaaaaaaaaaaak"),
        ];
        let heads: HashSet<Vec<u8>> = ids.into_iter().map(head).collect();
        assert_eq!(heads.len(), ids.len());
    }

    #[test]
    fn a_derived_order_stays_the_same_from_version_to_version() {
        let buyer = BuyerId::from_uuid(Uuid::from_u128(1));
        let sale = SaleId::from_uuid(Uuid::from_u128(2));
        let order = OrderId::derived(buyer, sale, "try-1");
        assert_eq!(order.to_string(), "51e76d39-e0fd-8ff1-b7fc-7502635a0002");
        assert_eq!(order.uuid().get_version_num(), 8);
        assert_eq!(order.uuid().get_variant(), Variant::RFC4122);
    }

    #[test]
    fn an_order_names_its_sale_by_the_end_of_its_id() {
        let (one, two) = (
            SaleId::from_uuid(Uuid::from_u128(0x1_0001)),
            SaleId::from_uuid(Uuid::from_u128(0x1_0101)),
        );
        for order in [
            OrderId::in_sale(one),
            OrderId::derived(BuyerId::random(), one, "k"),
        ] {
            assert!(order.may_be_in(one), "{order}");
            assert!(!order.may_be_in(two), "{order}");
            assert!(order.to_string().ends_with("0001"), "{order}");
        }
    }

    #[test]
    fn orders_in_one_sale_differ_and_sort_by_their_making() {
        let sale = SaleId::random();
        let orders: Vec<OrderId> = (0..10_000).map(|_| OrderId::in_sale(sale)).collect();
        assert!(orders.is_sorted());
        assert_eq!(orders.iter().collect::<HashSet<_>>().len(), orders.len());
        assert!(orders.iter().all(|id| id.uuid().get_version_num() == 7));
    }

    #[test]
    fn behind_each_buyer_but_the_last_comes_the_next_one() {
        let buyer = |number| BuyerId::from_uuid(Uuid::from_u128(number));
        assert_eq!(BuyerId::FIRST.next(), Some(buyer(1)));
        assert_eq!(buyer(0xff).next(), Some(buyer(0x100)));
        assert_eq!(buyer(u128::MAX).next(), None);
    }
}
