//! Requests to end, the same in every service: SIGTERM, SIGINT from a terminal, or SIGHUP from a terminal or a shell
//! that closes. All three end the process in order.
//!
//! | signal | the first | another one |
//! | --- | --- | --- |
//! | SIGTERM, SIGINT | ends the process in order | ends it at once, with status 130 |
//! | SIGHUP | ends the process in order | changes nothing: a terminal that closes sends two |
//!
//! A process that started with SIGHUP ignored survives a hang-up: `nohup` asks for that.

use std::{fs, future::Future, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit status after a second request to end.
const ASKED_TWICE_STATUS: i32 = 130;
/// Where Linux shows which signals this process ignores. Other systems do not show it without `unsafe`.
const STATUS_FILE: &str = "/proc/self/status";
/// The line of [`STATUS_FILE`] with the mask of ignored signals, in hexadecimal (proc(5)).
const IGNORED_SIGNALS: &str = "SigIgn:";
/// The bit of SIGHUP in that mask.
const HANG_UP_BIT: u64 = 1;

/// Listens for signals from now on. The future is ready when the first one comes. A SIGTERM or SIGINT after that ends
/// the process at once. Fails if the system does not let this process listen for signals.
pub fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = if is_hang_up_ignored() {
        None
    } else {
        Some(signal(SignalKind::hangup())?)
    };
    Ok(async move {
        tokio::select! {
            () = terminated(&mut terminate, &mut interrupt) => {}
            () = hung_up(hang_up.as_mut()) => {}
        }
        tokio::spawn(async move {
            terminated(&mut terminate, &mut interrupt).await;
            tracing::warn!("asked to end a second time: ending at once");
            std::process::exit(ASKED_TWICE_STATUS);
        });
    })
}

async fn terminated(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn hung_up(hang_up: Option<&mut Signal>) {
    match hang_up {
        Some(hang_up) => {
            hang_up.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn is_hang_up_ignored() -> bool {
    fs::read_to_string(STATUS_FILE).is_ok_and(|status| ignores_hang_up(&status))
}

fn ignores_hang_up(status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix(IGNORED_SIGNALS));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & HANG_UP_BIT != 0)
}

#[cfg(test)]
mod tests {
    use super::ignores_hang_up;

    #[test]
    fn a_hang_up_is_ignored_where_the_lowest_bit_of_the_mask_is_set() {
        for (mask, ignored) in [
            ("0000000000000001", true),
            ("0000000000001001", true),
            ("0000000000001000", false),
            ("fffffffffffffffe", false),
            ("nonsense", false),
        ] {
            let status = format!("Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
            assert_eq!(ignores_hang_up(&status), ignored, "{mask}");
        }
        assert!(!ignores_hang_up("Name:\tx\n"));
    }
}
