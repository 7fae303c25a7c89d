//! Programs that come with the servers: where they are, and how long they may run.

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use servers::{Program, Settings};
use tokio::{process::Command, time::timeout};

#[derive(Debug)]
pub(super) struct Tool {
    name: &'static str,
    path: PathBuf,
}

impl Tool {
    /// The program of this name beside a server's program, or else the one in `PATH`.
    pub(super) fn beside(program: Program, name: &'static str) -> anyhow::Result<Self> {
        let server = fs::canonicalize(servers::find(program, &Settings::from_env()?)?)?;
        let beside = Some(server.with_file_name(name)).filter(|path| path.is_file());
        let path = beside.unwrap_or_else(|| name.into());
        Ok(Self { name, path })
    }

    pub(super) fn command(&self) -> Command {
        Command::new(&self.path)
    }

    pub(super) async fn run(
        &self,
        mut command: Command,
        deadline: Duration,
    ) -> anyhow::Result<String> {
        let name = self.name;
        // At the deadline the drop kills this one child: it is signalled before it is reaped.
        command.stdin(Stdio::null()).kill_on_drop(true);
        let ended = timeout(deadline, command.output())
            .await
            .with_context(|| format!("{name} had not ended after {deadline:?}, and was ended"))?
            .with_context(|| format!("cannot run {}", self.path.display()))?;
        ensure!(
            ended.status.success(),
            "{name} failed ({}):\n{}",
            ended.status,
            String::from_utf8_lossy(&ended.stderr)
        );
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
        time::Duration,
    };

    use tokio::{
        select,
        time::{sleep, timeout},
    };

    use super::Tool;

    /// How long a process of these tests may take to start, or to be gone.
    const PATIENCE: Duration = Duration::from_secs(60);

    async fn until<T>(found: impl Fn() -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = found() {
                    return found;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, looking).await.unwrap()
    }

    #[tokio::test]
    async fn a_tool_that_does_not_end_is_ended_and_named() {
        let sleep = Tool {
            name: "sleep",
            path: PathBuf::from("sleep"),
        };
        let mut command = sleep.command();
        command.arg("600");
        let ended = sleep.run(command, Duration::from_millis(50)).await;
        assert_eq!(
            ended.unwrap_err().to_string(),
            "sleep had not ended after 50ms, and was ended"
        );
    }

    #[tokio::test]
    async fn a_tool_that_is_not_waited_for_any_more_is_gone() {
        let shell = Tool {
            name: "sh",
            path: PathBuf::from("sh"),
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let mut command = shell.command();
        command
            .args(["-c", "echo $$ > $0; exec sleep 600"])
            .arg(&file);
        let pid: u32 = select! {
            ended = shell.run(command, PATIENCE) => panic!("{ended:?}"),
            pid = until(|| fs::read_to_string(&file).ok()?.trim().parse().ok()) => pid,
        };
        let process = format!("/proc/{pid}");
        until(|| (!Path::new(&process).exists()).then_some(())).await;
    }

    #[tokio::test]
    async fn a_tool_that_fails_tells_why_and_another_what_it_printed() {
        let shell = Tool {
            name: "sh",
            path: PathBuf::from("sh"),
        };
        let run = async |script| {
            let mut command = shell.command();
            command.args(["-c", script]);
            shell.run(command, PATIENCE).await
        };
        assert_eq!(run("echo printed").await.unwrap(), "printed\n");
        let failed = run("echo why >&2; exit 3").await.unwrap_err().to_string();
        assert_eq!(failed, "sh failed (exit status: 3):\nwhy\n");
    }
}
