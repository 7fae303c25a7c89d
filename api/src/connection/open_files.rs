//! Room for connections: each is an open file, and the system limits the open files of a process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Open files besides the connections: those to Redis and Postgres, the listeners, the log.
const RESERVED: u64 = 256;

/// How many connections one address may have, if there are so many places: half of them at most, where the system allows
/// fewer connections than were wanted. (0 is no limit.)
pub fn share_of_address(wanted: usize, places_wanted: usize, places: usize) -> usize {
    if places < places_wanted {
        wanted.min(places.div_ceil(2))
    } else {
        wanted
    }
}

/// Raises the limit of open files as far as the system allows. Returns how many of the `wanted` connections then have
/// room.
pub fn room_for(wanted: usize) -> usize {
    let allowed = match raise_limit() {
        Ok(allowed) => allowed,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known");
            return wanted;
        }
    };
    let room = usize::try_from(allowed.saturating_sub(RESERVED)).unwrap_or(usize::MAX);
    if wanted <= room {
        return wanted;
    }
    let room = room.max(1);
    tracing::warn!(
        setting = "CONNECTIONS_MAX",
        wanted,
        connections_max = room,
        open_files_max = allowed,
        "the system allows too few open files (ulimit -Hn): fewer connections are taken at the same time",
    );
    room
}

fn raise_limit() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::share_of_address;

    #[test]
    fn one_address_never_has_all_of_too_few_places() {
        assert_eq!(share_of_address(2_000, 20_000, 20_000), 2_000);
        assert_eq!(share_of_address(2_000, 20_000, 768), 384);
        assert_eq!(share_of_address(100, 20_000, 768), 100);
        assert_eq!(share_of_address(2_000, 20_000, 1), 1);
        assert_eq!(share_of_address(0, 20_000, 768), 0, "no limit");
    }
}
