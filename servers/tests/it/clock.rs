//! Servers with a wrong clock.

use std::time::{SystemTime, UNIX_EPOCH};

use servers::{Clock, RedisOptions, RedisServer};

const HOUR: i64 = 3_600;

/// How far two readings of one clock may differ, seconds.
const TOLERANCE: i64 = 30;

/// How many seconds the server's clock is ahead of ours.
fn off_by(server: &RedisServer) -> i64 {
    let script = "return redis.call('TIME')[1]";
    let said = server.command(&["EVAL", script, "0"]).expect("answers");
    let ours = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    said.parse::<i64>().expect("seconds") - ours.as_secs().cast_signed()
}

#[test]
fn a_redis_goes_by_a_clock_that_is_set_while_it_runs_and_after_a_restart() {
    let clock = Clock::new().expect("a clock");
    let server = RedisServer::start(RedisOptions {
        supervised: false,
        environment: clock.environment(),
        ..RedisOptions::default()
    })
    .expect("redis starts");
    for hours in [0, -1, 2] {
        clock.set_off_by(hours * HOUR).expect("set");
        let off_by = off_by(&server);
        assert!((off_by - hours * HOUR).abs() <= TOLERANCE, "{off_by}");
    }
    server.kill().expect("killed");
    server.start_again().expect("started again");
    let off_by = off_by(&server);
    assert!((off_by - 2 * HOUR).abs() <= TOLERANCE, "{off_by}");
}
