//! What Redis says of itself, for people: its nodes, and what their settings mean for an admission.

use fred::{
    clients::Client,
    interfaces::{ClientLike, ClusterInterface, ConfigInterface},
};

use super::{Gate, GateError, durability::Level};

/// A server of Redis that holds gates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisNode {
    /// Where it is; empty if that is not known.
    pub address: String,
    /// Its role, in its own word: `master`, unless it has just been replaced.
    pub role: String,
    /// Its version.
    pub version: String,
    /// The memory that it uses.
    pub memory_bytes: u64,
    /// The memory that it may use; `None` without a limit.
    pub memory_bytes_max: Option<u64>,
    /// Whether it keeps an append-only file.
    pub append_only: bool,
    /// When it syncs that file, its setting `appendfsync`; `None` if it hides its settings.
    pub append_fsync: Option<String>,
    /// The replicas that are connected to it.
    pub replicas: u64,
}

/// What a 202 is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The setting.
    pub level: Level,
    /// When a 202 is given.
    pub given_once: String,
    /// What can be lost all the same.
    pub can_be_lost: &'static str,
}

impl Gate {
    /// What each server that may hold gates says of itself.
    ///
    /// # Errors
    /// If one of them does not answer.
    pub async fn nodes(&self) -> Result<Vec<RedisNode>, GateError> {
        let client = self.client();
        let Some(cluster) = client.cached_cluster_state() else {
            let addresses = client.active_connections();
            let address = addresses.first().map(ToString::to_string);
            return Ok(vec![node(client, address.unwrap_or_default()).await?]);
        };
        let mut nodes = Vec::new();
        for primary in cluster.unique_primary_nodes() {
            let address = primary.to_string();
            let info: String = client.with_cluster_node(&primary).info(None).await?;
            let fsync = client.with_cluster_node(&primary);
            let fsync = fsync.config_get::<Vec<String>, _>("appendfsync").await;
            nodes.push(RedisNode::of(&info, address, fsync.ok()));
        }
        Ok(nodes)
    }

    /// What a 202 is worth, with these servers.
    pub fn promise(&self, nodes: &[RedisNode]) -> Promise {
        let level = self.durability.level();
        let given_once = match level {
            Level::Memory => "Redis has decided.".to_owned(),
            Level::Aof => "Redis has synced it to the append-only file.".to_owned(),
            Level::Replica => format!(
                "Redis has decided, and {} have acknowledged it.",
                match self.durability.replicas() {
                    1 => "one replica".to_owned(),
                    count => format!("{count} replicas"),
                }
            ),
        };
        Promise {
            level,
            given_once,
            can_be_lost: can_be_lost(level, nodes),
        }
    }
}

async fn node(client: &Client, address: String) -> Result<RedisNode, GateError> {
    let info: String = client.info(None).await?;
    let fsync = client.config_get::<Vec<String>, _>("appendfsync").await;
    Ok(RedisNode::of(&info, address, fsync.ok()))
}

impl RedisNode {
    /// By the answers to INFO and CONFIG GET.
    fn of(info: &str, address: String, fsync: Option<Vec<String>>) -> Self {
        let field = |name: &str| {
            let lines = info.lines();
            let mut values = lines.filter_map(|line| line.split_once(':'));
            let value = values.find(|(known, _)| *known == name);
            value.map_or("", |(_, value)| value.trim())
        };
        let number = |name: &str| field(name).parse::<u64>().unwrap_or_default();
        Self {
            address,
            role: field("role").to_owned(),
            version: field("redis_version").to_owned(),
            memory_bytes: number("used_memory"),
            memory_bytes_max: Some(number("maxmemory")).filter(|max| *max > 0),
            append_only: field("aof_enabled") == "1",
            append_fsync: fsync.and_then(|pair| pair.into_iter().nth(1)),
            replicas: number("connected_slaves"),
        }
    }
}

/// In the words of docs/guarantees.md.
fn can_be_lost(level: Level, nodes: &[RedisNode]) -> &'static str {
    match level {
        Level::Memory if nodes.is_empty() => "Not known while Redis does not answer.",
        Level::Aof => {
            "The purchases of a Redis whose disk is lost, as far as they were not recorded yet."
        }
        Level::Replica => {
            "Purchases that were not recorded yet, where Redis and those replicas are lost together, or another replica \
             than those takes over."
        }
        Level::Memory if nodes.iter().any(|node| !node.append_only) => {
            "All purchases that were not recorded yet, when Redis ends: it keeps no append-only file."
        }
        Level::Memory if !nodes.is_empty() && nodes.iter().all(RedisNode::syncs_always) => {
            "The purchases of a Redis whose disk is lost, as far as they were not recorded yet."
        }
        Level::Memory => {
            "Purchases of the last second or so that were not recorded yet, when the machine of Redis dies. Nothing, \
             when the process alone dies and its disk keeps up."
        }
    }
}

impl RedisNode {
    fn syncs_always(&self) -> bool {
        self.append_fsync.as_deref() == Some("always")
    }
}

#[cfg(test)]
mod tests {
    use super::RedisNode;

    #[test]
    fn a_node_is_read_from_its_answers() {
        let info = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nused_memory:1024\r\nmaxmemory:0\r\n\
                    # Persistence\r\naof_enabled:1\r\n# Replication\r\nrole:master\r\nconnected_slaves:2\r\n";
        let fsync = vec!["appendfsync".to_owned(), "everysec".to_owned()];
        let node = RedisNode::of(info, "here:1".to_owned(), Some(fsync));
        let expected = RedisNode {
            address: "here:1".to_owned(),
            role: "master".to_owned(),
            version: "7.0.15".to_owned(),
            memory_bytes: 1_024,
            memory_bytes_max: None,
            append_only: true,
            append_fsync: Some("everysec".to_owned()),
            replicas: 2,
        };
        assert_eq!(node, expected);
        let hidden = RedisNode::of("maxmemory:5", String::new(), None);
        assert_eq!(
            (hidden.memory_bytes_max, hidden.append_fsync),
            (Some(5), None)
        );
    }
}
