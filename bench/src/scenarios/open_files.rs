//! Makes room for many connections: raises the limit of open files of this process, which the servers that it starts
//! inherit.

use anyhow::ensure;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Open files besides the connections.
const OTHERS: u64 = 256;

pub fn make_room(connections: u32) -> anyhow::Result<()> {
    let wanted = u64::from(connections) + OTHERS;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        wanted <= hard,
        "{connections} connections need {wanted} open files, and this system allows {hard} (ulimit -Hn)"
    );
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(())
}
