//! Processes: started, killed, frozen, and restarted.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use system::processes::{Process, launch::Launch};

const DEADLINE: Duration = Duration::from_secs(20);

fn sleeper(folder: &tempfile::TempDir, seconds: &str) -> Process {
    let launch = Launch {
        name: "sleep",
        program: "/bin/sleep".into(),
        args: vec![seconds.to_owned()],
        environment: Vec::new(),
        log: folder.path().join("log"),
        stop_deadline: DEADLINE,
    };
    Process::start(launch).unwrap()
}

#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "not in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_supervised_process_that_is_killed_from_outside_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let process = sleeper(&folder, "1000").supervised(true).unwrap();
    let first = process.pid().unwrap();
    kill(Pid::from_raw(first.cast_signed()), Signal::SIGKILL).unwrap();
    until(|| process.pid().is_some_and(|pid| pid != first));
    assert_eq!(process.restarts(), 1);
}

#[test]
fn a_process_that_we_end_stays_down_until_it_is_wanted_again() {
    let folder = tempfile::tempdir().unwrap();
    let process = sleeper(&folder, "1000").supervised(true).unwrap();
    process.stop().unwrap();
    assert_eq!((process.pid(), process.restarts()), (None, 0));
    process.start_again().unwrap();
    assert!(process.pid().is_some());
}

#[test]
fn a_frozen_process_can_be_ended() {
    let folder = tempfile::tempdir().unwrap();
    let process = sleeper(&folder, "1000");
    process.pause().unwrap();
    process.stop().unwrap();
    assert_eq!(process.pid(), None);
}

#[test]
fn a_process_that_ends_before_it_is_ready_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let process = sleeper(&folder, "no number");
    let error = process
        .until_ready(DEADLINE, || false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("ended while it started"), "{error}");
    assert!(error.contains("no number"), "its log is shown: {error}");
}
