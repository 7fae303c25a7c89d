//! Traffic: answers to purchases, by sale and time (`migrations/0011_traffic.sql`).

use std::{
    ops::{AddAssign, Sub},
    time::Duration,
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Ledger, LedgerError};
use crate::{model::SaleId, traffic::Window};

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Answers to purchases, by what they said.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
        pub struct Answers {
            $($(#[$doc])* #[sqlx(try_from = "i64")] pub $name: u64,)+
        }

        impl Answers {
            /// All together.
            pub const fn total(&self) -> u64 {
                0 $(+ self.$name)+
            }
        }

        impl AddAssign for Answers {
            fn add_assign(&mut self, more: Self) {
                $(self.$name += more.$name;)+
            }
        }

        /// The answers since an earlier count.
        impl Sub for Answers {
            type Output = Self;

            fn sub(self, before: Self) -> Self {
                Self { $($name: self.$name.saturating_sub(before.$name),)+ }
            }
        }
    };
}

answers! {
    /// The purchase is admitted; each time that it is sent again, too.
    admitted,
    /// The buyer had bought before.
    duplicate,
    /// Everything was sold.
    sold_out,
    /// The sale had not begun.
    too_early,
    /// The sale was over.
    ended,
    /// The sale was paused.
    paused,
    /// No verdict was reached.
    unavailable,
}

/// The columns of [`Answers`], added up.
macro_rules! sums {
    () => {
        "coalesce(sum(admitted), 0)::bigint AS admitted, coalesce(sum(duplicate), 0)::bigint AS duplicate,
         coalesce(sum(sold_out), 0)::bigint AS sold_out, coalesce(sum(too_early), 0)::bigint AS too_early,
         coalesce(sum(ended), 0)::bigint AS ended, coalesce(sum(paused), 0)::bigint AS paused,
         coalesce(sum(unavailable), 0)::bigint AS unavailable"
    };
}

pub(super) use sums;

/// The answers of one process in ten seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessTraffic {
    /// The sale.
    pub sale: SaleId,
    /// The begin of the ten seconds.
    pub bucket: DateTime<Utc>,
    /// The process.
    pub process: Uuid,
    /// All its answers in them so far.
    pub answers: Answers,
}

/// The answers of all processes in a part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct TrafficBucket {
    /// Its begin.
    pub at: DateTime<Utc>,
    /// The answers in it.
    #[sqlx(flatten)]
    pub answers: Answers,
}

impl Ledger {
    /// Writes what processes have answered. May be repeated, also with earlier counts: the highest one stays. Sales
    /// that do not exist are left out. No two rows are of the same sale, bucket and process.
    pub async fn write_traffic(&self, rows: &[ProcessTraffic]) -> Result<(), LedgerError> {
        let sales: Vec<Uuid> = rows.iter().map(|row| row.sale.uuid()).collect();
        let buckets: Vec<DateTime<Utc>> = rows.iter().map(|row| row.bucket).collect();
        let processes: Vec<Uuid> = rows.iter().map(|row| row.process).collect();
        let counts = |count: fn(&Answers) -> u64| -> Vec<i64> {
            let counts = rows.iter().map(|row| count(&row.answers));
            counts
                .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
                .collect()
        };
        sqlx::query(
            "INSERT INTO sale_traffic AS t
             SELECT w.* FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::bigint[],
                                    $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
                  AS w(sale_id, bucket, process, admitted, duplicate, sold_out, too_early, ended, paused, unavailable)
             WHERE EXISTS (SELECT FROM flash_sales s WHERE s.id = w.sale_id)
             ON CONFLICT (sale_id, bucket, process) DO UPDATE SET
                 admitted = greatest(t.admitted, excluded.admitted),
                 duplicate = greatest(t.duplicate, excluded.duplicate),
                 sold_out = greatest(t.sold_out, excluded.sold_out),
                 too_early = greatest(t.too_early, excluded.too_early),
                 ended = greatest(t.ended, excluded.ended),
                 paused = greatest(t.paused, excluded.paused),
                 unavailable = greatest(t.unavailable, excluded.unavailable)",
        )
        .bind(sales)
        .bind(buckets)
        .bind(processes)
        .bind(counts(|answers| answers.admitted))
        .bind(counts(|answers| answers.duplicate))
        .bind(counts(|answers| answers.sold_out))
        .bind(counts(|answers| answers.too_early))
        .bind(counts(|answers| answers.ended))
        .bind(counts(|answers| answers.paused))
        .bind(counts(|answers| answers.unavailable))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The traffic of a sale in a window, without its empty buckets.
    pub async fn traffic(
        &self,
        sale: SaleId,
        window: Window,
    ) -> Result<Vec<TrafficBucket>, LedgerError> {
        Ok(sqlx::query_as(concat!(
            "SELECT to_timestamp(floor(extract(epoch FROM bucket) / $4) * $4) AS at, ",
            sums!(),
            " FROM sale_traffic WHERE sale_id = $1 AND bucket >= $2 AND bucket < $3
             GROUP BY 1 ORDER BY 1",
        ))
        .bind(sale)
        .bind(window.from)
        .bind(window.to)
        .bind(i64::from(window.bucket_seconds))
        .fetch_all(&self.pool)
        .await?)
    }

    /// The answers of a sale that are kept: all, or those in buckets that begin before an instant.
    pub async fn answers(
        &self,
        sale: SaleId,
        before: Option<DateTime<Utc>>,
    ) -> Result<Answers, LedgerError> {
        Ok(sqlx::query_as(concat!(
            "SELECT ",
            sums!(),
            " FROM sale_traffic WHERE sale_id = $1 AND ($2::timestamptz IS NULL OR bucket < $2)",
        ))
        .bind(sale)
        .bind(before)
        .fetch_one(&self.pool)
        .await?)
    }

    /// Deletes up to `limit` rows of traffic that are older than this, by the ledger's clock. Returns how many.
    pub async fn delete_old_traffic(
        &self,
        older_than: Duration,
        limit: u32,
    ) -> Result<u64, LedgerError> {
        // By way of the sales, each of which has its old rows at the begin of its part of the index.
        let deleted = sqlx::query(
            "DELETE FROM sale_traffic WHERE (sale_id, bucket, process) IN (
                 SELECT o.sale_id, o.bucket, o.process
                 FROM flash_sales s CROSS JOIN LATERAL (
                     SELECT t.sale_id, t.bucket, t.process FROM sale_traffic t
                     WHERE t.sale_id = s.id AND t.bucket < now() - make_interval(secs => $1)
                     LIMIT $2
                 ) o
                 LIMIT $2
             )",
        )
        .bind(older_than.as_secs_f64())
        .bind(i64::from(limit))
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }
}
