//! One command to a Redis server, on a connection of its own, in its protocol RESP2: enough to
//! see that a server is ready and to set it up. Commands are sent as arrays of bulk strings after
//! an `AUTH`; replies may be a simple string, an error, an integer or a bulk string.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::Error;

/// The timeout for connecting, and for each wait for bytes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest accepted bulk string.
const BULK_MAX_BYTES: usize = 1024 * 1024;

/// Sends one command to 127.0.0.1 and returns the reply, a nil as empty.
pub(crate) fn command(port: u16, password: &str, words: &[&str]) -> Result<String, Error> {
    let connected = || {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(stream)
    };
    ask(connected(), password, words)
}

/// The same through a Unix socket.
pub(crate) fn command_by_socket(
    path: &Path,
    password: &str,
    words: &[&str],
) -> Result<String, Error> {
    let connected = || {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(stream)
    };
    ask(connected(), password, words)
}

fn ask(
    stream: io::Result<impl Read + Write>,
    password: &str,
    words: &[&str],
) -> Result<String, Error> {
    let name = words.first().copied().unwrap_or_default();
    let failed = || Error::io(format!("send {name} to redis"));
    let mut stream = stream.map_err(failed())?;
    let request = encode(&["AUTH", password]) + &encode(words);
    stream.write_all(request.as_bytes()).map_err(failed())?;
    let mut replies = BufReader::new(stream);
    let refused = |reply: String| Error::Reply {
        command: name.to_owned(),
        reply,
    };
    read_reply(&mut replies)
        .map_err(failed())?
        .map_err(refused)?;
    read_reply(&mut replies).map_err(failed())?.map_err(refused)
}

fn encode(words: &[&str]) -> String {
    let bulks = words
        .iter()
        .map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n", words.len()) + &bulks.collect::<String>()
}

/// The reply, or the error that the server sent.
fn read_reply(replies: &mut impl BufRead) -> io::Result<Result<String, String>> {
    let mut line = String::new();
    replies.read_line(&mut line)?;
    let line = line.trim_end();
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, format!("reply {line:?}"));
    let (kind, rest) = line.split_at_checked(1).ok_or_else(unreadable)?;
    match kind {
        "+" | ":" => Ok(Ok(rest.to_owned())),
        "-" => Ok(Err(rest.to_owned())),
        "$" if rest == "-1" => Ok(Ok(String::new())),
        "$" => {
            let length = rest
                .parse::<usize>()
                .ok()
                .filter(|length| *length <= BULK_MAX_BYTES);
            let mut bulk = vec![0; length.ok_or_else(unreadable)? + 2];
            replies.read_exact(&mut bulk)?;
            bulk.truncate(bulk.len() - 2);
            String::from_utf8(bulk).map(Ok).map_err(|_| unreadable())
        }
        _ => Err(unreadable()),
    }
}
