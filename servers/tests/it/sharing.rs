//! The servers that all tests of a process share.

use std::thread;

use servers::testing::{shared_postgres, shared_redis};

#[test]
fn a_shared_server_outlives_the_thread_and_the_runtime_that_started_it() {
    let first = thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let postgres = shared_postgres().expect("postgres");
            (
                shared_redis().expect("redis").url(),
                postgres.fresh_database().expect("created"),
            )
        })
    });
    let (redis_url, database_url) = first.join().expect("the first user is done");

    // The thread has ended. If the servers followed it, as the death signal of a child of that
    // thread would, they are gone now.
    let redis = shared_redis().expect("redis");
    assert_eq!(redis.url(), redis_url);
    if let Some(private) = redis.private() {
        assert_eq!(private.command(&["PING"]).expect("answers"), "PONG");
    }
    let postgres = shared_postgres().expect("postgres");
    assert_ne!(postgres.fresh_database().expect("created"), database_url);
}
