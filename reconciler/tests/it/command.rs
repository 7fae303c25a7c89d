//! The program as people run it.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::{process::Command, time::timeout};

use crate::fixture::Stage;

/// How long a command may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The program on the servers of a stage.
pub fn command(stage: &Stage, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mincommerce-reconciler"));
    command
        .args(args)
        .env("REDIS_URL", stage.redis_settings.redis_url.expose_secret())
        .env("GATE_KEY_PREFIX", &stage.redis_settings.key_prefix)
        .env(
            "DATABASE_URL",
            stage.postgres_settings.database_url.expose_secret(),
        )
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the program to its end. Returns its exit status and its output.
pub async fn run(stage: &Stage, args: &[&str]) -> (i32, String) {
    let output: Output = timeout(DEADLINE, command(stage, args).output())
        .await
        .expect("a command ends")
        .unwrap();
    let status = output.status.code().expect("no signal");
    let printed = String::from_utf8(output.stdout).unwrap();
    if printed.is_empty() {
        return (status, String::from_utf8(output.stderr).unwrap());
    }
    (status, printed)
}

/// [`run`], with output in JSON.
pub async fn run_json(stage: &Stage, args: &[&str]) -> (i32, Value) {
    let (status, printed) = run(stage, args).await;
    let parsed = serde_json::from_str(&printed);
    (
        status,
        parsed.unwrap_or_else(|error| panic!("{error}: {printed}")),
    )
}
