//! Databases on a Postgres server, private or not: one for each test, so that tests can run at the same time without
//! seeing each other's rows.

use std::{process, thread, time::Duration};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};

use crate::Error;

/// The prefix of test databases.
const PREFIX: &str = "mincommerce_test_";

/// Postgres truncates longer names (`NAMEDATALEN`).
const NAME_MAX_BYTES: usize = 63;

/// How long one of the statements here may take in all.
const DEADLINE: Duration = Duration::from_secs(60);

/// Creates an empty database on the server of this URL, and returns the URL with the new name. It copies `template0`,
/// to which no client can connect. Blocks for about 50 ms.
///
/// # Errors
/// The name is not made of lower-case letters, digits and `_`, or the server refuses.
pub fn create_database(url: &str, name: &str) -> Result<String, Error> {
    let action = "create a database";
    check(name)?;
    run(
        url,
        action,
        format!("CREATE DATABASE {name} TEMPLATE template0"),
    )?;
    with_database(url, name).ok_or_else(|| Error::Database {
        action,
        source: sqlx::Error::Configuration("the URL has no host".into()),
    })
}

/// Ends all connections to a database and removes it; does nothing if it does not exist.
///
/// # Errors
/// The name is not one that [`create_database`] would make, or the server refuses.
pub fn drop_database(url: &str, name: &str) -> Result<(), Error> {
    check(name)?;
    run(
        url,
        "drop a database",
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
    )
}

/// A name that no other test has.
pub(crate) fn unique_name() -> String {
    format!("{PREFIX}{}_{:016x}", process::id(), rand::random::<u64>())
}

fn check(name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    if starts_well && name.len() <= NAME_MAX_BYTES && name.bytes().all(plain) {
        Ok(())
    } else {
        Err(Error::DatabaseName {
            name: name.to_owned(),
        })
    }
}

/// The URL with another database, its query kept: `scheme://authority/database?query`.
fn with_database(url: &str, name: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (before, query) = rest
        .split_once('?')
        .map_or((rest, None), |(b, q)| (b, Some(q)));
    let authority = before.split('/').next()?;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{scheme}://{authority}/{name}{query}"))
}

/// Runs one statement on a thread and a runtime of its own: the caller may be inside another runtime, where nothing may
/// block on a future.
fn run(url: &str, action: &'static str, statement: String) -> Result<(), Error> {
    let failed = |source| Error::Database { action, source };
    let options = url
        .parse::<PgConnectOptions>()
        .map_err(failed)?
        .disable_statement_logging();
    let work = async move {
        let mut connection = options.connect().await?;
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
        connection.close().await
    };
    let block = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            tokio::time::timeout(DEADLINE, work)
                .await
                .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
        })
    };
    thread::spawn(block)
        .join()
        .unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed))
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::{check, unique_name, with_database};

    #[test]
    fn only_the_database_of_a_url_changes() {
        let changed = |url| with_database(url, "new").unwrap_or_default();
        assert_eq!(changed("postgres://u:p@h:1/old"), "postgres://u:p@h:1/new");
        assert_eq!(changed("postgres://u:p@h:1"), "postgres://u:p@h:1/new");
        assert_eq!(
            changed("postgres://h/old?sslmode=a/b"),
            "postgres://h/new?sslmode=a/b"
        );
    }

    #[test]
    fn names_that_would_need_quotes_are_refused() {
        assert!(check(&unique_name()).is_ok());
        for name in ["", "1a", "a-b", "A", "a; drop table x", &"a".repeat(64)] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
