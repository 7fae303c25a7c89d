//! The scripts of `lua/` as Redis gets them.

use fred::{
    clients::Client,
    interfaces::LuaInterface,
    types::{Value, scripts::Script},
};

use super::GateError;

/// The text that scripts share to read a number.
const NUMBER: &str = include_str!("../../../lua/number.lua");

/// The scripts of `lua/`, one constant a file.
pub(super) struct Scripts {
    pub(super) admit: Script,
    pub(super) sync: Script,
    pub(super) forget: Script,
    pub(super) close: Script,
    pub(super) swap: Script,
    pub(super) open: Script,
    pub(super) remove_consumer: Script,
    pub(super) snapshot: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            admit: Script::from_lua(with_number(include_str!("../../../lua/admit.lua"))),
            sync: Script::from_lua(with_number(include_str!("../../../lua/sync.lua"))),
            forget: Script::from_lua(include_str!("../../../lua/forget.lua")),
            close: Script::from_lua(include_str!("../../../lua/close.lua")),
            swap: Script::from_lua(with_number(include_str!("../../../lua/swap.lua"))),
            open: Script::from_lua(include_str!("../../../lua/open.lua")),
            remove_consumer: Script::from_lua(include_str!("../../../lua/remove_consumer.lua")),
            snapshot: Script::from_lua(include_str!("../../../lua/snapshot.lua")),
        }
    }
}

/// A script that uses `lua/number.lua`, with that text behind its first line: only a first line can hold flags.
pub fn with_number(script: &str) -> String {
    let (flags, rest) = script.split_once('\n').unwrap_or((script, ""));
    format!("{flags}\n{NUMBER}{rest}")
}

/// Runs a script on this connection by its hash, and sends its source if this Redis does not know it yet.
pub(super) async fn run_on(
    client: &Client,
    script: &Script,
    keys: Vec<String>,
    args: Vec<Value>,
) -> Result<Value, GateError> {
    let answer = client
        .evalsha(script.sha1().clone(), keys.clone(), args.clone())
        .await;
    match (answer, script.lua()) {
        (Err(error), Some(source)) if error.details().starts_with("NOSCRIPT") => {
            Ok(client.eval(source.clone(), keys, args).await?)
        }
        (answer, _) => Ok(answer?),
    }
}
