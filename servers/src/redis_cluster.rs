//! A private Redis Cluster of masters without replicas. It starts them, gives them their slots, introduces them to one
//! another, and waits until every node reports the cluster as ok.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{Error, RedisOptions, RedisServer, redis_config::Part, redis_server::new_password};

/// Hash slots of every Redis Cluster (its specification).
const SLOTS: usize = 16_384;

/// A cluster needs three masters to agree on anything.
const NODES_MIN: usize = 3;

/// More nodes would not make any test clearer.
const NODES_MAX: usize = 9;

/// How long the nodes may take to agree. They wait 2 s by themselves after they started.
const READY_DEADLINE: Duration = Duration::from_secs(30);

/// The pause between checks.
const CHECK: Duration = Duration::from_millis(50);

/// A running private cluster. Dropping it ends its servers and removes their data.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    url: String,
}

impl RedisCluster {
    /// Starts this many masters, all with the same options and password, shares the slots out evenly, and returns once
    /// the cluster is ok.
    ///
    /// # Errors
    /// The number cannot form a cluster, there is no usable program, a server does not start, or the nodes do not agree
    /// in time.
    pub fn start(masters: usize, options: RedisOptions) -> Result<Self, Error> {
        if !(NODES_MIN..=NODES_MAX).contains(&masters) {
            return Err(Error::ClusterSize {
                asked: masters,
                most: NODES_MAX,
            });
        }
        let password = new_password();
        let nodes = (0..masters)
            .map(|_| RedisServer::start_with(&options, &password, Part::InCluster))
            .collect::<Result<Vec<_>, _>>()?;
        let cluster = Self {
            url: url(&nodes, &password, options.tls.is_some()),
            nodes,
        };
        cluster.introduce()?;
        cluster.wait_until_ok()?;
        Ok(cluster)
    }

    /// `redis-cluster://:<password>@127.0.0.1:<port>?node=127.0.0.1:<port>&...`, as fred reads it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The masters, in the order of their slots.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// Waits until every node reports the cluster as ok, for instance after a node has restarted.
    ///
    /// # Errors
    /// They do not agree within 30 s.
    pub fn wait_until_ok(&self) -> Result<(), Error> {
        let started = Instant::now();
        for node in &self.nodes {
            loop {
                let info = node
                    .command(&["CLUSTER", "INFO"])
                    .unwrap_or_else(|error| error.to_string());
                let says = |line: String| info.lines().any(|said| said == line);
                if says("cluster_state:ok".to_owned())
                    && says(format!("cluster_slots_ok:{SLOTS}"))
                    && says(format!("cluster_known_nodes:{}", self.nodes.len()))
                {
                    break;
                }
                if started.elapsed() >= READY_DEADLINE {
                    let deadline_ms = READY_DEADLINE.as_millis();
                    return Err(Error::ClusterNotReady { deadline_ms, info });
                }
                thread::sleep(CHECK);
            }
        }
        Ok(())
    }

    /// Gives each node its slots and an epoch of its own, and makes all of them meet the first.
    fn introduce(&self) -> Result<(), Error> {
        let count = self.nodes.len();
        for (index, node) in self.nodes.iter().enumerate() {
            let first = (SLOTS * index / count).to_string();
            let last = (SLOTS * (index + 1) / count - 1).to_string();
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
        }
        let Some((first, others)) = self.nodes.split_first() else {
            return Ok(());
        };
        for node in others {
            let port = node.port().to_string();
            let bus = node
                .cluster_port()
                .map(|port| port.to_string())
                .unwrap_or_default();
            first.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
        Ok(())
    }
}

fn url(nodes: &[RedisServer], password: &str, has_tls: bool) -> String {
    let s = if has_tls { "s" } else { "" };
    let ports = nodes.iter().map(RedisServer::port).collect::<Vec<_>>();
    let first = ports.first().copied().unwrap_or_default();
    let others = ports
        .iter()
        .skip(1)
        .map(|port| format!("node=127.0.0.1:{port}"));
    format!(
        "redis{s}-cluster://:{password}@127.0.0.1:{first}?{}",
        others.collect::<Vec<_>>().join("&")
    )
}
