//! The demo: alone, interrupted, and with all its parts killed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// The deadline of everything here; the demo may have to build first.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// The pause between two checks.
pub const LOOK_PAUSE: Duration = Duration::from_millis(10);

const PARTS: [&str; 4] = ["redis", "postgres", "api", "reconciler"];

/// A running demo.
pub struct Demo {
    child: Child,
    pub folder: tempfile::TempDir,
}

impl Demo {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(&[], arguments)
    }

    /// Starts it with these variables.
    pub fn start_with(variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = fs::File::create(folder.path().join("out")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mincommerce-demo"))
            // Its logs go there: a demo that is killed leaves them.
            .env("TMPDIR", folder.path())
            .env_remove("REDIS_URL")
            .env_remove("DATABASE_URL")
            .envs(variables.iter().copied())
            .args(["--port", "0", "--info"])
            .arg(folder.path().join("info"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn info_file(&self) -> PathBuf {
        self.folder.path().join("info")
    }

    pub fn out(&self) -> String {
        fs::read_to_string(self.folder.path().join("out")).unwrap()
    }

    /// The info file, once it exists.
    pub fn info(&mut self) -> Value {
        let path = self.info_file();
        self.until(|| path.exists());
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn pids(&mut self) -> Vec<i32> {
        let info = self.info();
        PARTS.iter().map(|part| pid(&info, part).unwrap()).collect()
    }

    #[track_caller]
    pub fn until(&mut self, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < DEADLINE, "not in time:\n{}", self.out());
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "it ended:\n{}",
                self.out()
            );
            sleep(LOOK_PAUSE);
        }
    }

    #[track_caller]
    fn until_serving(&mut self) {
        let out = self.folder.path().join("out");
        self.until(|| {
            fs::read_to_string(&out)
                .unwrap()
                .contains("It goes on serving")
        });
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "it does not end:\n{}",
                self.out()
            );
            sleep(LOOK_PAUSE);
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // The demo has already ended, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pid(info: &Value, part: &str) -> Option<i32> {
    i32::try_from(info["pids"][part].as_i64()?).ok()
}

/// Whether a process runs. A process that has ended but was not reaped does not run.
fn runs(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")) else {
        return false;
    };
    !stat
        .rsplit(')')
        .next()
        .unwrap()
        .trim_start()
        .starts_with('Z')
}

#[track_caller]
fn until_gone(pids: &[i32]) {
    let started = Instant::now();
    while pids.iter().any(|pid| runs(*pid)) {
        assert!(started.elapsed() < DEADLINE, "some of {pids:?} still run");
        sleep(LOOK_PAUSE);
    }
}

#[test]
fn a_demo_sells_every_unit_once_and_leaves_nothing_behind() {
    let mut demo = Demo::start(&["--exit", "--buyers", "2000", "--units", "100"]);
    let info = demo.info();
    let mode = fs::metadata(demo.info_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for member in [
        "api",
        "adminToken",
        "saleId",
        "databaseUrl",
        "redisUrl",
        "gateKeyPrefix",
        "jwtSecret",
    ] {
        assert!(
            info[member].as_str().is_some_and(|text| !text.is_empty()),
            "{member}"
        );
    }
    let pids = demo.pids();
    assert_eq!(demo.ended().code(), Some(0), "{}", demo.out());
    assert!(
        demo.out().contains("100 told, 100 in Postgres"),
        "{}",
        demo.out()
    );
    until_gone(&pids);
}

#[test]
fn whatever_is_killed_is_started_again_and_the_proofs_hold() {
    let mut demo = Demo::start(&["--buyers", "30000", "--units", "20000"]);
    for part in PARTS {
        let old = pid(&demo.info(), part).unwrap();
        kill(Pid::from_raw(old), Signal::SIGKILL).unwrap();
        let path = demo.info_file();
        demo.until(|| {
            let info: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            pid(&info, part).is_some_and(|new| new != old)
        });
    }
    demo.until_serving();
    demo.signal(Signal::SIGINT);
    // 0 only if every check passed.
    assert_eq!(demo.ended().code(), Some(0), "{}", demo.out());
}

#[test]
fn an_interrupted_rush_ends_in_order_with_status_130() {
    let mut demo = Demo::start(&["--buyers", "1000000", "--units", "10"]);
    let pids = demo.pids();
    demo.signal(Signal::SIGINT);
    assert_eq!(demo.ended().code(), Some(130), "{}", demo.out());
    until_gone(&pids);
}

#[test]
fn a_serving_demo_ends_with_status_0_when_it_is_interrupted() {
    let mut demo = Demo::start(&["--buyers", "100", "--units", "10"]);
    let (pids, out) = (demo.pids(), demo.folder.path().join("out"));
    demo.until(|| {
        fs::read_to_string(&out)
            .unwrap()
            .contains("It goes on serving")
    });
    demo.signal(Signal::SIGINT);
    assert_eq!(demo.ended().code(), Some(0), "{}", demo.out());
    assert!(demo.out().contains("- ending:"), "{}", demo.out());
    until_gone(&pids);
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_demo_takes_everything_with_it() {
    let mut demo = Demo::start(&["--buyers", "100", "--units", "10"]);
    let pids = demo.pids();
    demo.signal(Signal::SIGKILL);
    demo.ended();
    until_gone(&pids);
}

#[test]
fn a_variable_that_names_a_server_of_a_demo_that_has_ended_is_named_without_its_password() {
    for (variable, url, shown) in [
        (
            "DATABASE_URL",
            "postgres://anna:hidden@127.0.0.1:1/old",
            "postgres://127.0.0.1:1/old",
        ),
        (
            "REDIS_URL",
            "redis://:hidden@127.0.0.1:1",
            "redis://127.0.0.1:1",
        ),
    ] {
        let mut demo = Demo::start_with(&[(variable, url)], &["--exit"]);
        assert_eq!(demo.ended().code(), Some(1), "{}", demo.out());
        let out = demo.out();
        let error = out.lines().find(|line| line.starts_with("error: "));
        let error = error.unwrap_or_else(|| panic!("no error:\n{out}"));
        let says = |text: &str| assert!(error.contains(text), "{text} is not in {error}");
        says(&format!("{variable} in the environment"));
        says(shown);
        says(&format!("unset {variable}"));
        says("refused");
        assert!(!out.contains("hidden"), "{out}");
    }
}

#[test]
fn a_demo_that_nobody_reads_along_with_does_all_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mincommerce-demo"));
    command
        .env("TMPDIR", folder.path())
        .env_remove("REDIS_URL")
        .env_remove("DATABASE_URL")
        .args(["--port", "0", "--buyers", "200", "--units", "10", "--exit"])
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::null());
    assert_eq!(command.status().unwrap().code(), Some(0));
}
