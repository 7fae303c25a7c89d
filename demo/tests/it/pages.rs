//! The demo and the pages: where they are, opening them, and a rush that waits until somebody watches.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::demo::{DEADLINE, Demo, LOOK_PAUSE};

/// Opens the console of the demo's sale, as its page does. It is open as long as the stream lives.
fn console(info: &Value) -> TcpStream {
    let member = |name: &str| info[name].as_str().unwrap();
    let address = member("api").strip_prefix("http://").unwrap();
    let (sale, token) = (member("saleId"), member("adminToken"));
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /api/admin/flash-sale/{sale}/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

#[test]
fn a_watched_demo_begins_its_rush_when_a_console_is_open() {
    let mut demo = Demo::start(&["--buyers", "200", "--units", "10", "--watch", "--exit"]);
    let info = demo.info();
    let sale = info["saleId"].as_str().unwrap();
    let api = info["api"].as_str().unwrap();
    let out = demo.folder.path().join("out");
    let has = |text: &str| fs::read_to_string(&out).unwrap().contains(text);
    demo.until(|| has("the rush begins when somebody watches"));
    for line in [
        format!("the storefront: {api}/sales/{sale}"),
        format!("the console: {api}/admin/sales/{sale}"),
        "the admin signs in as admin@".to_owned(),
        "(within 600 s)".to_owned(),
    ] {
        assert!(has(&line), "{line}:\n{}", demo.out());
    }
    // Longer than the demo waits between two looks.
    sleep(Duration::from_secs(1));
    assert!(!has("a console is open"), "{}", demo.out());
    let watching = console(&info);
    assert_eq!(demo.ended().code(), Some(0), "{}", demo.out());
    drop(watching);
    assert!(has("a console is open: the rush begins"), "{}", demo.out());
    assert!(has("10 told, 10 in Postgres"), "{}", demo.out());
}

#[test]
fn a_demo_that_nobody_watches_says_so_and_goes_on() {
    let mut demo = Demo::start(&["--buyers", "200", "--units", "10", "--watch=1", "--exit"]);
    assert_eq!(demo.ended().code(), Some(0), "{}", demo.out());
    let says = "nobody has opened a console in that time: the rush begins";
    assert!(demo.out().contains(says), "{}", demo.out());
    assert!(
        demo.out().contains("10 told, 10 in Postgres"),
        "{}",
        demo.out()
    );
}

#[test]
fn a_demo_has_the_shop_of_its_environment() {
    let shop = [("SHOP_NAME", "Lamps of Anna"), ("SHOP_LANG", "de")];
    let mut demo = Demo::start_with(&shop, &["--buyers", "1", "--units", "1"]);
    let info = demo.info();
    let address = info["api"].as_str().unwrap().strip_prefix("http://");
    let address = address.unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.contains("Lamps of Anna"), "{page}");
    assert!(page.contains("lang=\"de\""), "{page}");
}

/// Waits until a file has this text. Returns all of it.
#[track_caller]
fn until_written(path: &Path, text: &str) -> String {
    let started = Instant::now();
    loop {
        let written = fs::read_to_string(path).unwrap_or_default();
        if written.contains(text) {
            return written;
        }
        assert!(started.elapsed() < DEADLINE, "no {text} in {written}");
        sleep(LOOK_PAUSE);
    }
}

/// `script` gives the demo a terminal; the browser is a program that writes down what it should show. Of the shell that
/// `script` starts nothing may be left: one that hears Ctrl-C too would end with its own status.
#[test]
#[cfg(target_os = "linux")]
fn on_a_terminal_with_a_desktop_enter_opens_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (browser, opened) = (folder.path().join("xdg-open"), folder.path().join("opened"));
    fs::write(&browser, "#!/bin/sh\necho \"$1.\" >> \"$OPENED\"\n").unwrap();
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let out = folder.path().join("out");
    let demo = env!("CARGO_BIN_EXE_mincommerce-demo");
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command"])
        .arg(format!("exec {demo} --port 0 --buyers 100 --units 10"))
        .arg("/dev/null")
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env("TMPDIR", folder.path())
        .env("OPENED", &opened)
        .env("DISPLAY", ":0")
        .env_remove("REDIS_URL")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut keys = terminal.stdin.take().unwrap();
    let shown = until_written(&out, "press Enter");
    keys.write_all(b"\n").unwrap();
    for page in ["the storefront: ", "the console: "] {
        let address = shown.split(page).nth(1).unwrap();
        let address = address.split_whitespace().next().unwrap();
        until_written(&opened, &format!("{address}."));
    }
    until_written(&out, "It goes on serving");
    // Ctrl-C.
    keys.write_all(b"\x03").unwrap();
    let status = terminal.wait().unwrap();
    assert_eq!(
        status.code(),
        Some(0),
        "{}",
        fs::read_to_string(&out).unwrap()
    );
}
