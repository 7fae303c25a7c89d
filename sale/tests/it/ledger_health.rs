//! The ledger's report on its own health.

use sale::{
    connections::PostgresSettings,
    ledger::{Ledger, MigrationError, RECONCILER, Tables},
};
use secrecy::SecretString;
use servers::testing::shared_postgres;

use crate::fixture::{Shop, ledger_at};

#[tokio::test]
async fn the_tables_are_judged_by_what_this_version_would_make() {
    let shop = Shop::open().await;
    assert_eq!(shop.ledger.tables().await.unwrap(), Tables::UpToDate);
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'of a newer version', true, '', 0)";
    sqlx::query(newer).execute(&shop.pool).await.unwrap();
    assert_eq!(shop.ledger.tables().await.unwrap(), Tables::Foreign);

    let change = "DELETE FROM _sqlx_migrations WHERE version IN (5, 9999)";
    sqlx::query(change).execute(&shop.pool).await.unwrap();
    assert_eq!(shop.ledger.tables().await.unwrap(), Tables::Outdated);
    let change = "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1";
    sqlx::query(change).execute(&shop.pool).await.unwrap();
    assert_eq!(shop.ledger.tables().await.unwrap(), Tables::Foreign);

    let database = shared_postgres().expect("postgres").fresh_database();
    let empty = ledger_at(&database.expect("database")).await;
    assert_eq!(empty.tables().await.unwrap(), Tables::Outdated);
}

#[tokio::test]
async fn tables_of_other_migrations_are_left_as_they_are() {
    for other in [
        // A build before the migrations were squashed had more of them, and the first ones were others.
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (14, 'began', true, '', 0)",
        "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1",
    ] {
        let shop = Shop::open().await;
        for statement in [
            other,
            "DELETE FROM _sqlx_migrations WHERE version = 10",
            "DROP VIEW rejection_details",
        ] {
            sqlx::query(statement).execute(&shop.pool).await.unwrap();
        }
        let refused = shop.ledger.migrate().await.unwrap_err();
        assert!(matches!(refused, MigrationError::Foreign), "{refused:?}");
        assert_eq!(shop.ledger.tables().await.unwrap(), Tables::Foreign);
        let views = sqlx::query_scalar("SELECT count(*) FROM pg_views WHERE viewname = $1");
        let views = views.bind("rejection_details").fetch_one(&shop.pool);
        let views: i64 = views.await.unwrap();
        assert_eq!(views, 0, "nothing was made");
    }
}

#[tokio::test]
async fn a_reconciler_is_known_by_its_name_in_its_own_database() {
    let shop = Shop::open().await;
    let elsewhere = Shop::open().await;
    assert_eq!(shop.ledger.reconcilers().await.unwrap(), 0);
    let settings = PostgresSettings {
        database_url: SecretString::from(shop.database_url.as_str()),
        pool_max: 1,
        acquire_timeout_ms: 10_000,
    };
    let connect = async |name: &str| Ledger::connect_as(name, &settings).await.unwrap();
    let one = connect(&format!("{RECONCILER} 1")).await;
    let same = connect(&format!("{RECONCILER} 1")).await;
    assert_eq!(shop.ledger.reconcilers().await.unwrap(), 1);
    let other = connect(&format!("{RECONCILER} 2")).await;
    assert_eq!(shop.ledger.reconcilers().await.unwrap(), 2);
    assert_eq!(elsewhere.ledger.reconcilers().await.unwrap(), 0);
    for reconciler in [one, same, other] {
        reconciler.disconnect().await;
    }
}
