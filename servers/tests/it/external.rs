//! Servers that the user names by URL. The user is this test binary, run again in a role that a variable gives it,
//! because the URLs come from the environment.

use std::{env, process::Command};

use servers::{Durability, PostgresOptions, PostgresServer, RedisOptions, RedisServer, testing};

/// Set in the process that gets servers.
const ROLE: &str = "EMBEDDED_TEST_USES_GIVEN_SERVERS";

/// Does nothing in an ordinary run.
#[test]
fn uses_given_servers_in_its_role() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let redis = testing::shared_redis().expect("redis");
    assert_eq!(redis.url(), env::var("REDIS_URL").expect("set"));
    assert!(redis.private().is_none(), "nothing is started");
    let shown = format!("{redis:?}");
    assert_eq!(
        shown, "External",
        "no URL, and so no password, gets into a log"
    );

    let postgres = testing::shared_postgres().expect("postgres");
    assert_eq!(postgres.url(), env::var("DATABASE_URL").expect("set"));
    assert!(postgres.private().is_none(), "nothing is started");
    let database = postgres.fresh_database().expect("created");
    assert_ne!(
        database,
        postgres.url(),
        "tests get databases of their own there too"
    );
}

#[test]
fn servers_given_by_url_are_used_and_left_as_they_were() {
    let options = RedisOptions {
        supervised: false,
        ..RedisOptions::default()
    };
    let redis = RedisServer::start(options).expect("redis starts");
    redis.command(&["SET", "theirs", "v"]).expect("set");
    let options = PostgresOptions {
        durability: Durability::Fast,
        supervised: false,
    };
    let postgres = PostgresServer::start(options).expect("postgres starts");

    let status = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", "external::uses_given_servers_in_its_role"])
        .env(ROLE, "1")
        .env("REDIS_URL", redis.url())
        .env("DATABASE_URL", postgres.url())
        // An attempt to start a server would fail.
        .env("MINCOMMERCE_REDIS_SERVER", "/nowhere")
        .env("MINCOMMERCE_POSTGRES_BIN", "/nowhere")
        .status()
        .expect("runs");
    assert!(status.success());
    assert_eq!(redis.command(&["GET", "theirs"]).expect("answers"), "v");
}
