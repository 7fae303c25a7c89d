//! One private Postgres.

use servers::{Durability, Error, PostgresOptions, PostgresServer, create_database, drop_database};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

fn start(durability: Durability) -> PostgresServer {
    PostgresServer::start(PostgresOptions {
        durability,
        supervised: false,
    })
    .expect("postgres starts")
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("connects")
}

/// The only value of a statement's result, as text.
async fn value(connection: &mut PgConnection, sql: &str) -> String {
    sqlx::query_scalar::<_, String>(AssertSqlSafe(sql.to_owned()))
        .fetch_one(connection)
        .await
        .expect("answers")
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .expect("answers");
}

#[tokio::test]
async fn postgres_keeps_its_data_after_sigkill() {
    let server = start(Durability::Durable);
    let mut connection = connect(server.url()).await;
    run(
        &mut connection,
        "CREATE TABLE t (v text); INSERT INTO t VALUES ('kept')",
    )
    .await;
    let (url, pid) = (server.url().to_owned(), server.pid());

    server.kill().expect("killed");
    assert_eq!(server.pid(), None);
    server
        .start_again()
        .expect("started again, though old processes may linger");

    assert_eq!(
        value(&mut connect(server.url()).await, "SELECT v FROM t").await,
        "kept"
    );
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.restarts(), 1);
}

#[tokio::test]
async fn postgres_keeps_its_data_after_an_orderly_stop_with_clients_connected() {
    let server = start(Durability::Fast);
    let mut connection = connect(server.url()).await;
    run(
        &mut connection,
        "CREATE TABLE t (v text); INSERT INTO t VALUES ('kept')",
    )
    .await;
    server.stop().expect("stopped");
    server.start_again().expect("started again");
    assert_eq!(
        value(&mut connect(server.url()).await, "SELECT v FROM t").await,
        "kept"
    );
}

#[tokio::test]
async fn postgres_refuses_who_has_no_password() {
    let server = start(Durability::Fast);
    let stranger = format!(
        "postgres://mincommerce:wrong@127.0.0.1:{}/postgres",
        server.port()
    );
    let refused = PgConnection::connect(&stranger).await.expect_err("refused");
    let code = refused
        .as_database_error()
        .and_then(|error| error.code().map(String::from));
    assert_eq!(code.as_deref(), Some("28P01"), "invalid_password");
}

#[tokio::test]
async fn postgres_syncs_if_and_only_if_durable() {
    for (durability, expected) in [(Durability::Durable, "on"), (Durability::Fast, "off")] {
        let server = start(durability);
        let mut connection = connect(server.url()).await;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let found = value(
                &mut connection,
                &format!("SELECT current_setting('{setting}')"),
            )
            .await;
            assert_eq!(found, expected, "{setting} when {durability:?}");
        }
        let encoding = value(&mut connection, "SELECT current_setting('server_encoding')").await;
        assert_eq!(encoding, "UTF8");
    }
}

#[tokio::test]
async fn a_fresh_database_is_empty_and_nobody_elses() {
    let server = start(Durability::Fast);
    let (one, other) = (server.fresh_database(), server.fresh_database());
    let (one, other) = (one.expect("created"), other.expect("created"));
    assert_ne!(one, other);
    run(&mut connect(&one).await, "CREATE TABLE t ()").await;
    let count = "SELECT count(*)::text FROM pg_tables WHERE tablename = 't'";
    assert_eq!(value(&mut connect(&other).await, count).await, "0");
}

#[tokio::test]
async fn a_database_is_dropped_under_its_clients() {
    let server = start(Durability::Fast);
    let url = create_database(server.url(), "shop").expect("created");
    let mut client = connect(&url).await;
    drop_database(server.url(), "shop").expect("dropped");
    assert!(client.ping().await.is_err());
    drop_database(server.url(), "shop").expect("dropping what is not there does nothing");
    let refused = create_database(server.url(), "shop; DROP TABLE t");
    assert!(matches!(refused, Err(Error::DatabaseName { .. })));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn postgres_answers_no_connection_while_paused_and_goes_on_with_all_of_them() {
    let server = start(Durability::Fast);
    let mut connection = connect(server.url()).await;
    let pid = server.pid();

    server.pause().expect("paused");
    let patience = std::time::Duration::from_millis(200);
    let asked = tokio::time::timeout(patience, connection.ping()).await;
    assert!(
        asked.is_err(),
        "a connection that was there is not answered"
    );
    let asked = tokio::time::timeout(patience, PgConnection::connect(server.url())).await;
    assert!(asked.is_err(), "a new one neither");

    server.resume().expect("resumed");
    assert_eq!(
        value(&mut connect(server.url()).await, "SELECT 'on'").await,
        "on"
    );
    assert_eq!(server.pid(), pid);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn postgres_that_is_killed_while_paused_starts_again() {
    let server = start(Durability::Durable);
    let _connection = connect(server.url()).await;
    server.pause().expect("paused");
    server.kill().expect("killed");
    server.start_again().expect("started again");
    assert_eq!(
        value(&mut connect(server.url()).await, "SELECT 'on'").await,
        "on"
    );
}

#[test]
fn postgres_that_is_dropped_takes_its_data_with_it() {
    let server = start(Durability::Fast);
    let data_dir = server.data_dir().to_path_buf();
    assert!(data_dir.join("data").join("PG_VERSION").exists());
    drop(server);
    assert!(!data_dir.exists());
}
