//! chromedriver as a child process, the Chromium that it starts, and going to pages.

use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{self, Signal},
    unistd::{Pid, geteuid},
};
use serde_json::{Value, json};
use thirtyfour::{
    ChromiumLikeCapabilities as _, DesiredCapabilities, Key, LoggingPrefsLogLevel, WebDriver,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{
    BrowserError, Screen,
    problems::Problems,
    programs::{CHROMEDRIVER, CHROMIUM},
};
use crate::processes::{Launch, Process};

const NAME: &str = "chromedriver";

/// How long chromedriver may take to listen.
const READY_DEADLINE: Duration = Duration::from_secs(20);

/// How long chromedriver may take to end in order.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// How long a condition on a page may take to hold, if the test names no other limit.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The pause between looks at a page.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// How often the removal of a profile is tried, and the pause in between.
const REMOVE_ATTEMPTS: u32 = 40;
const REMOVE_PAUSE: Duration = Duration::from_millis(50);

/// Variables of our environment that chromedriver and Chromium get.
const INHERITED: [&str; 4] = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "LANG"];

/// Where chromedriver says which process Chromium is.
const CHROMIUM_PID: &str = "goog:processID";

/// The arguments of every Chromium.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    // chromedriver speaks to it through a pipe: when chromedriver is gone, the pipe closes and Chromium ends.
    "--remote-debugging-pipe",
    // The memory of /dev/shm is small in containers.
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
];

/// A running Chromium with one chromedriver. Dropping it ends both.
pub struct Browser {
    pub(super) driver: WebDriver,
    pub(super) problems: Mutex<Problems>,
    /// Chromium, a child of chromedriver.
    chromium: Option<Pid>,
    process: Process,
    // Goes last: fields are dropped in this order.
    pub(super) folder: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser with a profile of its own.
    ///
    /// # Errors
    /// A program is missing or does not start.
    pub async fn start(screen: Screen) -> Result<Self, BrowserError> {
        let chromium = CHROMIUM.find()?;
        let folder = tempfile::Builder::new()
            .prefix("mincommerce-browser-")
            .tempdir()?;
        let place = folder.path().to_owned();
        let (process, port) = spawn_blocking(move || start_driver(&place)).await??;
        let wanted = capabilities(&chromium, folder.path(), screen)?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await?;
        let chromium = driver.capabilities().get(CHROMIUM_PID);
        let chromium = chromium.and_then(Value::as_i64);
        let chromium = chromium.and_then(|pid| i32::try_from(pid).ok());
        let browser = Self {
            driver,
            problems: Mutex::default(),
            chromium: chromium.map(Pid::from_raw),
            process,
            folder,
        };
        browser.set_screen(screen).await?;
        Ok(browser)
    }

    /// Goes to an address, and waits until the page has loaded.
    pub async fn goto(&self, address: &str) -> Result<(), BrowserError> {
        Ok(self.driver.goto(address).await?)
    }

    /// Loads the page again.
    pub async fn reload(&self) -> Result<(), BrowserError> {
        Ok(self.driver.refresh().await?)
    }

    /// Goes back to the page before.
    pub async fn back(&self) -> Result<(), BrowserError> {
        Ok(self.driver.back().await?)
    }

    /// Presses a key, for the part of the page that has the keys.
    pub async fn press(&self, key: Key) -> Result<(), BrowserError> {
        let pressing = self.driver.action_chain().send_keys(key);
        Ok(pressing.perform().await?)
    }

    /// Types a text, for the part of the page that has the keys.
    pub async fn type_text(&self, text: &str) -> Result<(), BrowserError> {
        let typing = self.driver.action_chain().send_keys(text);
        Ok(typing.perform().await?)
    }

    /// The path and query of the page's address.
    pub async fn path(&self) -> Result<String, BrowserError> {
        let address = self.driver.current_url().await?;
        let query = address.query().map(|query| format!("?{query}"));
        Ok(format!("{}{}", address.path(), query.unwrap_or_default()))
    }

    /// The text that the page shows.
    pub async fn text(&self) -> Result<String, BrowserError> {
        let shown = self.run("return document.body.innerText", &[]).await?;
        Ok(shown.as_str().unwrap_or_default().to_owned())
    }

    /// Runs a script in the page, as the body of a function, and returns its result. Waits for a promise.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Result<Value, BrowserError> {
        let answer = self.driver.execute(script, arguments.to_vec()).await?;
        Ok(answer.json().clone())
    }

    /// Waits until the page shows a text.
    pub async fn until_text(&self, wanted: &str) -> Result<(), BrowserError> {
        let shows = async || Ok(self.text().await?.contains(wanted));
        self.until(&format!("the page shows {wanted:?}"), PATIENCE, shows)
            .await
    }

    /// Waits until the page no longer shows a text.
    pub async fn until_no_text(&self, unwanted: &str) -> Result<(), BrowserError> {
        let lacks = async || Ok(!self.text().await?.contains(unwanted));
        self.until(&format!("the page lacks {unwanted:?}"), PATIENCE, lacks)
            .await
    }

    /// Waits until the page's address has a path that begins so.
    pub async fn until_path(&self, start: &str) -> Result<(), BrowserError> {
        let there = async || Ok(self.path().await?.starts_with(start));
        self.until(
            &format!("the address begins with {start:?}"),
            PATIENCE,
            there,
        )
        .await
    }

    /// Waits until a condition holds. An error of the condition counts as not yet: the page may just be changing.
    ///
    /// # Errors
    /// The time ran out. The message shows the page.
    pub async fn until(
        &self,
        what: &str,
        limit: Duration,
        mut holds: impl AsyncFnMut() -> Result<bool, BrowserError>,
    ) -> Result<(), BrowserError> {
        let started = Instant::now();
        loop {
            let last = match holds().await {
                Ok(true) => return Ok(()),
                Ok(false) => String::new(),
                Err(error) => format!("\nthe last look failed: {error}"),
            };
            if started.elapsed() >= limit {
                let page = self.described().await;
                return Err(format!("not within {limit:?}: {what}{last}\n{page}").into());
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// The page in words, for a failure: its address, text, and what the browser complained about. A picture of it is
    /// kept.
    async fn described(&self) -> String {
        let path = self.path().await.unwrap_or_else(|error| error.to_string());
        let text = self.text().await.unwrap_or_else(|error| error.to_string());
        let tree = self.outline().await.unwrap_or_default();
        let complaints = self.complaints().await.unwrap_or_default();
        let picture = env::temp_dir().join(format!(
            "mincommerce-browser-{:08x}.png",
            rand::random::<u32>()
        ));
        let kept = match self.driver.screenshot(&picture).await {
            Ok(()) => picture.display().to_string(),
            Err(error) => error.to_string(),
        };
        format!(
            "address: {path}\npicture: {kept}\ncomplaints: {complaints:?}\n{tree}\n--- text\n{text}"
        )
    }

    /// Keeps a picture of the page in a file.
    pub async fn picture(&self, file: &Path) -> Result<(), BrowserError> {
        Ok(self.driver.screenshot(file).await?)
    }

    /// Ends the browser.
    ///
    /// # Errors
    /// The browser complained about something that the test did not expect: an error of a script, a violation of the
    /// Content-Security-Policy, a failed request.
    pub async fn close(self) -> Result<(), BrowserError> {
        let complaints = self.complaints().await?;
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(format!("the browser complained:\n{}", complaints.join("\n")).into())
        }
    }

    /// A command of the DevTools protocol.
    pub(super) async fn devtools(
        &self,
        method: &str,
        parameters: Value,
    ) -> Result<Value, BrowserError> {
        Ok(self.driver.cdp().send_raw(method, parameters).await?)
    }

    pub(super) fn with_problems<T>(&self, act: impl FnOnce(&mut Problems) -> T) -> T {
        act(&mut self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Browser {
    /// Ends Chromium at once: nothing of its profile is needed. While chromedriver runs and has not waited for it, its pid is
    /// no other process's.
    fn drop(&mut self) {
        // Otherwise the driver would end the session over HTTP, and block the thread that its answer needs.
        let _ = self.driver.clone().leak();
        if let (Some(chromium), Some(_)) = (self.chromium, self.process.pid()) {
            // It may be gone already.
            let _ = signal::kill(chromium, Signal::SIGKILL);
        }
        // Dropping it would only repeat this.
        let _ = self.process.kill();
        remove(self.folder.path());
    }
}

/// Removes a profile. Chromium's other processes notice its end in a moment, and write until then.
fn remove(folder: &Path) {
    for _ in 0..REMOVE_ATTEMPTS {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => thread::sleep(REMOVE_PAUSE),
            Ok(()) | Err(_) => return,
        }
    }
}

/// Starts chromedriver, and returns once it listens. Blocks.
fn start_driver(folder: &Path) -> Result<(Process, u16), BrowserError> {
    let program = CHROMEDRIVER.find()?;
    let port = servers::free_port()?;
    let inherited = INHERITED.iter().filter_map(|name| {
        let value = env::var(name).ok()?;
        Some(((*name).to_owned(), value))
    });
    let home = ("HOME".to_owned(), folder.display().to_string());
    let process = Process::start(Launch {
        name: NAME,
        program,
        args: vec![format!("--port={port}")],
        environment: inherited.chain([home]).collect(),
        log: folder.join("chromedriver.log"),
        stop_deadline: STOP_DEADLINE,
    })?;
    process.until_ready(READY_DEADLINE, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    })?;
    Ok((process, port))
}

fn capabilities(
    chromium: &Path,
    folder: &Path,
    screen: Screen,
) -> Result<thirtyfour::ChromeCapabilities, BrowserError> {
    let mut wanted = DesiredCapabilities::chrome();
    wanted.set_binary(&chromium.display().to_string())?;
    for argument in ARGUMENTS {
        wanted.add_arg(argument)?;
    }
    let profile = folder.join("profile");
    wanted.add_arg(&format!("--user-data-dir={}", profile.display()))?;
    let Screen { width, height } = screen;
    wanted.add_arg(&format!("--window-size={width},{height}"))?;
    // Chromium's sandbox refuses root.
    if geteuid().is_root() {
        wanted.add_arg("--no-sandbox")?;
    }
    // It saves files without a question.
    let preferences = json!({
        "download.default_directory": downloads(folder),
        "download.prompt_for_download": false,
    });
    wanted.add_experimental_option("prefs", preferences)?;
    wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    Ok(wanted)
}

/// Where a browser with this folder saves files.
pub(super) fn downloads(folder: &Path) -> PathBuf {
    folder.join("downloads")
}
