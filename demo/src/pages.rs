//! The pages: their addresses, opening them in a browser, and waiting until somebody watches.
//!
//! With `--watch` the rush begins once a console is open, so that it can be seen. A console that is open holds an event
//! stream of the API, which the API counts in its metrics. Nothing else is a sign that somebody watches: a page that was
//! only fetched may show the sign-in.

use std::{
    env,
    io::{BufRead as _, IsTerminal as _, stdin, stdout},
    thread,
    time::Duration,
};

use nix::unistd::{getpgrp, tcgetpgrp};
use process::output::note;
use reqwest::Client;
use tokio::time::{sleep, timeout};

use super::{seed::Pages, show};

/// How long the demo waits with `--watch`, seconds, unless it is given another time.
pub(super) const WATCH_SECONDS: &str = "600";
/// The longest time that it can be given: a day.
pub(super) const WATCH_SECONDS_MAX: u64 = 86_400;
/// How often the demo reads the metrics meanwhile.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// How long one reading may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// The streams of consoles that are open.
const METRIC: &str = "mincommerce_console_streams";

impl Pages {
    /// On a terminal with a desktop: opens both pages each time the person presses Enter. Nothing waits for that.
    pub(super) fn offer(&self) {
        if !(is_in_front() && stdout().is_terminal() && has_desktop()) {
            return;
        }
        let pages = self.clone();
        let reading = thread::Builder::new()
            .name("enter".to_owned())
            .spawn(move || {
                for line in stdin().lock().lines() {
                    if line.is_err() {
                        return;
                    }
                    pages.open();
                }
            });
        if reading.is_ok() {
            show::step("press Enter to open both in a browser");
        }
    }

    fn open(&self) {
        for page in [&self.console, &self.store] {
            if let Err(error) = open::that_detached(page) {
                note(&format!("{page} could not be opened: {error}"));
            }
        }
    }
}

/// Waits until a console is open, for so long. Says what it waits for, and what comes of it.
pub(super) async fn until_watched(
    pages: &Pages,
    metrics: &str,
    patience: Duration,
) -> reqwest::Result<()> {
    let client = Client::builder().no_proxy().build()?;
    let seconds = patience.as_secs();
    show::step(&format!(
        "the rush begins when somebody watches: sign in at {} (within {seconds} s)",
        pages.console
    ));
    let watched = async {
        while !is_watched(&client, metrics).await {
            sleep(LOOK_PAUSE).await;
        }
    };
    show::step(match timeout(patience, watched).await {
        Ok(()) => "a console is open: the rush begins",
        Err(_) => "nobody has opened a console in that time: the rush begins",
    });
    Ok(())
}

/// Whether a console is open. A process that is being restarted has none.
async fn is_watched(client: &Client, metrics: &str) -> bool {
    let read = async {
        let text = client.get(metrics).send().await?.text().await?;
        Ok::<_, reqwest::Error>(streams(&text) > 0)
    };
    matches!(timeout(LOOK_TIMEOUT, read).await, Ok(Ok(true)))
}

/// The number of open consoles in a page of metrics.
fn streams(metrics: &str) -> u64 {
    let mut values = metrics.lines().filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == METRIC).then(|| value.parse().ok())?
    });
    values.next().unwrap_or(0)
}

/// Whether the person's keys come here. The system would stop a job in the background that reads them.
fn is_in_front() -> bool {
    stdin().is_terminal() && tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

/// Whether a browser would have somewhere to show a page.
fn has_desktop() -> bool {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_remote = is_set("SSH_CONNECTION");
    let is_mac = cfg!(target_os = "macos");
    is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || is_mac && !is_remote
}

#[cfg(test)]
mod tests {
    use super::streams;

    #[test]
    fn open_consoles_are_counted_in_the_metrics() {
        let page = "# HELP mincommerce_console_streams Consoles.\n\
                    # TYPE mincommerce_console_streams gauge\n\
                    mincommerce_console_streams 2\n\
                    mincommerce_console_streams_other 7\n";
        assert_eq!(streams(page), 2);
        assert_eq!(streams("mincommerce_console_streams 0\n"), 0);
        assert_eq!(streams(""), 0);
    }
}
