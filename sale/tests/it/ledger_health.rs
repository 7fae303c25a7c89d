//! The ledger's report on its own health.

use sale::{
    connections::PostgresSettings,
    ledger::{Ledger, RECONCILER, Tables},
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
