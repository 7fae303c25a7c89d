//! How the ledger holds epochs and versions: as `bigint`. One that is larger than any `bigint` can only be made by hand
//! (in the id of a journal entry), and counts as the largest: it is newer than all that the ledger knows.

use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
};

use crate::model::{Epoch, Version};

macro_rules! bigint {
    ($name:ident) => {
        impl Type<Postgres> for $name {
            fn type_info() -> PgTypeInfo {
                <i64 as Type<Postgres>>::type_info()
            }
        }

        impl PgHasArrayType for $name {
            fn array_type_info() -> PgTypeInfo {
                <i64 as PgHasArrayType>::array_type_info()
            }
        }

        impl Encode<'_, Postgres> for $name {
            fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let number = i64::try_from(self.0).unwrap_or(i64::MAX);
                Encode::<Postgres>::encode(number, buffer)
            }
        }

        impl Decode<'_, Postgres> for $name {
            fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
                let number = <i64 as Decode<Postgres>>::decode(value)?;
                Ok(Self(number.try_into()?))
            }
        }
    };
}

bigint!(Epoch);
bigint!(Version);
