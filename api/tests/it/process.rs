//! `mincommerce-api` as a process: how it starts, and how it ends.

use std::{process::Stdio, time::Duration};

use nix::{
    sys::signal::{SigHandler, Signal, kill, signal},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use crate::fixture::{SECRET, shared_urls};

/// Long enough for any process that is not stuck.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The program, without the environment of the tests.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mincommerce-api"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    hearing_hang_ups(&mut command);
    command
}

/// Makes a hang-up end the process, even if the tests themselves were started to outlive their terminal.
#[expect(
    unsafe_code,
    reason = "only the new process itself can stop ignoring a signal"
)]
fn hearing_hang_ups(command: &mut Command) {
    let hear = || {
        // SAFETY: signal(2) may be called between fork and exec, and no handler of ours is set.
        unsafe { signal(Signal::SIGHUP, SigHandler::SigDfl) }?;
        Ok(())
    };
    // SAFETY: it calls only signal(2).
    unsafe { command.pre_exec(hear) };
}

/// The same, but started to outlive its terminal.
fn nohup() -> Command {
    let mut command = Command::new("nohup");
    command
        .arg(env!("CARGO_BIN_EXE_mincommerce-api"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().unwrap().cast_signed())
}

pub struct Process {
    pub child: Child,
    /// `None` once its reader has closed.
    pub lines: Option<Lines<BufReader<ChildStderr>>>,
    pub address: String,
}

impl Process {
    /// Starts a process and waits until it listens.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these variables.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_as(command(), variables).await
    }

    /// Starts it with this command.
    async fn start_as(mut command: Command, variables: &[(&str, &str)]) -> Self {
        let (redis, database) = shared_urls().await;
        let mut child = command
            .envs([
                ("REDIS_URL", &*redis),
                ("DATABASE_URL", &*database),
                ("JWT_SECRET", SECRET),
                ("API_ADDRESS", "127.0.0.1:0"),
                ("METRICS_ADDRESS", "off"),
                ("LOG_FORMAT", "json"),
            ])
            .envs(variables.iter().copied())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = timeout(PATIENCE, lines.next_line())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" && line["address"].is_string() {
                break line["address"].as_str().unwrap().to_owned();
            }
        };
        Self {
            child,
            lines: Some(lines),
            address,
        }
    }

    /// Closes the reader of its log for good.
    fn close_log(&mut self) {
        self.lines = None;
    }

    pub fn signal(&self, signal: Signal) {
        kill(pid(&self.child), signal).unwrap();
    }

    async fn wait_for_line(&mut self, text: &str) {
        let lines = self.lines.as_mut().expect("its log is read");
        loop {
            let line = timeout(PATIENCE, lines.next_line())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            if line.contains(text) {
                return;
            }
        }
    }

    async fn status(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
            .code()
    }
}

/// The head of a request without its body.
const HEAD: &str = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                    Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

/// A request under way: its handler waits for the body.
async fn request_under_way(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(HEAD.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"));
    stream
}

/// Sends the missing body, and returns the reply.
async fn finish(mut stream: TcpStream) -> String {
    stream.write_all(b"{}").await.unwrap();
    let mut reply = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut reply))
        .await
        .unwrap()
        .unwrap();
    reply
}

#[tokio::test]
async fn asked_to_end_by_any_signal_it_answers_what_is_under_way_and_ends_well() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut process = Process::start().await;
        let stream = request_under_way(&process.address).await;
        process.signal(signal);
        process.wait_for_line(r#""ending""#).await;
        let reply = finish(stream).await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{signal}: {reply}");
        assert!(reply.contains("VALIDATION_FAILED"), "{signal}: {reply}");
        assert_eq!(process.status().await, Some(0), "{signal}");
        TcpStream::connect(&process.address).await.unwrap_err();
    }
}

#[tokio::test]
async fn asked_twice_it_ends_at_once() {
    let mut process = Process::start().await;
    // A request that does not end delays the first attempt.
    let _stream = request_under_way(&process.address).await;
    process.signal(Signal::SIGINT);
    process.wait_for_line(r#""ending""#).await;
    process.signal(Signal::SIGINT);
    assert_eq!(process.status().await, Some(130));
}

#[tokio::test]
async fn a_terminal_that_closes_hangs_up_more_than_once_and_nobody_loses_an_answer() {
    for first in [Signal::SIGHUP, Signal::SIGTERM] {
        let mut process = Process::start().await;
        let stream = request_under_way(&process.address).await;
        process.signal(first);
        process.wait_for_line(r#""ending""#).await;
        process.signal(Signal::SIGHUP);
        process.signal(Signal::SIGHUP);
        let reply = finish(stream).await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{first}: {reply}");
        assert_eq!(process.status().await, Some(0), "{first}");
    }
}

#[tokio::test]
async fn a_process_that_was_started_to_outlive_its_terminal_does() {
    let mut process = Process::start_as(nohup(), &[]).await;
    process.signal(Signal::SIGHUP);
    // The kernel delivers signals in the order of their numbers, and a hang-up has the lowest: a process that obeyed it
    // would accept no new request.
    let stream = request_under_way(&process.address).await;
    assert!(finish(stream).await.starts_with("HTTP/1.1 400 "));
    process.signal(Signal::SIGTERM);
    assert_eq!(process.status().await, Some(0));
}

#[tokio::test]
async fn a_log_that_nobody_can_read_any_more_ends_nothing() {
    let mut process = Process::start_with(&[("RUST_LOG", "info,api=debug")]).await;
    process.close_log();
    for _ in 0..3 {
        let stream = request_under_way(&process.address).await;
        assert!(finish(stream).await.starts_with("HTTP/1.1 400 "));
    }
    process.signal(Signal::SIGTERM);
    assert_eq!(process.status().await, Some(0));
}

#[tokio::test]
async fn asked_to_end_before_it_has_its_servers_it_ends_well() {
    // It accepts connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut child = command()
        .envs([
            (
                "REDIS_URL",
                &*format!("redis://{}", silent.local_addr().unwrap()),
            ),
            ("JWT_SECRET", SECRET),
            ("API_ADDRESS", "127.0.0.1:0"),
            ("METRICS_ADDRESS", "off"),
            ("REDIS_COMMAND_TIMEOUT_MS", "60000"),
        ])
        .spawn()
        .unwrap();
    let (_connection, _) = timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
    kill(pid(&child), Signal::SIGTERM).unwrap();
    let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_crowd_is_connected_before_anybody_is_taken() {
    // More than a listener's default of 128, and fewer than the 1,024 files of most shells.
    const CROWD: usize = 500;
    let process = Process::start().await;
    process.signal(Signal::SIGSTOP);
    let mut waiting = Vec::new();
    for place in 0..CROWD {
        let connected = timeout(PATIENCE, TcpStream::connect(&process.address)).await;
        let connected = connected.unwrap_or_else(|_| panic!("no room for number {place}"));
        waiting.push(connected.unwrap());
    }
    process.signal(Signal::SIGCONT);
    let mut last = waiting.pop().unwrap();
    let request = b"GET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    last.write_all(request).await.unwrap();
    let mut reply = [0; 12];
    timeout(PATIENCE, last.read_exact(&mut reply))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&reply, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_log_reader_that_stands_still_holds_nobody_up() {
    // The operating system keeps at most a few hundred lines for a reader.
    const REQUESTS: usize = 2_000;
    let mut process = Process::start_with(&[("RUST_LOG", "info,api=debug")]).await;
    let mut stream = TcpStream::connect(&process.address).await.unwrap();
    let mut reply = [0; 4_096];
    for _ in 0..REQUESTS {
        let request = b"GET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let length = timeout(PATIENCE, stream.read(&mut reply)).await;
        let length = length.expect("it waits for the reader").unwrap();
        assert!(reply[..length].starts_with(b"HTTP/1.1 200 "));
    }
    drop(stream);
    process.signal(Signal::SIGTERM);
    assert_eq!(process.status().await, Some(0));
}
