//! Servers that another process kills.

use std::time::Duration;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use servers::{Durability, PostgresOptions, PostgresServer, RedisOptions, RedisServer};

use crate::process::eventually;

/// How long a server may take to come back.
const DEADLINE: Duration = Duration::from_secs(30);

/// SIGKILL to a server that this process started and whose supervisor has not reaped it: it runs.
fn kill_by_hand(pid: Option<u32>) {
    let pid = i32::try_from(pid.expect("runs")).expect("a pid");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
}

#[test]
fn a_killed_supervised_redis_comes_back_on_the_same_port_with_its_data() {
    let server = RedisServer::start(RedisOptions::default()).expect("redis starts");
    server.command(&["SET", "k", "v"]).expect("set");
    let (port, pid) = (server.port(), server.pid());

    for deaths in 1..=3 {
        kill_by_hand(server.pid());
        eventually("redis is up again", DEADLINE, || {
            server.restarts() == deaths && server.command(&["GET", "k"]).is_ok_and(|v| v == "v")
        });
    }
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
}

#[test]
fn a_killed_supervised_postgres_comes_back_on_the_same_port() {
    let options = PostgresOptions {
        durability: Durability::Fast,
        supervised: true,
    };
    let server = PostgresServer::start(options).expect("postgres starts");
    let (port, pid) = (server.port(), server.pid());

    kill_by_hand(pid);
    eventually("postgres is up again", DEADLINE, || {
        server.restarts() >= 1 && server.pid() != pid
    });
    server.fresh_database().expect("it takes connections");
    assert_eq!(server.port(), port);
}

#[test]
fn a_supervised_server_that_was_stopped_on_purpose_stays_down_until_started_again() {
    let server = RedisServer::start(RedisOptions::default()).expect("redis starts");
    server.kill().expect("killed");
    // Longer than supervision takes to notice a death and start a server.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((server.pid(), server.restarts()), (None, 0));
    server.start_again().expect("started again");
    kill_by_hand(server.pid());
    eventually("redis is revived again", DEADLINE, || {
        server.restarts() == 2
    });
}

#[test]
fn a_supervised_server_that_does_not_start_is_tried_again() {
    let server = RedisServer::start(RedisOptions::default()).expect("redis starts");
    let config = server.data_dir().join("redis.conf");
    let aside = server.data_dir().join("aside");
    std::fs::rename(&config, &aside).expect("moved away");
    kill_by_hand(server.pid());
    // Time for a first start, which fails, and pauses.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((server.pid(), server.restarts()), (None, 0));
    std::fs::rename(&aside, &config).expect("moved back");
    eventually("redis is up again", DEADLINE, || server.restarts() == 1);
    assert_eq!(server.command(&["PING"]).expect("answers"), "PONG");
}

#[test]
fn an_unsupervised_server_stays_dead() {
    let options = RedisOptions {
        supervised: false,
        ..RedisOptions::default()
    };
    let server = RedisServer::start(options).expect("redis starts");
    kill_by_hand(server.pid());
    eventually("the death is noticed", DEADLINE, || server.pid().is_none());
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((server.pid(), server.restarts()), (None, 0));
    server.start_again().expect("started again");
    assert_eq!(server.command(&["PING"]).expect("answers"), "PONG");
}
