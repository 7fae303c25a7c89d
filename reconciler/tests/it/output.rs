//! Outputs without a reader: the program neither panics nor keeps running.

use std::{fs::OpenOptions, io, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};

use crate::{
    command::command,
    fixture::{Stage, until},
    watch::metrics,
};

/// Long enough for any program that is not stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Its exit status, and its standard error.
async fn ended(child: Child) -> (Option<i32>, String) {
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.expect("it ends").unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!errors.contains("panicked"), "{errors}");
    (output.status.code(), errors)
}

fn closed() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

#[tokio::test]
async fn a_reader_who_has_left_is_no_error_and_a_full_disk_is_one() {
    let stage = Stage::open(10).await;
    stage.buy(4).await;
    let sale = stage.sale.to_string();
    for arguments in [
        &["audit"][..],
        &["audit", "--json"],
        &["audit", "--repair"],
        &["rebuild", &sale],
        &["rebuild", &sale, "--json"],
        &["rejections", "list"],
        &["rejections", "list", "--json"],
        &["rejections", "replay", "--sale", &sale],
        &["--help"],
    ] {
        let child = command(&stage, arguments).stdout(closed()).spawn().unwrap();
        let (status, errors) = ended(child).await;
        assert_eq!(status, Some(0), "{arguments:?}: {errors}");
    }
    for (arguments, wanted) in [
        (&["audit"][..], 3),
        (&["audit", "--watch"], 1),
        (&["rejections", "list"], 1),
    ] {
        let child = command(&stage, arguments).stdout(full()).spawn().unwrap();
        let (status, errors) = ended(child).await;
        assert_eq!(status, Some(wanted), "{arguments:?}: {errors}");
        let told = "standard output cannot be written to: No space left on device";
        assert!(errors.contains(told), "{arguments:?}: {errors}");
    }
}

#[tokio::test]
async fn a_watch_ends_when_its_reader_leaves_though_nothing_changes() {
    let stage = Stage::open(10).await;
    let arguments = ["audit", "--watch", "--every-seconds", "1"];
    let mut watching = command(&stage, &arguments).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        lines.next_line().await.unwrap().expect("it prints");
    }
    drop(lines);
    let (status, errors) = ended(watching).await;
    assert_eq!(status, Some(0), "{errors}");
    assert!(!errors.contains("standard output"), "{errors}");
}

#[tokio::test]
async fn a_watch_that_serves_metrics_says_once_that_nobody_reads_and_goes_on() {
    let stage = Stage::open(10).await;
    let port = servers::free_port().unwrap();
    let address = format!("127.0.0.1:{port}");
    let arguments = [
        "audit",
        "--watch",
        "--every-seconds",
        "1",
        "--metrics-address",
        &address,
    ];
    for output in [closed(), full()] {
        let watching = command(&stage, &arguments).stdout(output).spawn().unwrap();
        let terms = stage.keys.terms(stage.sale);
        for (limit, verdict) in [(11, "differs"), (10, "agrees")] {
            stage
                .raw(
                    "HSET",
                    vec![terms.clone().into(), "limit".into(), limit.into()],
                )
                .await;
            let expected = format!("mincommerce_audit_sales{{verdict=\"{verdict}\"}} 1");
            until("the metrics tell of the change", async || {
                metrics(port).await.contains(&expected)
            })
            .await;
        }
        let pid = watching.id().unwrap();
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).unwrap();
        let (status, errors) = ended(watching).await;
        assert_eq!(status, Some(0), "{errors}");
        let told = errors.matches("this process goes on without it").count();
        assert_eq!(told, 1, "{errors}");
    }
}
