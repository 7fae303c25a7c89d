//! One private Redis.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    thread,
    time::{Duration, Instant},
};

use servers::{Error, Fsync, RedisOptions, RedisServer};

fn start(append_only: bool) -> RedisServer {
    RedisServer::start(RedisOptions {
        append_only,
        fsync: Fsync::Always,
        maxmemory_bytes: None,
        supervised: false,
        ..RedisOptions::default()
    })
    .expect("redis starts")
}

fn command(server: &RedisServer, words: &[&str]) -> String {
    server.command(words).expect("redis answers")
}

#[test]
fn redis_answers_and_keeps_its_data_after_kill_and_restart() {
    let server = start(true);
    assert_eq!(command(&server, &["SET", "k", "v"]), "OK");
    let (url, pid) = (server.url().to_owned(), server.pid());

    server.kill().expect("killed");
    assert_eq!(server.pid(), None);
    assert!(
        server.command(&["PING"]).is_err(),
        "a killed server answers nobody"
    );
    server.start_again().expect("started again");

    assert_eq!(command(&server, &["GET", "k"]), "v");
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.restarts(), 1);
}

#[test]
fn redis_keeps_its_data_after_an_orderly_stop() {
    let server = start(true);
    command(&server, &["SET", "k", "v"]);
    server.stop().expect("stopped");
    server.start_again().expect("started again");
    assert_eq!(command(&server, &["GET", "k"]), "v");
}

#[test]
fn a_start_waits_for_a_port_that_is_taken_for_a_moment() {
    let server = start(false);
    server.kill().expect("killed");
    let squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, server.port())).expect("bound");
    let leaving = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        drop(squatter);
    });
    server.start_again().expect("started again");
    leaving.join().expect("left");
    assert_eq!(command(&server, &["PING"]), "PONG");
}

#[test]
fn redis_is_empty_after_a_wipe() {
    let server = start(true);
    command(&server, &["SET", "k", "v"]);
    server.wipe_and_start_again().expect("wiped");
    assert_eq!(command(&server, &["DBSIZE"]), "0");
}

#[test]
fn redis_refuses_who_has_no_password() {
    let server = start(false);
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("connects");
    stream.write_all(b"PING\r\n").expect("sent");
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).expect("replied");
    assert_eq!(&reply, b"-NOAUTH");
}

#[test]
fn redis_shows_its_password_neither_on_the_command_line_nor_in_a_file_others_can_read() {
    let server = start(false);
    if cfg!(target_os = "linux") {
        let pid = server.pid().expect("runs");
        let shown = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("command line");
        assert!(shown.contains("redis"), "{shown}");
        assert!(!shown.contains(server.password()));
    }
    let mode = |path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
    assert_eq!(mode(server.data_dir().to_path_buf()), 0o700);
    assert_eq!(mode(server.data_dir().join("redis.conf")), 0o600);
}

#[test]
fn redis_never_evicts_but_refuses_what_does_not_fit() {
    let server = RedisServer::start(RedisOptions {
        maxmemory_bytes: Some(4 * 1024 * 1024),
        supervised: false,
        ..RedisOptions::default()
    })
    .expect("redis starts");
    assert!(command(&server, &["INFO", "memory"]).contains("maxmemory_policy:noeviction"));

    let refusal = (0..20)
        .find_map(|n| {
            server
                .command(&["SETRANGE", &format!("k{n}"), "1000000", "x"])
                .err()
        })
        .expect("the memory is full at some time");
    assert!(matches!(&refusal, Error::Reply { reply, .. } if reply.starts_with("OOM")));
}

#[test]
fn redis_allows_debug_commands_of_tests() {
    let server = start(true);
    command(&server, &["SET", "k", "v"]);
    assert_eq!(command(&server, &["DEBUG", "RELOAD"]), "OK");
    assert_eq!(command(&server, &["GET", "k"]), "v");
}

#[test]
fn redis_answers_nobody_while_paused_and_the_same_process_goes_on() {
    let server = start(false);
    let pid = server.pid();
    server.pause().expect("paused");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("connects");
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("set");
    stream.write_all(b"PING\r\n").expect("sent");
    assert!(
        stream.read(&mut [0; 1]).is_err(),
        "a paused server answers nothing"
    );

    server.resume().expect("resumed");
    assert_eq!(command(&server, &["PING"]), "PONG");
    assert_eq!(server.pid(), pid);
}

#[test]
fn redis_that_is_dropped_while_paused_takes_its_data_with_it() {
    let server = start(true);
    let data_dir = server.data_dir().to_path_buf();
    server.pause().expect("paused");
    drop(server);
    assert!(!data_dir.exists());
}

#[test]
fn a_server_that_is_down_cannot_be_paused() {
    let server = start(false);
    server.kill().expect("killed");
    assert!(matches!(server.pause(), Err(Error::Down { .. })));
    assert!(matches!(server.resume(), Err(Error::Down { .. })));
}

#[test]
fn a_replica_has_what_its_primary_has_and_can_be_promoted() {
    let primary = start(false);
    command(&primary, &["SET", "k", "v"]);
    let replica = primary
        .start_replica(&RedisOptions {
            append_only: false,
            fsync: Fsync::No,
            maxmemory_bytes: None,
            supervised: false,
            ..RedisOptions::default()
        })
        .expect("a replica");
    let has_it = || {
        replica
            .command(&["GET", "k"])
            .is_ok_and(|value| value == "v")
    };
    let started = Instant::now();
    while !has_it() {
        assert!(started.elapsed() < Duration::from_secs(20), "not in time");
        thread::sleep(Duration::from_millis(5));
    }
    let refused = replica.command(&["SET", "k", "w"]).expect_err("read-only");
    assert!(refused.to_string().contains("READONLY"), "{refused}");
    primary.kill().expect("killed");
    assert_eq!(command(&replica, &["REPLICAOF", "NO", "ONE"]), "OK");
    assert_eq!(command(&replica, &["SET", "k", "w"]), "OK");
}
