//! The servers of a killed parent. The parent is this test binary, run again in a role that a variable gives it. On
//! Linux only: elsewhere children outlive a killed parent.
#![cfg(target_os = "linux")]

use std::{
    env,
    io::{BufRead, BufReader, Lines, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use servers::{Durability, PostgresOptions, PostgresServer, RedisOptions, RedisServer};

use crate::process::{eventually, runs};

/// Set in the process that holds servers until it is killed.
const ROLE: &str = "EMBEDDED_TEST_HOLDS_SERVERS";

/// The prefix of each line about a server, amid the output of the test harness.
const LINE: &str = "held:";

/// How long a server may outlive its parent: Postgres gives its own children 5 s.
const DEADLINE: Duration = Duration::from_secs(15);

struct Held {
    pid: u32,
    data_dir: PathBuf,
}

/// Does nothing in an ordinary run; in its role, it starts servers and holds them until its
/// input ends or it is killed.
#[test]
fn holds_servers_in_its_role() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let redis = RedisServer::start(RedisOptions::default()).expect("redis starts");
    let options = PostgresOptions {
        durability: Durability::Fast,
        supervised: true,
    };
    let postgres = PostgresServer::start(options).expect("postgres starts");
    let tell = |pid: Option<u32>, data_dir: &Path| {
        println!("\n{LINE} {} {}", pid.expect("runs"), data_dir.display());
    };
    tell(redis.pid(), redis.data_dir());
    tell(postgres.pid(), postgres.data_dir());
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("input ends");
}

/// The process in the role, with the servers that it has started.
struct Holder {
    process: Child,
    servers: Vec<Held>,
    /// Kept open: the test harness in that process still prints.
    _output: Lines<BufReader<ChildStdout>>,
}

fn start_holder() -> Holder {
    let mut process = Command::new(env::current_exe().expect("this binary"))
        .args([
            "--exact",
            "parent_death::holds_servers_in_its_role",
            "--nocapture",
        ])
        .env(ROLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the holder starts");
    let mut output = BufReader::new(process.stdout.take().expect("piped")).lines();
    let servers = output
        .by_ref()
        .filter_map(|line| {
            let line = line.expect("readable");
            let (pid, data_dir) = line.strip_prefix(LINE)?.trim().split_once(' ')?;
            Some(Held {
                pid: pid.parse().expect("a pid"),
                data_dir: data_dir.into(),
            })
        })
        .take(2)
        .collect::<Vec<_>>();
    assert_eq!(servers.len(), 2, "the holder tells of two servers");
    Holder {
        process,
        servers,
        _output: output,
    }
}

#[test]
fn servers_die_with_a_killed_parent_and_the_next_process_removes_what_they_left() {
    let mut holder = start_holder();
    for server in &holder.servers {
        assert!(runs(server.pid) && server.data_dir.exists());
    }
    // A start while the owner lives must leave its directories alone.
    let options = || RedisOptions {
        append_only: false,
        supervised: false,
        ..Default::default()
    };
    drop(RedisServer::start(options()).expect("redis starts"));
    for server in &holder.servers {
        assert!(server.data_dir.exists(), "a living owner's directory stays");
    }

    holder.process.kill().expect("killed");
    holder.process.wait().expect("reaped");
    for server in &holder.servers {
        eventually("the server is gone", DEADLINE, || !runs(server.pid));
    }
    let _next = start_holder();
    for server in &holder.servers {
        eventually("its directory is gone", DEADLINE, || {
            !server.data_dir.exists()
        });
    }
}

#[test]
fn servers_are_gone_without_a_trace_when_their_parent_ends_by_itself() {
    let mut holder = start_holder();
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().expect("ends").success());
    for server in &holder.servers {
        assert!(!runs(server.pid), "dropping a server ends it");
        assert!(!server.data_dir.exists(), "and removes its directory");
    }
}
