//! `health`.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use system::{
    binaries::{Binaries, CargoOutput},
    processes::ReconcilerProcess,
};

use crate::fixture::{Shop, printed};

/// How long a reconciler may take to be at work.
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_system_is_well_once_everything_is_there() {
    let shop = Shop::empty();
    let said = shop.refused(1, &["health"]);
    let expected = "error: the tables are not up to date: run `mincommerce migrate`; no reconciler is \
                    at work: nothing is posted, synced or settled";
    assert_eq!(said, expected);
    shop.run(&["migrate"]);

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("reconciler.log");
    let binaries = Binaries::get(CargoOutput::Shown).unwrap();
    let reconciler =
        ReconcilerProcess::start(binaries, &shop.deployment, &log, &[], false).unwrap();
    let started = Instant::now();
    let well = loop {
        let output = shop.command(&["health", "--json"]).output().unwrap();
        if output.status.success() {
            break printed(&output);
        }
        assert!(started.elapsed() < DEADLINE, "{output:?}");
    };
    let well: serde_json::Value = serde_json::from_str(&well).unwrap();
    assert_eq!(well["status"], "healthy");
    assert_eq!(well["services"]["database"], "connected");
    assert_eq!(well["services"]["redis"], "connected");
    assert_eq!(well["tables"], "up_to_date");
    assert_eq!(well["reconciler"], "at_work");
    assert!(shop.run(&["health"]).contains("at work"));

    reconciler.stop().unwrap();
    let said = shop.refused(1, &["health"]);
    assert!(
        said.starts_with("error: no reconciler is at work"),
        "{said}"
    );
}

#[tokio::test]
async fn tables_of_another_version_are_named_and_left_as_they_are() {
    let shop = Shop::open();
    let url = shop.deployment.database_url.expose_secret();
    let mut postgres = PgConnection::connect(url).await.unwrap();
    let other = "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1";
    sqlx::query(other).execute(&mut postgres).await.unwrap();
    let named = "error: another version of this program made the tables, and nothing was changed: run that version, \
                 or start with an empty database (DATABASE_URL)";
    for command in [&["migrate"][..], &["product", "list"]] {
        assert_eq!(shop.refused(1, command), named);
    }
    let health = shop.refused(1, &["health"]);
    assert!(health.starts_with(named), "{health}");
    let output = shop.command(&["health"]).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("OF ANOTHER VERSION"), "{table}");
}

#[test]
fn a_server_that_is_away_is_named_and_the_other_is_looked_at() {
    let shop = Shop::open();
    let output = shop
        .command(&["health", "--json"])
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "unhealthy");
    assert_eq!(report["services"]["database"], "connected");
    assert_eq!(report["services"]["redis"], "disconnected");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("Redis cannot be used (REDIS_URL)"),
        "{errors}"
    );
}
